"""What the agent says when it speaks first. Whole sentences are held out, by the hash that holds out phrasings."""

import itertools
import json
from pathlib import Path

from .domain import INTENTS_FILE, Domain, is_held_out, normalise

GREETINGS_FILE = INTENTS_FILE.parent / "greetings.json"


def greetings(domain: Domain, path: Path = GREETINGS_FILE) -> list[str]:
    """Every greeting, each introduction with one name."""
    parts = json.loads(path.read_text())
    names = itertools.cycle(domain.slots["NAME"])
    return [
        f"{opener}, {introduction.replace('{NAME}', next(names))}. {question}"
        for opener, introduction, question in itertools.product(*parts.values())
    ]


def is_held_out_greeting(greeting: str) -> bool:
    return is_held_out(normalise(greeting))
