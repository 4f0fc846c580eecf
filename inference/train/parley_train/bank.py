"""A bank of recorded utterances on disk: one file of samples, one of their descriptions, both only appended to."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .kokoro import Span

AGENT_BANK = "agent"

_PEAK = 32_767


@dataclass(frozen=True)
class Clip:
    """
    `start` and `length` count samples at 24 kHz. Words and phones are (text, start in s, end in s), counted from
    `start`; where an engine does not tell its times, there are no words, and phones are (text,).
    """

    key: str
    start: int
    length: int
    text: str
    intent: str
    values: dict[str, str]
    phrasing: str
    engine: str
    voice: str
    words: tuple[tuple[str, float, float], ...] = ()
    phones: tuple[tuple[str, float, float] | tuple[str], ...] = ()


def as_rows(spans: tuple[Span, ...]) -> tuple[tuple[str, float, float], ...]:
    return tuple((span.text, round(span.start_s, 4), round(span.end_s, 4)) for span in spans)


class BankWriter:
    """Appends to the bank at `path`, going on where an interrupted writer stopped."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.keys = set()
        end = 0
        index = path.with_suffix(".jsonl")
        if index.exists():
            clips = list(_read_index(index))
            self.keys = {clip.key for clip in clips}
            end = max((clip.start + clip.length for clip in clips), default=0)
        self._audio = open(path.with_suffix(".i16"), "r+b" if path.with_suffix(".i16").exists() else "w+b")
        self._audio.truncate(end * 2)
        self._audio.seek(end * 2)
        self._index = open(index, "a")
        self._end = end

    def append(self, pcm: np.ndarray, **described) -> None:
        samples = np.round(np.clip(pcm, -1, 1) * _PEAK).astype("<i2")
        clip = Clip(start=self._end, length=len(samples), **described)
        self._audio.write(samples.tobytes())
        self._audio.flush()
        # After its samples: what the index names is there.
        self._index.write(json.dumps(asdict(clip)) + "\n")
        self._index.flush()
        self._end += len(samples)
        self.keys.add(clip.key)


class Bank:
    """A bank to read from, its samples mapped rather than loaded."""

    def __init__(self, *paths: Path):
        self.clips: list[Clip] = []
        self._audio: dict[int, np.memmap] = {}
        for path in paths:
            if not path.with_suffix(".jsonl").exists():
                continue
            audio = np.memmap(path.with_suffix(".i16"), "<i2", "r")
            for clip in _read_index(path.with_suffix(".jsonl")):
                if clip.start + clip.length <= len(audio):
                    self._audio[len(self.clips)] = audio
                    self.clips.append(clip)

    def __len__(self) -> int:
        return len(self.clips)

    def pcm(self, index: int) -> np.ndarray:
        clip = self.clips[index]
        return self._audio[index][clip.start : clip.start + clip.length].astype(np.float32) / _PEAK

    @property
    def hours(self) -> float:
        return sum(clip.length for clip in self.clips) / 24_000 / 3600


def _read_index(path: Path):
    for line in path.read_text().splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            # The last line of an interrupted writer.
            break
        for name in ("words", "phones"):
            row[name] = tuple(tuple(span) for span in row[name])
        yield Clip(**row)
