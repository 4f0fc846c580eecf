"""Composes dialogues from the banks, never the same twice: what the caller's channel carries, and what the agent does."""

import random
from dataclasses import dataclass, field

import numpy as np

from .augment import as_heard, background, noise, room
from .bank import Bank, Clip
from .codec import FRAME_SAMPLES
from .domain import Domain, Intent, recalled_names
from .scale import PAD, SAMPLE_RATE_HZ
from .tokenizer import EPAD

FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ
# Text comes before its sound, so that the sound can follow it.
TEXT_LEAD_FRAMES = 1
# From the frame in which the caller ends to the first of the answer.
_GAPS = (2, 2, 3, 3)
# The transcript comes after its sound.
TRANSCRIPT_DELAY_FRAMES = 8


@dataclass
class AgentTurn:
    """A clip of the agent's bank that starts with frame `start`, cut off after `frames` of it where not None."""

    clip: int
    start: int
    frames: int | None = None


@dataclass
class Dialogue:
    """`heard` is the caller's channel; `text` and `transcript` hold one token a frame."""

    heard: np.ndarray
    text: np.ndarray
    transcript: np.ndarray
    # Where the text is given rather than chosen: a greeting, that nothing has asked for.
    given: np.ndarray
    agent: list[AgentTurn] = field(default_factory=list)
    condition: str = ""
    # (frame, token) of the first piece of each answer: what training is steered by.
    decisions: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Habits:
    """How often what happens."""

    opening: float = 0.25
    quiet: float = 0.08
    interruption: float = 0.14
    echo: float = 0.3
    recall: float = 0.4


class Composer:
    """@param tokenizer anything with `encode(text) -> list of numbers`. @param frames length of every dialogue."""

    def __init__(self, domain: Domain, agent: Bank, callers: list[Bank], tokenizer, frames: int, seed: int):
        self._domain = domain
        self._agent = agent
        self._tokenizer = tokenizer
        self._frames = frames
        self._dice = random.Random(seed)
        self._habits = Habits()
        self._agent_by_text = {clip.text: index for index, clip in enumerate(agent.clips)}
        self._greetings = [index for index, clip in enumerate(agent.clips) if clip.intent == "greeting"]
        # By bank first: the banks with the better voices have fewer clips.
        self._callers: list[tuple[Bank, dict[str, list[int]]]] = []
        for bank in callers:
            by_intent: dict[str, list[int]] = {}
            for index, clip in enumerate(bank.clips):
                by_intent.setdefault(clip.intent, []).append(index)
            self._callers.append((bank, by_intent))
        spoken = set.intersection(*(set(by_intent) for _, by_intent in self._callers))
        self._intents = [intent for intent in domain.intents if intent.id in spoken]
        self._stops = [intent for intent in self._intents if intent.kind == "stop"]
        self._recalls = [intent for intent in self._intents if intent.kind == "recall"]
        self._recallable = {intent.id: domain.fillings(intent.recalled) for intent in self._recalls}
        self._recallable["recall-name"] = [
            values
            for values in ({"NAME": name} for name in recalled_names(domain))
            if domain.fill(domain.by_id["recall-name"].say[0], values) in self._agent_by_text
        ]

    def compose(self) -> Dialogue:
        dice, habits = self._dice, self._habits
        dialogue = Dialogue(
            heard=np.zeros(self._frames * FRAME_SAMPLES, np.float32),
            text=np.full(self._frames, PAD, np.int64),
            transcript=np.full(self._frames, PAD, np.int64),
            given=np.zeros(self._frames, bool),
        )
        self._recalled: dict[str, str] = {}
        if dice.random() < habits.quiet:
            self._disturb(dialogue)
            return self._finish(dialogue)
        if dice.random() < habits.recall:
            self._recall_something(dialogue)
        # The frame up to which both are done speaking.
        free = dice.randrange(1, 8)
        if dice.random() < habits.opening:
            free = self._answer(dialogue, dice.choice(self._greetings), free)
            dialogue.given[: np.flatnonzero(dialogue.text != PAD).max() + 1] = True
            dialogue.decisions.clear()
            free = self._maybe_interrupt(dialogue, free)
        while free < self._frames - 30:
            free = self._turn(dialogue, free)
        return self._finish(dialogue)

    def _turn(self, dialogue: Dialogue, free: int) -> int:
        dice = self._dice
        is_recall = dialogue.condition and dice.random() < 0.4
        intent = dice.choice(self._recalls if is_recall else self._intents)
        pause_s = dice.uniform(0.2, 1.2) if dice.random() < 0.8 else dice.uniform(1.2, 5)
        end, clip = self._say(dialogue, intent, free * FRAME_S + pause_s)
        if end is None:
            return self._frames
        if intent.kind == "stop":
            return end + dice.randrange(4, 12)
        after = self._answer(dialogue, self._choose_answer(intent, clip), end + dice.choice(_GAPS))
        return self._maybe_interrupt(dialogue, after)

    def _say(self, dialogue: Dialogue, intent: Intent, start_s: float) -> tuple[int | None, Clip]:
        """@returns the frame in which the caller has ended, or None where there was no room."""
        bank, by_intent = self._dice.choice(self._callers)
        index = self._dice.choice(by_intent[intent.id])
        clip = bank.clips[index]
        first = int(start_s * SAMPLE_RATE_HZ)
        if first + clip.length > (self._frames - 25) * FRAME_SAMPLES:
            return None, clip
        dialogue.heard[first : first + clip.length] += as_heard(bank.pcm(index), self._dice)
        self._write(dialogue.transcript, _timed_words(clip), first / SAMPLE_RATE_HZ, TRANSCRIPT_DELAY_FRAMES)
        return -(-(first + clip.length) // FRAME_SAMPLES), clip

    def _choose_answer(self, intent: Intent, clip: Clip) -> int:
        if intent.kind == "recall":
            say = self._recalled.get(intent.id) or self._dice.choice(intent.without)
        else:
            say = self._domain.fill(self._dice.choice(intent.say), clip.values)
        return self._agent_by_text[say]

    def _answer(self, dialogue: Dialogue, clip_index: int, start: int) -> int:
        """@returns the frame after the last of the answer."""
        clip = self._agent.clips[clip_index]
        frames = -(-clip.length // FRAME_SAMPLES)
        if start + frames > self._frames:
            return self._frames
        dialogue.agent.append(AgentTurn(clip_index, start))
        first = self._write(dialogue.text, clip.words, start * FRAME_S, -TEXT_LEAD_FRAMES)
        dialogue.decisions.append((first, int(dialogue.text[first])))
        return start + frames

    def _maybe_interrupt(self, dialogue: Dialogue, free: int) -> int:
        """Lets the caller speak into the answer that was just given: the agent leaves off, and listens."""
        dice = self._dice
        turn = dialogue.agent[-1] if dialogue.agent else None
        if turn is None or dice.random() > self._habits.interruption:
            return free
        length = free - turn.start
        if length < 10:
            return free
        intent = dice.choice(self._stops) if dice.random() < 0.5 else dice.choice(self._intents)
        onset = turn.start + dice.randrange(3, length - 5)
        end, clip = self._say(dialogue, intent, (onset + dice.random()) * FRAME_S)
        if end is None:
            return free
        turn.frames = onset + dice.choice((3, 3, 4)) - turn.start
        dialogue.text[turn.start + turn.frames - TEXT_LEAD_FRAMES : free] = PAD
        free = max(end, turn.start + turn.frames)
        if intent.kind == "stop":
            return free + dice.randrange(4, 12)
        return self._answer(dialogue, self._choose_answer(intent, clip), free + dice.choice(_GAPS))

    def _recall_something(self, dialogue: Dialogue) -> None:
        # Names are the many; the others have few values.
        intent = self._dice.choice([*self._recalls, self._domain.by_id["recall-name"]])
        values = self._dice.choice(self._recallable[intent.id])
        dialogue.condition = self._domain.fill(intent.recalled, values).lower()
        self._recalled[intent.id] = self._domain.fill(intent.say[0], values)

    def _disturb(self, dialogue: Dialogue) -> None:
        """Sounds that nobody answers: bursts of noise, clicks, hum, besides the background."""
        dice = self._dice
        for _ in range(dice.randrange(0, 6)):
            length = dice.randrange(FRAME_SAMPLES // 8, 12 * FRAME_SAMPLES)
            first = dice.randrange(len(dialogue.heard) - length)
            burst = noise(length, 10 ** (dice.uniform(-50, -22) / 20), dice)
            dialogue.heard[first : first + length] += burst * np.hanning(length).astype(np.float32)

    def _finish(self, dialogue: Dialogue) -> Dialogue:
        dice = self._dice
        if dialogue.agent and dice.random() < self._habits.echo:
            dialogue.heard += self._echo(dialogue)
        dialogue.heard += background(len(dialogue.heard), dice)
        np.clip(dialogue.heard, -1, 1, out=dialogue.heard)
        return dialogue

    def _echo(self, dialogue: Dialogue) -> np.ndarray:
        """The agent's own voice, as the caller's microphone picks it up: −20 to −45 dB, 40 to 200 ms late."""
        dice = self._dice
        echo = np.zeros_like(dialogue.heard)
        late = int(dice.uniform(0.04, 0.2) * SAMPLE_RATE_HZ)
        for turn in dialogue.agent:
            pcm = self.agent_pcm(turn)
            first = turn.start * FRAME_SAMPLES + late
            echo[first : first + len(pcm)] += pcm[: max(0, len(echo) - first)]
        return room(echo, dice) * np.float32(10 ** (dice.uniform(-45, -20) / 20))

    def agent_pcm(self, turn: AgentTurn) -> np.ndarray:
        """A turn's sound; where it was cut off, it fades out within 20 ms."""
        pcm = self._agent.pcm(turn.clip)
        if turn.frames is None:
            return pcm
        cut = pcm[: turn.frames * FRAME_SAMPLES].copy()
        fade = min(len(cut), SAMPLE_RATE_HZ // 50)
        cut[len(cut) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
        return cut

    def _write(self, stream: np.ndarray, words, start_s: float, delay: int) -> int:
        """Writes words at their times, one piece a frame. @returns the frame of the first piece."""
        first_frame, at = -1, 0
        for text, word_start_s, _ in words:
            wanted = int((start_s + word_start_s) / FRAME_S) + delay
            at = max(at, wanted, 1)
            pieces = self._tokenizer.encode(text)
            if at + len(pieces) >= len(stream):
                break
            if stream[at - 1] == PAD:
                stream[at - 1] = EPAD
            if first_frame < 0:
                first_frame = at
            stream[at : at + len(pieces)] = pieces
            at += len(pieces)
        return max(first_frame, 0)


def _timed_words(clip: Clip):
    """A clip's words with times: its own, or spread by their letters where the engine tells none."""
    if clip.words:
        return clip.words
    words = clip.text.split()
    letters = np.cumsum([0, *(len(word) + 1 for word in words)]) / sum(len(word) + 1 for word in words)
    ends_s = letters * clip.length / SAMPLE_RATE_HZ
    return [(word, float(ends_s[i]), float(ends_s[i + 1])) for i, word in enumerate(words)]
