"""Who speaks in the banks, and which voices no training set may hold.

Held out whole: three of Kokoro's voices, Flite's `rms`, espeak's Scottish accent, and Festival as an engine.
"""

import random
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from .bank import as_rows
from .kokoro import Kokoro, Speech, is_phone, phonemes_by_word
from .scale import SAMPLE_RATE_HZ

AGENT_VOICE = "af_heart"
KOKORO_HELD_OUT = ("bm_george", "af_nicole", "am_onyx")
KOKORO_SEEN = tuple(
    "af_alloy af_aoede af_bella af_jessica af_kore af_nova af_river af_sarah af_sky am_adam am_echo am_eric am_fenrir "
    "am_liam am_michael am_puck am_santa bf_alice bf_emma bf_isabella bf_lily bm_daniel bm_fable bm_lewis".split()
)
FLITE_SEEN = ("slt", "awb", "kal16")
FLITE_HELD_OUT = ("rms",)
FESTIVAL_HELD_OUT = ("cmu_us_slt_arctic_hts", "ked_diphone", "kal_diphone")
ESPEAK_SEEN = ("en-us", "en-gb", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd")
ESPEAK_HELD_OUT = ("en-gb-scotland",)
_ESPEAK_VARIANTS = ("", "+f2", "+f3", "+f4", "+m1", "+m3", "+m4", "+m7", "+Annie", "+Andy", "+belinda", "+Denis")


@dataclass(frozen=True)
class Caller:
    """A voice and the way it speaks; `rate` is relative to its own, `pitch` relative too (Kokoro ignores it)."""

    engine: str
    voice: str
    rate: float
    pitch: float

    @property
    def is_held_out(self) -> bool:
        return (
            self.engine == "festival"
            or self.voice in FLITE_HELD_OUT
            or any(name in KOKORO_HELD_OUT for name in self.voice.split("+"))
            or self.voice.split("+")[0] in ESPEAK_HELD_OUT
        )


def draw_caller(engine: str, is_held_out: bool, dice: random.Random) -> Caller:
    rate = dice.uniform(0.82, 1.22)
    pitch = dice.uniform(0.85, 1.2)
    if engine == "kokoro":
        if is_held_out:
            return Caller(engine, dice.choice(KOKORO_HELD_OUT), rate, 1)
        pair = dice.sample(KOKORO_SEEN, 2)
        return Caller(engine, "+".join(pair) if dice.random() < 0.5 else pair[0], rate, 1)
    if engine == "flite":
        return Caller(engine, dice.choice(FLITE_HELD_OUT if is_held_out else FLITE_SEEN), rate, pitch)
    if engine == "espeak":
        accent = dice.choice(ESPEAK_HELD_OUT if is_held_out else ESPEAK_SEEN)
        return Caller(engine, accent + dice.choice(_ESPEAK_VARIANTS), rate, pitch)
    return Caller("festival", dice.choice(FESTIVAL_HELD_OUT), rate, 1)


class Speakers:
    """Every engine behind one call. @param work_dir as Kokoro's."""

    def __init__(self, work_dir: Path, threads: int = 1):
        self._kokoro = Kokoro(work_dir, threads)

    def agent(self, text: str, speed: float = 1.0) -> Speech:
        return self._kokoro.speak(text, AGENT_VOICE, speed)

    def caller(self, text: str, caller: Caller) -> tuple[np.ndarray, tuple, tuple]:
        """Mono float32 at 24 kHz without the silence around it, its words and its phones as a bank describes them."""
        if caller.engine == "kokoro":
            speech = self._kokoro.speak(text, caller.voice, caller.rate)
            return speech.pcm, as_rows(speech.words), as_rows(speech.phones)
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            _COMMANDS[caller.engine](text, caller, file.name)
            pcm, rate_hz = soundfile.read(file.name, dtype="float32")
        phones = tuple((symbol,) for symbol in "".join(phonemes_by_word(text)) if is_phone(symbol))
        return _without_silence(soxr.resample(pcm, rate_hz, SAMPLE_RATE_HZ)), (), phones


def _flite(text: str, caller: Caller, path: str) -> None:
    mean_hz = {"slt": 170, "awb": 130, "rms": 100, "kal16": 105}[caller.voice] * caller.pitch
    settings = ["--setf", f"duration_stretch={1 / caller.rate:.3f}", "--setf", f"int_f0_target_mean={mean_hz:.1f}"]
    subprocess.run(["flite", "-voice", caller.voice, *settings, "-t", text, "-o", path], check=True)


def _espeak(text: str, caller: Caller, path: str) -> None:
    speed, pitch = round(160 * caller.rate), round(50 * caller.pitch)
    command = ["espeak-ng", "-v", caller.voice, "-s", str(speed), "-p", str(pitch), "-w", path, "--", text]
    subprocess.run(command, check=True)


def _festival(text: str, caller: Caller, path: str) -> None:
    script = f"""(voice_{caller.voice})
(Parameter.set 'Duration_Stretch {1 / caller.rate:.3f})
(set! said (SynthText "{text}"))
(utt.save.wave said "{path}" 'riff)"""
    subprocess.run(["festival", "--pipe"], input=script, text=True, check=True, capture_output=True)


_COMMANDS = {"flite": _flite, "espeak": _espeak, "festival": _festival}


def _without_silence(pcm: np.ndarray) -> np.ndarray:
    peak = float(np.abs(pcm).max(initial=0))
    if peak == 0:
        raise ValueError("an engine gave silence")
    loud = np.flatnonzero(np.abs(pcm) > 0.02 * peak)
    margin = SAMPLE_RATE_HZ // 50
    return pcm[max(0, loud[0] - margin) : loud[-1] + margin]
