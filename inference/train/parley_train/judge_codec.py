"""The codec's gates: is decoded speech understood, and are all codebooks used?"""

import random
from pathlib import Path

import numpy as np
import torch

from .bank import Bank
from .codec import FRAME_SAMPLES, new_codec
from .recogniser import Recogniser, in_words, word_errors
from .scale import CODEBOOKS, Scale


def load_codec(work_dir: Path, scale: Scale):
    """The codec as trained so far, ready to encode and decode."""
    saved = torch.load(work_dir / "codec" / "checkpoint.pt", map_location="cpu", weights_only=True)
    prefix = "codec."
    state = {name.removeprefix(prefix): value for name, value in saved["training"].items() if name.startswith(prefix)}
    codec = new_codec(scale.mimi_config())
    codec.load_state_dict(state)
    return codec.eval(), saved["step"]


@torch.no_grad()
def judge_codec(work_dir: Path, scale: Scale, banks: dict[str, str], seed: int = 7) -> dict[str, float]:
    """@param banks name of a set to the bank it is drawn from. @returns the gates' figures, by flat names."""
    codec, step = load_codec(work_dir, scale)
    recogniser = Recogniser()
    figures: dict[str, float] = {"step": step}
    used = [set() for _ in range(CODEBOOKS)]
    for name, bank_name in banks.items():
        bank = Bank(work_dir / "bank" / bank_name)
        dice = random.Random(seed)
        words = errors_before = errors_after = 0
        for index in dice.sample(range(len(bank)), min(scale.judged_clips, len(bank))):
            pcm, said = bank.pcm(index), in_words(bank.clips[index].text)
            padded = np.pad(pcm, (FRAME_SAMPLES * 2, -len(pcm) % FRAME_SAMPLES + FRAME_SAMPLES * 2))
            codes = codec.encode(torch.from_numpy(padded)[None, None])
            for level, row in zip(used, codes[0]):
                level.update(row.tolist())
            decoded = codec.decode(codes)[0, 0].numpy()
            words += len(said.split())
            errors_before += word_errors(said, recogniser.hear(pcm))
            errors_after += word_errors(said, recogniser.hear(decoded))
        figures[f"{name}_wer_original"] = round(errors_before / words, 4)
        figures[f"{name}_wer_decoded"] = round(errors_after / words, 4)
    figures["codebook_use_min"] = round(min(len(level) for level in used) / scale.codec.bins, 4)
    return figures
