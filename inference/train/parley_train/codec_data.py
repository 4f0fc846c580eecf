"""Endless batches of speech for the codec, with the phones that it should keep."""

import random
from dataclasses import dataclass

import numpy as np
import torch

from .augment import as_heard, background
from .bank import Bank, Clip
from .codec import FRAME_SAMPLES
from .phones import PHONE_NUMBERS, SLOTS, UNLABELLED, slot_labels
from .scale import SAMPLE_RATE_HZ

WINDOW_FRAMES = 20
_WINDOW = WINDOW_FRAMES * FRAME_SAMPLES
_LEAD_MAX = SAMPLE_RATE_HZ // 4


@dataclass(frozen=True)
class Batch:
    """
    `heard` goes in and `wanted` should come out, [B, 1, samples]: noise is to be left out. `sequences` holds a row's
    phones where their times are unknown and the row holds all of them.
    """

    heard: torch.Tensor
    wanted: torch.Tensor
    aligned: torch.Tensor
    sequences: list[torch.Tensor | None]


class CodecData:
    """@param agent_share how many of the rows are the agent's voice, the only one that the decoder must do well."""

    def __init__(self, agent: Bank, callers: list[Bank], agent_share: float, seed: int):
        self._agent = agent
        self._callers = [bank for bank in callers if len(bank)]
        self._agent_share = agent_share
        self._dice = random.Random(seed)

    def batch(self, rows: int) -> Batch:
        made = [self._row() for _ in range(rows)]
        heard, wanted, aligned, sequences = zip(*made)
        return Batch(
            torch.from_numpy(np.stack(heard))[:, None],
            torch.from_numpy(np.stack(wanted))[:, None],
            torch.stack(aligned),
            list(sequences),
        )

    def _row(self):
        dice = self._dice
        if dice.random() < self._agent_share:
            return self._window(self._agent, dice.randrange(len(self._agent)), is_agent=True)
        bank = dice.choice(self._callers)
        return self._window(bank, dice.randrange(len(bank)), is_agent=False)

    def _window(self, bank: Bank, index: int, is_agent: bool):
        dice, clip, pcm = self._dice, bank.clips[index], bank.pcm(index)
        if not is_agent:
            pcm = as_heard(pcm, dice)
        spare = len(pcm) - _WINDOW
        if spare > 0:
            # Negative: silence first, as in a call.
            offset = dice.randrange(-_LEAD_MAX, spare)
        else:
            offset = -dice.randrange(min(_LEAD_MAX, -spare) + 1)
        wanted = np.zeros(_WINDOW, np.float32)
        first, last = max(0, offset), min(len(pcm), offset + _WINDOW)
        wanted[first - offset : last - offset] = pcm[first:last]
        heard = wanted if is_agent else np.clip(wanted + background(_WINDOW, dice), -1, 1)
        is_whole = offset <= 0 and offset + _WINDOW >= len(pcm)
        return heard, wanted, *self._labels(clip, offset, is_whole)

    def _labels(self, clip: Clip, offset: int, is_whole: bool):
        if clip.phones and len(clip.phones[0]) == 3:
            return slot_labels(clip.phones, offset / SAMPLE_RATE_HZ, WINDOW_FRAMES), None
        unknown = torch.full((WINDOW_FRAMES * SLOTS,), UNLABELLED)
        sequence = torch.tensor([PHONE_NUMBERS[symbol] for (symbol,) in clip.phones]) if is_whole else None
        return unknown, sequence
