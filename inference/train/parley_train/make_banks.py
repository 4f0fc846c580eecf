"""Renders the banks of utterances: the agent's sentences with word times, and the callers' in many voices.

Each bank is a pure function of the domain and a seed, is written clip by clip, and goes on where it was interrupted.
"""

import random
from pathlib import Path

import numpy as np

from .bank import AGENT_BANK, BankWriter, as_rows
from .deadline import Deadline
from .domain import Domain, Intent, recalled_names
from .greetings import greetings, is_held_out_greeting
from .voices import AGENT_VOICE, Caller, Speakers, draw_caller

# The agent's loudness; callers' differ, as the composer decides.
SPEECH_RMS = 0.08
PEAK_MAX = 0.95


def levelled(pcm: np.ndarray) -> np.ndarray:
    gain = SPEECH_RMS / max(1e-4, float(np.sqrt(np.mean(pcm**2))))
    return pcm * min(gain, PEAK_MAX / max(1e-4, float(np.abs(pcm).max())))


def agent_texts(domain: Domain, extras: int | None = None) -> list[tuple[str, str]]:
    """
    Every sentence of the agent, with the intent that it answers; greetings come under `greeting`.

    @param extras takes that many greetings and recalled names only.
    """
    texts = {}
    for intent in domain.intents:
        for say in (*intent.say, *intent.without):
            for values in domain.fillings(say):
                filled = domain.fill(say, values)
                if filled:
                    texts.setdefault(filled, intent.id)
    for name in recalled_names(domain)[:extras]:
        texts.setdefault(domain.fill(domain.by_id["recall-name"].say[0], {"NAME": name}), "recall-name")
    spoken_first = [greeting for greeting in greetings(domain) if not is_held_out_greeting(greeting)]
    for greeting in spoken_first[:extras]:
        texts.setdefault(greeting, "greeting")
    return list(texts.items())


def make_agent_bank(work_dir: Path, domain: Domain, extras: int | None) -> None:
    speakers = Speakers(work_dir)
    writer = BankWriter(work_dir / "bank" / AGENT_BANK)
    for text, intent in agent_texts(domain, extras):
        if text in writer.keys:
            continue
        speech = speakers.agent(text)
        writer.append(
            levelled(speech.pcm),
            words=as_rows(speech.words),
            phones=as_rows(speech.phones),
            key=text,
            text=text,
            intent=intent,
            values={},
            phrasing=text,
            engine="kokoro",
            voice=AGENT_VOICE,
        )


def make_caller_bank(
    work_dir: Path,
    domain: Domain,
    name: str,
    engines: dict[str, int],
    *,
    held_out_phrasings: bool = False,
    held_out_voices: bool = False,
    seed: int = 1,
    deadline: Deadline,
) -> None:
    """@param engines renderings of every intent, by engine."""
    speakers = Speakers(work_dir)
    writer = BankWriter(work_dir / "bank" / name)
    # One rendering of every intent at a time: a bank that is left half made covers the whole domain.
    for turn in range(max(engines.values())):
        for engine, count in engines.items():
            if turn >= count:
                continue
            for intent in domain.intents:
                key = f"{intent.id}/{engine}/{turn}"
                if key in writer.keys:
                    continue
                if deadline.has_passed():
                    return
                dice = random.Random(f"{seed}/{name}/{key}")
                phrasing, values = _draw_phrasing(domain, intent, held_out_phrasings, turn, dice)
                caller = draw_caller(engine, held_out_voices, dice)
                _render(speakers, writer, key, domain, intent, phrasing, values, caller)


def _draw_phrasing(
    domain: Domain, intent: Intent, is_held_out: bool, turn: int, dice: random.Random
) -> tuple[str, dict[str, str]]:
    wordings = intent.held_out_phrasings if is_held_out else intent.training_phrasings
    # Each wording in turn, in an order of the intent's own.
    order = random.Random(intent.id).sample(wordings, len(wordings))
    phrasing = order[turn % len(order)]
    fillings = domain.fillings(phrasing)
    if intent.kind == "answer":
        fillings = [values for values in fillings if domain.fill(intent.say[0], values) is not None]
    return phrasing, dice.choice(fillings)


def _render(speakers, writer, key, domain, intent, phrasing, values, caller: Caller) -> None:
    text = domain.spoken(phrasing, values)
    try:
        pcm, words, phones = speakers.caller(text, caller)
    except ValueError as error:
        print(f"left out {key}: {error}")
        return
    writer.append(
        levelled(pcm),
        key=key,
        text=text,
        intent=intent.id,
        values=values,
        phrasing=phrasing,
        engine=caller.engine,
        voice=caller.voice,
        words=words,
        phones=phones,
    )
