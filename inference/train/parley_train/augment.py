"""What happens to a caller's voice on its way: gain, noise, room, telephone band, echo of the agent."""

import random

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from .scale import SAMPLE_RATE_HZ

_TELEPHONE = butter(4, [300, 3400], "bandpass", fs=SAMPLE_RATE_HZ, output="sos")


def noise(length: int, rms: float, dice: random.Random) -> np.ndarray:
    """White to red, steady, of the given level."""
    generator = np.random.default_rng(dice.getrandbits(63))
    spectrum = np.fft.rfft(generator.standard_normal(length))
    frequencies = np.maximum(np.fft.rfftfreq(length, 1 / SAMPLE_RATE_HZ), 40)
    shaped = np.fft.irfft(spectrum * frequencies ** (-dice.uniform(0, 1)), length)
    return (shaped * (rms / max(1e-12, float(np.sqrt(np.mean(shaped**2)))))).astype(np.float32)


def room(pcm: np.ndarray, dice: random.Random) -> np.ndarray:
    """A decaying tail of 80 to 350 ms behind the direct sound; as long as `pcm`."""
    generator = np.random.default_rng(dice.getrandbits(63))
    tail_s = dice.uniform(0.08, 0.35)
    times = np.arange(int(tail_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    response = generator.standard_normal(len(times)) * np.exp(-6.9 * times / tail_s)
    response[: SAMPLE_RATE_HZ // 200] = 0
    response *= dice.uniform(0.1, 0.5) / max(1e-9, float(np.sqrt(np.sum(response**2))))
    response[0] = 1
    return fftconvolve(pcm, response)[: len(pcm)].astype(np.float32)


def telephone(pcm: np.ndarray) -> np.ndarray:
    return sosfilt(_TELEPHONE, pcm).astype(np.float32)


def as_heard(pcm: np.ndarray, dice: random.Random) -> np.ndarray:
    """A clip of 0.08 RMS as it may reach the server: −14 to +6 dB, some in a room, some by telephone."""
    if dice.random() < 0.3:
        pcm = room(pcm, dice)
    if dice.random() < 0.2:
        pcm = telephone(pcm)
    return np.clip(pcm * 10 ** (dice.uniform(-14, 6) / 20), -1, 1)


def background(length: int, dice: random.Random) -> np.ndarray:
    """Noise as quiet as a good microphone's or as loud as a busy room's, and digital silence one time in four."""
    if dice.random() < 0.25:
        return np.zeros(length, np.float32)
    return noise(length, 10 ** (dice.uniform(-75, -42) / 20), dice)
