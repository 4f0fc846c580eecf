"""Trains the small Moshi and the transcriber over a codec that no longer changes. Stops by the clock and resumes."""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from moshi.conditioners import TensorCondition
from moshi.models.lm import LMModel
from moshi.models.lm_utils import _delay_sequence
from torch import nn
from torch.nn import functional

from .deadline import Deadline
from .moshi_lm import new_lm, recalled_letters
from .scale import CODEBOOKS, PAD, LmPlan
from .shards import Shard, load_shard, random_shards
from .tokenizer import EPAD

CHECKPOINT_EVERY_S = 240
LOG_EVERY = 50
VALIDATE_EVERY = 1000
# The transcript helps the temporal transformer to listen: sooner than the transcriber's, so that it helps in time.
_HEARD_AHEAD_FRAMES = 5
# Weights of a frame's losses.
_PAD_WEIGHT = 0.3
_DECISION_WEIGHT = 3.0
_SEMANTIC_WEIGHT = 3.0
_HEARD_WEIGHT = 0.5
# The depformer learns where the agent speaks, and a little of its silence.
_SILENT_SHARE = 0.04


class MoshiTraining(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        self.lm = new_lm(config)
        # Dropped when the model is exported.
        self.heard_head = nn.Linear(config["dim"], config["text_card"], bias=False)


class TranscriberTraining(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        self.lm = new_lm(config)


@dataclass
class Rows:
    codes: torch.Tensor
    transcript: torch.Tensor
    given: torch.Tensor
    decided: torch.Tensor
    conditions: list[str]


def rows_of(shard: Shard, picked: np.ndarray, device: torch.device) -> Rows:
    codes = torch.from_numpy(shard.codes[picked].astype(np.int64)).to(device)
    decided = torch.zeros(codes.shape[0], codes.shape[2], dtype=torch.bool, device=device)
    place = {int(row): at for at, row in enumerate(picked)}
    for row, frame, _ in shard.decisions:
        if int(row) in place:
            decided[place[int(row)], int(frame)] = True
    transcript = torch.from_numpy(shard.transcript[picked].astype(np.int64)).to(device)
    given = torch.from_numpy(shard.given[picked]).to(device)
    return Rows(codes, transcript, given, decided, [shard.conditions[row] for row in picked])


def hidden_states(lm: LMModel, codes: torch.Tensor, conditions: list[str] | None):
    """@returns the delayed codes that are to be predicted [B, K, T], hidden states [B, T, dim], text logits."""
    initial = lm._get_initial_token().expand(codes.shape[0], -1, -1)
    delayed = torch.cat([initial, _delay_sequence(lm.delays, codes, initial)], dim=2)
    condition = None
    if conditions is not None:
        letters = torch.cat([recalled_letters(text) for text in conditions]).to(codes.device)
        is_given = torch.tensor([[bool(text)] for text in conditions], device=codes.device)
        provider = lm.condition_provider.conditioners["recalled"]
        condition = lm.fuser.get_sum({"recalled": provider(TensorCondition(letters, is_given))})
    hidden, text_logits = lm.forward_text(delayed[:, :, :-1], condition)
    return delayed[:, :, 1:], hidden, text_logits[:, 0]


def moshi_loss(training: MoshiTraining, rows: Rows, silence: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
    """@param silence the agent's codes while it is silent, [8]."""
    lm = training.lm
    wanted, hidden, text_logits = hidden_states(lm, rows.codes, rows.conditions)
    text = wanted[:, 0]
    weight = torch.ones_like(text, dtype=torch.float32)
    weight[text == PAD] = _PAD_WEIGHT
    weight[rows.decided] = _DECISION_WEIGHT
    weight[rows.given] = 0
    text_losses = functional.cross_entropy(text_logits.float().transpose(1, 2), text, reduction="none")
    text_loss = (text_losses * weight).sum() / weight.sum()

    heard = rows.transcript.roll(-_HEARD_AHEAD_FRAMES, 1)
    heard_logits = training.heard_head(hidden).float()
    heard_losses = functional.cross_entropy(heard_logits.transpose(1, 2), heard, reduction="none")
    heard_weight = torch.where(heard == PAD, _PAD_WEIGHT, 1.0)
    heard_loss = (heard_losses * heard_weight).sum() / heard_weight.sum()

    agent = wanted[:, 1 : 1 + CODEBOOKS]
    speaks = (agent != silence[None, :, None]).any(1)
    chosen = speaks | (torch.rand(speaks.shape, device=speaks.device) < _SILENT_SHARE)
    # Initial tokens are no target.
    chosen &= (agent < lm.card).all(1)
    losses = _depformer_losses(lm, wanted.permute(0, 2, 1)[chosen], hidden[chosen])
    audio_loss = (losses[0] * _SEMANTIC_WEIGHT + losses[1:].sum()) / (_SEMANTIC_WEIGHT + CODEBOOKS - 1)
    loss = text_loss + _HEARD_WEIGHT * heard_loss + audio_loss
    with torch.no_grad():
        guess = text_logits.argmax(-1)
        first_word = (guess == text)[rows.decided].float().mean()
        onset = (guess == EPAD)[text == EPAD].float().mean()
    return loss, {
        "text": text_loss.item(),
        "heard": heard_loss.item(),
        "semantic": losses[0].item(),
        "acoustic": losses[1:].mean().item(),
        "first_word": first_word.item(),
        "onset": onset.item(),
    }


def _depformer_losses(lm: LMModel, codes: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """@param codes [N, 17]. @param hidden [N, dim]. @returns [8], a mean for each codebook."""
    logits = lm.forward_depformer_training(codes.T[None], hidden[None])[0].float()
    targets = codes[:, 1 : 1 + CODEBOOKS].T
    return functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none").mean(1)


def transcriber_loss(training: TranscriberTraining, rows: Rows) -> tuple[torch.Tensor, dict[str, float]]:
    codes = torch.cat([rows.transcript[:, None], rows.codes[:, 1 + CODEBOOKS :]], 1)
    wanted, _, logits = hidden_states(training.lm, codes, None)
    text = wanted[:, 0]
    losses = functional.cross_entropy(logits.float().transpose(1, 2), text, reduction="none")
    weight = torch.where(text == PAD, _PAD_WEIGHT, 1.0)
    loss = (losses * weight).sum() / weight.sum()
    words = (text != PAD) & (text != EPAD)
    return loss, {"text": loss.item(), "pieces_right": (logits.argmax(-1) == text)[words].float().mean().item()}


class LmTrainer:
    """@param name of the model's folder under `work_dir`: `moshi` or `transcriber`."""

    def __init__(self, work_dir: Path, name: str, training: nn.Module, plan: LmPlan, threads: int):
        torch.set_num_threads(threads)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._folder = work_dir / name
        self._folder.mkdir(parents=True, exist_ok=True)
        self._shards = work_dir / "shards"
        self._plan = plan
        self._training = training.to(self.device)
        self._optimiser = torch.optim.AdamW(
            training.parameters(), plan.learning_rate, betas=(0.9, 0.95), weight_decay=0.05
        )
        self.step = 0
        path = self._folder / "checkpoint.pt"
        if path.exists():
            saved = torch.load(path, map_location=self.device, weights_only=True)
            training.load_state_dict(saved["training"])
            self._optimiser.load_state_dict(saved["optimiser"])
            self.step = saved["step"]

    def train(self, loss_of, deadline: Deadline) -> None:
        """@param loss_of rows to (loss, figures)."""
        plan, dice = self._plan, np.random.default_rng(self.step)
        log = open(self._folder / "log.jsonl", "a")
        sums: dict[str, list[float]] = {}
        saved_at = logged_at = time.time()
        shards = random_shards(self._shards / "train", self.step)
        self._training.train()
        while self.step < plan.steps and not deadline.has_passed():
            shard = next(shards)
            order = dice.permutation(len(shard.codes))
            for first in range(0, len(order) - plan.rows + 1, plan.rows):
                told = self._one_step(loss_of, rows_of(shard, order[first : first + plan.rows], self.device))
                for name, value in told.items():
                    if not math.isnan(value):
                        sums.setdefault(name, []).append(value)
                if self.step % LOG_EVERY == 0:
                    row = {name: round(sum(values) / len(values), 4) for name, values in sums.items()}
                    row |= {"step": self.step, "s_per_step": round((time.time() - logged_at) / LOG_EVERY, 3)}
                    print(json.dumps(row), file=log, flush=True)
                    sums, logged_at = {}, time.time()
                if self.step % VALIDATE_EVERY == 0:
                    print(json.dumps({"step": self.step} | self.validate(loss_of)), file=log, flush=True)
            if time.time() - saved_at > CHECKPOINT_EVERY_S:
                self._save()
                saved_at = time.time()
        self._save()

    @torch.no_grad()
    def validate(self, loss_of) -> dict[str, float]:
        """Figures on dialogues of held-out wordings, by seen and by unseen voices."""
        self._training.eval()
        figures = {}
        for name in ("seen", "unseen"):
            told: dict[str, list[float]] = {}
            for path in sorted((self._shards / name).glob("*.npz")):
                shard = load_shard(path)
                for first in range(0, len(shard.codes), 8):
                    picked = np.arange(first, min(first + 8, len(shard.codes)))
                    with torch.autocast(self.device.type, torch.bfloat16):
                        _, row = loss_of(rows_of(shard, picked, self.device))
                    for key, value in row.items():
                        if not math.isnan(value):
                            told.setdefault(f"{name}_{key}", []).append(value)
            figures |= {key: round(sum(values) / len(values), 4) for key, values in told.items()}
        self._training.train()
        return figures

    def _one_step(self, loss_of, rows: Rows) -> dict[str, float]:
        self._optimiser.param_groups[0]["lr"] = self._plan.rate(self.step)
        with torch.autocast(self.device.type, torch.bfloat16):
            loss, told = loss_of(rows)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._training.parameters(), 1.0)
        self._optimiser.step()
        self.step += 1
        return told

    def _save(self) -> None:
        path = self._folder / "checkpoint.pt"
        state = {
            "training": self._training.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "step": self.step,
        }
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
