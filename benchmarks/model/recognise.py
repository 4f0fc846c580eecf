"""The recogniser of `npm run eval:model`, asked and answering in lines of JSON until its input ends.

{"id"} is answered when it is ready. {"id", "pcm"}, base64 of mono float32 at 24 kHz, is answered with {"id", "text"};
{"id", "tokenizer", "text"}, a SentencePiece model and a sentence, with {"id", "pieces"}, those of each word apart.
A request that fails is answered with {"id", "error"}.
"""

import base64
import functools
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "inference" / "train"))


@functools.cache
def _recogniser():
    from parley_train.recogniser import Recogniser

    return Recogniser()


@functools.cache
def _tokenizer(path: str):
    import sentencepiece

    return sentencepiece.SentencePieceProcessor(model_file=path)


def _answer(request: dict) -> dict:
    if "tokenizer" in request:
        tokenizer = _tokenizer(request["tokenizer"])
        return {"pieces": [tokenizer.encode(word) for word in request["text"].split()]}
    recogniser = _recogniser()
    if "pcm" not in request:
        return {}
    import numpy as np

    return {"text": recogniser.hear(np.frombuffer(base64.b64decode(request["pcm"]), np.float32))}


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = _answer(request)
        except Exception as error:  # noqa: BLE001  Whoever asked is told.
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps({"id": request["id"]} | answer), flush=True)


if __name__ == "__main__":
    main()
