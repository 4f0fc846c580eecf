"""Do the codes of the caller's voice still tell what was said? A small classifier of codes against one of true words."""

import random

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .augment import as_heard, background
from .bank import Bank, Clip
from .codec import FRAME_SAMPLES
from .domain import Domain, normalise
from .scale import CODEBOOKS, Scale

_EPOCHS = 24
_ROWS = 32
_WIDTH = 128
_PAD_FRAMES = 4


class Probe(nn.Module):
    """
    Token columns [B, streams, T] to intents: summed embeddings, a look at three neighbours, one bidirectional GRU, the
    maximum over time.
    """

    def __init__(self, streams: int, tokens: int, intents: int):
        super().__init__()
        # The last entry of each stream stands for nothing.
        self.embed = nn.ModuleList(nn.Embedding(tokens + 1, _WIDTH, padding_idx=tokens) for _ in range(streams))
        for embed in self.embed:
            nn.init.normal_(embed.weight, std=0.1)
        self.near = nn.Conv1d(_WIDTH, _WIDTH, 3, padding=1)
        self.mix = nn.GRU(_WIDTH, _WIDTH, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * _WIDTH, intents)

    def forward(self, columns: torch.Tensor) -> torch.Tensor:
        summed = sum(embed(columns[:, stream]) for stream, embed in enumerate(self.embed))
        near = functional.gelu(self.near(summed.transpose(1, 2))).transpose(1, 2) + summed
        mixed, _ = self.mix(functional.dropout(near, 0.2, self.training))
        return self.out(functional.dropout(mixed.amax(1), 0.3, self.training))


def probe_codes(codec, scale: Scale, domain: Domain, train: list[Bank], test: Bank, seed: int = 3) -> dict:
    """@returns accuracy on held-out wordings from the codes and from the words, and their ratio."""
    intents = {intent.id: number for number, intent in enumerate(domain.intents)}
    dice = random.Random(seed)
    chosen = _choose(train, scale.probe_clips, dice)
    test_rows = [(test, index) for index in range(len(test))]
    labels = [torch.tensor([intents[bank.clips[i].intent] for bank, i in rows]) for rows in (chosen, test_rows)]

    codes = [_encode(codec, rows, dice) for rows in (chosen, test_rows)]
    from_codes = _accuracy(codes, labels, CODEBOOKS, scale.codec.bins, len(intents), seed)

    vocabulary: dict[str, int] = {}
    for bank, index in chosen:
        for word in _words(bank.clips[index]):
            vocabulary.setdefault(word, len(vocabulary))
    unknown = len(vocabulary)
    texts = [
        [np.array([[vocabulary.get(word, unknown) for word in _words(bank.clips[i])]]) for bank, i in rows]
        for rows in (chosen, test_rows)
    ]
    from_text = _accuracy(texts, labels, 1, unknown, len(intents), seed)
    return {"from_codes": from_codes, "from_text": from_text, "ratio": from_codes / from_text}


def _words(clip: Clip) -> list[str]:
    return normalise(clip.text).split()


def _choose(banks: list[Bank], per_intent: int, dice: random.Random) -> list[tuple[Bank, int]]:
    by_intent: dict[str, list[tuple[Bank, int]]] = {}
    for bank in banks:
        for index, clip in enumerate(bank.clips):
            by_intent.setdefault(clip.intent, []).append((bank, index))
    return [row for rows in by_intent.values() for row in dice.sample(rows, min(per_intent, len(rows)))]


@torch.no_grad()
def _encode(codec, rows: list[tuple[Bank, int]], dice: random.Random) -> list[np.ndarray]:
    """[8, frames] for each clip, as it may be heard in a call."""
    coded: list[np.ndarray | None] = [None] * len(rows)
    # Clips of like length together, so that little is padding.
    order = sorted(range(len(rows)), key=lambda at: rows[at][0].clips[rows[at][1]].length)
    for first in range(0, len(order), 16):
        group = order[first : first + 16]
        longest = max(rows[at][0].clips[rows[at][1]].length for at in group)
        frames = -(-longest // FRAME_SAMPLES) + 2 * _PAD_FRAMES
        heard = np.zeros((len(group), frames * FRAME_SAMPLES), np.float32)
        for row, at in enumerate(group):
            bank, index = rows[at]
            pcm = as_heard(bank.pcm(index), dice)
            start = dice.randrange(1, _PAD_FRAMES * FRAME_SAMPLES)
            heard[row, start : start + len(pcm)] = pcm
            heard[row] += background(heard.shape[1], dice)
        codes = codec.encode(torch.from_numpy(heard.clip(-1, 1))[:, None]).numpy()
        for row, at in enumerate(group):
            coded[at] = codes[row]
    return coded


def _accuracy(columns, labels, streams: int, tokens: int, intents: int, seed: int) -> float:
    """Trains a probe on the first of each pair, and tells how often it is right on the second."""
    torch.manual_seed(seed)
    probe = Probe(streams, tokens, intents)
    optimiser = torch.optim.AdamW(probe.parameters(), 2e-3, weight_decay=0.01)
    steps = _EPOCHS * (len(columns[0]) // _ROWS)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=max(1, steps) + 1)
    for _ in range(_EPOCHS):
        order = torch.randperm(len(columns[0])).tolist()
        for first in range(0, len(order) - _ROWS + 1, _ROWS):
            picked = order[first : first + _ROWS]
            logits = probe(_stack([columns[0][at] for at in picked], tokens))
            loss = functional.cross_entropy(logits, labels[0][picked])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    probe.eval()
    with torch.no_grad():
        right = 0
        for first in range(0, len(columns[1]), _ROWS):
            logits = probe(_stack(columns[1][first : first + _ROWS], tokens))
            right += (logits.argmax(1) == labels[1][first : first + _ROWS]).sum().item()
    return right / len(columns[1])


def _stack(rows: list[np.ndarray], nothing: int) -> torch.Tensor:
    longest = max(row.shape[1] for row in rows)
    stacked = np.full((len(rows), rows[0].shape[0], longest), nothing, np.int64)
    for at, row in enumerate(rows):
        stacked[at, :, : row.shape[1]] = row
    return torch.from_numpy(stacked)
