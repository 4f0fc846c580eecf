"""The small Moshi and the transcriber: Kyutai's LMModel at our dimensions."""

import copy

import torch
from moshi.models.lm import LMModel
from moshi.models.loaders import get_moshi_lm

from .scale import RECALLED_ALPHABET, RECALLED_PLACES


def new_lm(config: dict) -> LMModel:
    # The loader writes into what it is given.
    return get_moshi_lm(None, copy.deepcopy(config), device="cpu", dtype=torch.float32)


def recalled_letters(text: str) -> torch.Tensor:
    """[1, 1, places × letters]: one for each of the first letters of a text, zero beyond its end."""
    coded = torch.zeros(RECALLED_PLACES, len(RECALLED_ALPHABET))
    for place, letter in enumerate(text.lower()[:RECALLED_PLACES]):
        at = RECALLED_ALPHABET.find(letter)
        if at >= 0:
            coded[place, at] = 1
    return coded.view(1, 1, -1)
