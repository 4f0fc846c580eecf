"""The text tokenizer of the small Moshi: SentencePiece over the words of the domain."""

import io
from pathlib import Path

import sentencepiece

from .domain import Domain
from .make_banks import agent_texts
from .scale import PAD

# Moshi's own number for: a new word comes.
EPAD = 0


def make_tokenizer(domain: Domain, path: Path, pieces: int, extras: int | None) -> None:
    """Agent and callers share it, so that the transcriber speaks it too. Names stay in letters' reach."""
    sentences = [text for text, _ in agent_texts(domain, extras)]
    for intent in domain.intents:
        for phrasing in intent.training_phrasings:
            sentences += [domain.spoken(phrasing, values) for values in domain.fillings(phrasing)[:20]]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        vocab_size=pieces,
        model_type="unigram",
        character_coverage=1.0,
        unk_id=EPAD,
        bos_id=1,
        eos_id=2,
        pad_id=PAD,
        num_threads=1,
        minloglevel=2,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.getvalue())


def load_tokenizer(path: Path) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(path))
