"""Loads a checkpoint directory with Kyutai's own package and runs a few steps: what we ship is theirs to load too."""

import json
import sys
import tempfile
from pathlib import Path

import torch
from moshi.conditioners import TensorCondition
from moshi.models import LMGen
from moshi.models.loaders import CheckpointInfo
from safetensors.torch import load_file, save_file

from .moshi_lm import recalled_letters

_STEPS = 25


def check(folder: Path, codec_folder: Path) -> dict[str, int]:
    """
    @param codec_folder holds Mimi and the tokenizer. @returns how many parameters were loaded and how many frames were
    spoken. @raises what their loader raises.
    """
    with tempfile.TemporaryDirectory() as scratch:
        return _check(folder, codec_folder, _in_one_file(folder / "model.safetensors", Path(scratch)))


def _in_one_file(path: Path, scratch: Path) -> Path:
    """Their loader knows no shards."""
    if path.exists():
        return path
    names = set(json.loads(path.with_name(f"{path.name}.index.json").read_text())["weight_map"].values())
    whole = {key: value for name in names for key, value in load_file(path.with_name(name)).items()}
    save_file(whole, scratch / path.name)
    return scratch / path.name


@torch.no_grad()
def _check(folder: Path, codec_folder: Path, weights: Path) -> dict[str, int]:
    info = CheckpointInfo.from_hf_repo(
        "unused/local",
        moshi_weights=weights,
        mimi_weights=codec_folder / "mimi.safetensors",
        tokenizer=codec_folder / "tokenizer.model",
        config_path=folder / "config.json",
        mimi_config_path=codec_folder / "mimi_config.json",
    )
    mimi, lm = info.get_mimi(), info.get_moshi(dtype=torch.float32)
    info.get_text_tokenizer()
    conditions = None
    if lm.condition_provider is not None:
        letters = TensorCondition.from_tensor(recalled_letters("the caller's name is nora"))
        conditions = lm.condition_provider({"recalled": letters})
    generator = LMGen(lm, use_sampling=False, condition_tensors=conditions)
    spoken = 0
    with mimi.streaming(1), generator.streaming(1):
        for _ in range(_STEPS):
            tokens = generator.step(mimi.encode(torch.zeros(1, 1, mimi.frame_size)))
            if tokens is not None and lm.dep_q > 0:
                spoken += mimi.decode(tokens[:, 1:]).shape[-1] // mimi.frame_size
    parameters = sum(p.numel() for model in (mimi, lm) for p in model.parameters())
    return {"parameters": parameters, "frames_spoken": spoken}


if __name__ == "__main__":
    shipped = Path(sys.argv[1])
    print(json.dumps({str(folder): check(folder, shipped) for folder in (shipped, shipped / "transcriber")}))
