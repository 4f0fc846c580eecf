"""`python -m parley_train.domain_vectors > FILE`: what the other reader of the domain, in TypeScript, has to agree with.

The file is benchmarks/model/fixtures/domain-vectors.json; write it anew when intents.json or domain.py has changed.
"""

import json
import random
import re

from .domain import _FIELD, canonical, is_held_out, load_domain, normalise, recalled_names
from .greetings import greetings, is_held_out_greeting
from .recogniser import in_words, word_errors

_HEARD = (
    "Hello! It's good -- to hear you.",
    "That's $20, isn't it?",
    "7, 14 and 100; then 1,250 or 007",
    "C-A-T: cat.",
    "  ",
)
_WORDS = (("a b c", "a b c"), ("a b c", "a c"), ("a b", "a x b y"), ("", "a"), ("one two three", "three two one"))
_FILLINGS_OF_A_TEXT = 6


def main() -> None:
    domain = load_domain()
    dice = random.Random(1)
    phrasings = [phrasing for intent in domain.intents for phrasing in intent.phrasings]
    vectors = {
        "canonical": [[text, canonical(text)] for text in phrasings if canonical(text) != text],
        # One character a phrasing, in the order of the file.
        "heldOut": {
            intent.id: "".join(str(int(is_held_out(text))) for text in intent.phrasings) for intent in domain.intents
        },
        "heldOutGreetings": [text for text in greetings(domain) if is_held_out_greeting(text)],
        "trainedNames": recalled_names(domain),
        "normalise": [[text, normalise(text)] for text in _HEARD],
        "inWords": [[text, in_words(text)] for text in _HEARD],
        "wordErrors": [[said, heard, word_errors(said, heard)] for said, heard in _WORDS],
        "fill": [],
    }
    for intent in domain.intents:
        for text in (*intent.say, *intent.without):
            if re.search(_FIELD, text):
                fillings = domain.fillings(text)
                for values in dice.sample(fillings, min(_FILLINGS_OF_A_TEXT, len(fillings))):
                    vectors["fill"].append([text, values, domain.fill(text, values)])
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in vectors.items())
    print(f"{{\n{lines}\n}}")


if __name__ == "__main__":
    main()
