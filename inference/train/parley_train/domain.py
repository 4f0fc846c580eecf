"""The conversation domain: what callers say, what the agent answers, and which wordings are never trained on.

The format of intents.json is told in inference/talk/README.md.
"""

import hashlib
import itertools
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

INTENTS_FILE = Path(__file__).resolve().parents[2] / "talk" / "intents.json"
# Names that nobody says, but that may be recalled: so many that their letters must be read.
NAMES_FILE = INTENTS_FILE.parent / "names.json"

# A wording is held out where this hash of its canonical form is 0 modulo HELD_OUT_MODULUS.
HELD_OUT_MODULUS = 5

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_FILLERS = frozenset("um uh well so okay oh please just".split())
# In this order: the particular ones before those that they contain.
_CONTRACTIONS = tuple(
    (re.compile(pattern), written)
    for pattern, written in (
        (r"\b(?:can't|cannot)\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"n't\b", " not"),
        (r"'s\b", " is"),
        (r"'re\b", " are"),
        (r"'m\b", " am"),
        (r"'ll\b", " will"),
        (r"'ve\b", " have"),
        (r"'d\b", " would"),
    )
)
_FIELD = re.compile(r"\{([^{}]*)\}")
_EXPRESSION = re.compile(r"(?:([A-Z]+):)?([A-Z]+)(?:([-+*>])([A-Z]+|\d+))?")


def number_in_words(number: int) -> str:
    """0 to 100, without hyphens."""
    if number < 20:
        return _UNITS[number]
    if number == 100:
        return "one hundred"
    tens, units = divmod(number, 10)
    return _TENS[tens - 2] + (f" {_UNITS[units]}" if units else "")


_NUMBERS = [number_in_words(number) for number in range(21)]


def canonical(phrasing: str) -> str:
    """A phrasing with contractions written out and fillers dropped: equal results are one wording."""
    for pattern, written in _CONTRACTIONS:
        phrasing = pattern.sub(written, phrasing)
    words = phrasing.split()
    return " ".join([word for word in words if word not in _FILLERS] or words)


def is_held_out(phrasing: str) -> bool:
    """Whether a phrasing, its slots unfilled, is kept from every training set."""
    digest = hashlib.sha256(canonical(phrasing).encode()).digest()
    return int.from_bytes(digest[:8], "big") % HELD_OUT_MODULUS == 0


def normalise(text: str) -> str:
    """Lower-case words without punctuation, as `accept` patterns expect them."""
    spaced = re.sub(r"[-,.!?:]", " ", text.lower())
    return " ".join(re.sub(r"[^a-z ]", "", spaced).split())


@dataclass(frozen=True)
class Intent:
    id: str
    group: str
    kind: str
    say: tuple[str, ...]
    accept: str
    phrasings: tuple[str, ...]
    recalled: str | None = None
    without: tuple[str, ...] = ()

    @cached_property
    def training_phrasings(self) -> list[str]:
        return [phrasing for phrasing in self.phrasings if not is_held_out(phrasing)]

    @cached_property
    def held_out_phrasings(self) -> list[str]:
        return [phrasing for phrasing in self.phrasings if is_held_out(phrasing)]


@dataclass(frozen=True)
class Domain:
    intents: tuple[Intent, ...]
    slots: dict[str, list[str]]
    maps: dict[str, dict[str, str]]
    by_id: dict[str, Intent] = field(default_factory=dict)

    def fill(self, text: str, values: dict[str, str]) -> str | None:
        """The text with every field replaced, or None where these values have no answer."""
        filled = text
        for found in _FIELD.findall(text):
            value = self._value(found, values)
            if value is None:
                return None
            filled = filled.replace(f"{{{found}}}", value, 1)
        return filled[:1].upper() + filled[1:] if filled else filled

    def spoken(self, phrasing: str, values: dict[str, str]) -> str:
        """What a caller says: lower case throughout."""
        return (self.fill(phrasing, values) or "").lower()

    def fillings(self, *texts: str) -> list[dict[str, str]]:
        """All values of the slots that the texts name; one empty filling where they name none."""
        names = sorted({name for text in texts for name in self._slot_names(text)})
        return [dict(zip(names, row)) for row in itertools.product(*(self.slots[name] for name in names))]

    def _slot_names(self, text: str) -> set[str]:
        names = set()
        for found in _FIELD.findall(text):
            _, slot, _, operand = _EXPRESSION.fullmatch(found).groups()
            names.add(slot)
            if operand and operand.isalpha():
                names.add(operand)
        return names

    def _value(self, found: str, values: dict[str, str]) -> str | None:
        function, slot, operator, operand = _EXPRESSION.fullmatch(found).groups()
        value = values[slot]
        if function == "SPELL":
            return ", ".join(value.upper())
        if function:
            return self.maps[function][value]
        if not operator:
            return value
        left = _NUMBERS.index(value)
        right = int(operand) if operand.isdigit() else _NUMBERS.index(values[operand])
        if operator == ">":
            return "Yes" if left > right else "No"
        result = {"+": left + right, "-": left - right, "*": left * right}[operator]
        return number_in_words(result) if result >= 0 else None


def recalled_names(domain: Domain) -> list[str]:
    """Every name that a training dialogue may recall; held out are names as wordings are."""
    names = domain.slots["NAME"] + json.loads(NAMES_FILE.read_text())
    return [name for name in names if not is_held_out(name.lower())]


def load_domain(limit: int | None = None, path: Path = INTENTS_FILE) -> Domain:
    """@param limit takes that many intents of each kind only."""
    data = json.loads(path.read_text())
    intents = tuple(
        Intent(
            id=row["id"],
            group=row["group"],
            kind=row["kind"],
            say=tuple(row["say"]),
            accept=row["accept"],
            phrasings=tuple(row["phrasings"]),
            recalled=row.get("recalled"),
            without=tuple(row.get("without", ())),
        )
        for row in data["intents"]
    )
    if limit is not None:
        kinds = {intent.kind for intent in intents}
        intents = tuple(i for kind in sorted(kinds) for i in [i for i in intents if i.kind == kind][:limit])
    return Domain(intents, data["slots"], data["maps"], {intent.id: intent for intent in intents})
