"""The small Moshi and the transcriber: Kyutai's LMModel at our dimensions, in the words of its config.json."""

import copy
import string

import torch
from moshi.models.lm import LMModel
from moshi.models.loaders import get_moshi_lm

from .codec import CODEBOOKS, MIMI_CONFIG
from .tokenizer import PAD, PIECES

# A recalled text reaches the model letter by letter: the letter of each place is one of these.
_LETTERS = " " + string.ascii_lowercase
RECALLED_LETTERS_MAX = 48
RECALLED_DIM = RECALLED_LETTERS_MAX * len(_LETTERS)

_SHARED = {
    "card": MIMI_CONFIG["quantizer"]["bins"],
    "text_card": PIECES,
    "existing_text_padding_id": PAD,
    "hidden_scale": 4.125,
    "causal": True,
    "layer_scale": None,
    "max_period": 10_000,
    "gating": "silu",
    "norm": "rms_norm_f32",
    "positional_embedding": "rope",
}

MOSHI_CONFIG = _SHARED | {
    "dim": 256,
    "num_heads": 4,
    "num_layers": 6,
    "n_q": 2 * CODEBOOKS,
    "dep_q": CODEBOOKS,
    # 20 s.
    "context": 250,
    "depformer_dim": 128,
    "depformer_dim_feedforward": int(4.125 * 128),
    "depformer_num_heads": 4,
    "depformer_num_layers": 2,
    "depformer_layer_scale": None,
    "depformer_multi_linear": True,
    "depformer_context": CODEBOOKS,
    "depformer_max_period": 10_000,
    "depformer_gating": "silu",
    "depformer_pos_emb": "none",
    "depformer_weights_per_step": True,
    # The later codebooks refine what the first ones said: they share weights.
    "depformer_weights_per_step_schedule": [0, 1, 2, 2, 3, 3, 3, 3],
    "delays": [0] + 2 * ([0] + [1] * (CODEBOOKS - 1)),
    "conditioners": {
        "recalled": {
            "type": "tensor",
            "tensor": {"dim": RECALLED_DIM},
            "parley_letters": {"alphabet": _LETTERS, "places": RECALLED_LETTERS_MAX},
        }
    },
    "fuser": {"sum": ["recalled"], "cross": [], "prepend": []},
}

TRANSCRIBER_CONFIG = _SHARED | {
    "dim": 192,
    "num_heads": 3,
    "num_layers": 3,
    "n_q": CODEBOOKS,
    "dep_q": 0,
    "context": 125,
    "delays": [0] * (1 + CODEBOOKS),
}


def new_lm(config: dict) -> LMModel:
    # The loader writes into what it is given.
    return get_moshi_lm(None, copy.deepcopy(config), device="cpu", dtype=torch.float32)


def recalled_letters(text: str) -> torch.Tensor:
    """[1, 1, RECALLED_DIM]: one for each of the first letters of a text, zero beyond its end."""
    coded = torch.zeros(RECALLED_LETTERS_MAX, len(_LETTERS))
    for place, letter in enumerate(text.lower()[:RECALLED_LETTERS_MAX]):
        at = _LETTERS.find(letter)
        if at >= 0:
            coded[place, at] = 1
    return coded.view(1, 1, -1)
