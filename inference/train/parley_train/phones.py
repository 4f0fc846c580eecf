"""Phones as targets for the codec: what makes its codes tell words apart."""

import torch
from torch import nn
from torch.nn import functional

from .codec import FRAME_SAMPLES
from .kokoro import PHONES
from .scale import SAMPLE_RATE_HZ

# Phones are shorter than a frame: each frame says four.
SLOTS = 4
SLOT_S = FRAME_SAMPLES / SAMPLE_RATE_HZ / SLOTS
# No phone, and the blank of CTC. A path that names each phone as long as it lasts is a valid path of both.
SILENCE = 0
UNLABELLED = -100
PHONE_NUMBERS = {symbol: number for number, symbol in enumerate(PHONES, 1)}


class PhoneHead(nn.Module):
    """[B, dimension, frames] to [B, frames × SLOTS, phones + 1]. Only training needs it."""

    def __init__(self, dimension: int):
        super().__init__()
        self.mix = nn.Conv1d(dimension, dimension, 3, padding=1)
        self.out = nn.Conv1d(dimension, SLOTS * (len(PHONES) + 1), 1)

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        raw = self.out(functional.gelu(self.mix(latent)))
        batch, _, frames = raw.shape
        return raw.view(batch, SLOTS, -1, frames).permute(0, 3, 1, 2).reshape(batch, frames * SLOTS, -1)


def slot_labels(phones, offset_s: float, frames: int) -> torch.Tensor:
    """The phone in the middle of each slot of a window that starts `offset_s` into the clip's own time."""
    labels = torch.full((frames * SLOTS,), SILENCE)
    for symbol, start_s, end_s in phones:
        first = max(0, round((start_s - offset_s) / SLOT_S))
        last = max(first + 1, round((end_s - offset_s) / SLOT_S))
        labels[first:last] = PHONE_NUMBERS[symbol]
    return labels


def phone_loss(
    logits: torch.Tensor, aligned: torch.Tensor, sequences: list[torch.Tensor | None]
) -> tuple[torch.Tensor, float]:
    """
    Cross-entropy where the alignment is known, CTC where only the sequence is.

    @param aligned [B, slots], UNLABELLED where it is not known. @param sequences the phones of a row that has no
    alignment but is whole. @returns the loss, and the share of the aligned slots that are right.
    """
    is_aligned = aligned != UNLABELLED
    loss = logits.new_zeros(())
    right = float("nan")
    if is_aligned.any():
        # Silence is most of it, and easy.
        weight = logits.new_ones(logits.shape[-1])
        weight[SILENCE] = 0.3
        loss = loss + functional.cross_entropy(logits[is_aligned], aligned[is_aligned], weight=weight)
        voiced = is_aligned & (aligned != SILENCE)
        right = (logits.argmax(-1)[voiced] == aligned[voiced]).float().mean().item()
    rows = [row for row, sequence in enumerate(sequences) if sequence is not None]
    if rows:
        targets = [sequences[row] for row in rows]
        lengths = torch.tensor([len(target) for target in targets])
        ctc = functional.ctc_loss(
            functional.log_softmax(logits[rows], -1).transpose(0, 1),
            torch.cat(targets).to(logits.device),
            torch.full((len(rows),), logits.shape[1]),
            lengths,
            blank=SILENCE,
            zero_infinity=True,
        )
        loss = loss + ctc
    return loss, right
