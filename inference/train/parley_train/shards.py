"""Dialogues as the language model reads them: codes and text, in files that are made while it trains."""

import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .bank import Bank
from .codec import FRAME_SAMPLES
from .deadline import Deadline
from .dialogue import AgentTurn, Composer, Dialogue
from .scale import Scale

_ENCODED_AT_ONCE = 8
# Every clip of the agent is coded after the same silence, so that it has the same codes wherever it is said.
_LEAD_FRAMES = 25
_TAIL_FRAMES = 8
_SETTLED_FRAMES = 100


class AgentCodes:
    """The agent's channel in codes, put together from the codes of its clips."""

    def __init__(self, codec, agent: Bank):
        self._codec = codec
        self._agent = agent
        self._whole: dict[int, np.ndarray] = {}
        self.silence = self._encode(np.zeros(_SETTLED_FRAMES * FRAME_SAMPLES, np.float32))[:, -1]

    def channel(self, dialogue: Dialogue, composer: Composer) -> np.ndarray:
        """[8, frames]."""
        frames = len(dialogue.text)
        codes = np.repeat(self.silence[:, None], frames, axis=1)
        for turn in dialogue.agent:
            said = self._turn(turn, composer)[:, : frames - turn.start]
            codes[:, turn.start : turn.start + said.shape[1]] = said
        return codes

    def _turn(self, turn: AgentTurn, composer: Composer) -> np.ndarray:
        if turn.frames is not None:
            return self._code(composer.agent_pcm(turn))
        if turn.clip not in self._whole:
            self._whole[turn.clip] = self._code(composer.agent_pcm(turn))
        return self._whole[turn.clip]

    def _code(self, pcm: np.ndarray) -> np.ndarray:
        tail = -len(pcm) % FRAME_SAMPLES + _TAIL_FRAMES * FRAME_SAMPLES
        padded = np.pad(pcm, (_LEAD_FRAMES * FRAME_SAMPLES, tail))
        return self._encode(padded)[:, _LEAD_FRAMES:]

    @torch.no_grad()
    def _encode(self, pcm: np.ndarray) -> np.ndarray:
        return self._codec.encode(torch.from_numpy(pcm)[None, None])[0].numpy()


@dataclass(frozen=True)
class Shard:
    """
    `codes` [n, 17, frames]: text, agent, caller, as Moshi orders them; `given` [n, frames] says where the text was not
    the model's to choose. `decisions` [m, 3]: row, frame, token.
    """

    codes: np.ndarray
    transcript: np.ndarray
    given: np.ndarray
    decisions: np.ndarray
    conditions: list[str]


def encode_dialogues(codec, agent_codes: AgentCodes, composer: Composer, count: int) -> Shard:
    rows, transcripts, givens, decisions, conditions = [], [], [], [], []
    while len(rows) < count:
        dialogues = [composer.compose() for _ in range(min(_ENCODED_AT_ONCE, count - len(rows)))]
        heard = torch.from_numpy(np.stack([dialogue.heard for dialogue in dialogues]))[:, None]
        with torch.no_grad():
            caller_codes = codec.encode(heard).numpy()
        for dialogue, caller in zip(dialogues, caller_codes):
            decisions += [(len(rows), frame, token) for frame, token in dialogue.decisions]
            agent = agent_codes.channel(dialogue, composer)
            rows.append(np.concatenate([dialogue.text[None], agent, caller]).astype(np.int16))
            transcripts.append(dialogue.transcript.astype(np.int16))
            givens.append(dialogue.given)
            conditions.append(dialogue.condition)
    return Shard(
        np.stack(rows), np.stack(transcripts), np.stack(givens), np.array(decisions).reshape(-1, 3), conditions
    )


def save_shard(shard: Shard, path: Path) -> None:
    part = path.with_suffix(".part.npz")
    np.savez(
        part,
        codes=shard.codes,
        transcript=shard.transcript,
        given=shard.given,
        decisions=shard.decisions,
        conditions=np.array(shard.conditions),
    )
    part.replace(path)


def load_shard(path: Path) -> Shard:
    with np.load(path) as data:
        return Shard(data["codes"], data["transcript"], data["given"], data["decisions"], data["conditions"].tolist())


def keep_composing(codec, scale: Scale, make_composer, agent: Bank, folder: Path, deadline: Deadline) -> None:
    """Writes shard after shard, deleting the oldest beyond those kept. @param make_composer seed to Composer."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in folder.glob("*.part.npz"):
        part.unlink()
    made = sorted(folder.glob("*.npz"))
    number = int(made[-1].stem) + 1 if made else 0
    agent_codes = AgentCodes(codec, agent)
    while not deadline.has_passed():
        composer = make_composer(number)
        save_shard(
            encode_dialogues(codec, agent_codes, composer, scale.dialogues_per_shard), folder / f"{number:08d}.npz"
        )
        number += 1
        for old in sorted(folder.glob("[0-9]*[0-9].npz"))[: -scale.shards_kept]:
            old.unlink()


def random_shards(folder: Path, seed: int):
    """Endless shards, the latest as they come."""
    dice = random.Random(seed)
    while True:
        paths = sorted(folder.glob("[0-9]*[0-9].npz"))
        if not paths:
            time.sleep(2)
            continue
        try:
            yield load_shard(dice.choice(paths))
        except FileNotFoundError:
            # Deleted since it was listed.
            continue
