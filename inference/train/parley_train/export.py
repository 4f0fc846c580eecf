"""Writes what was trained as checkpoints in Kyutai's layout, the language models in half precision."""

import json
import re
from pathlib import Path

import torch
from safetensors.torch import save_file

_MIMI_FILE = "mimi.safetensors"
_LM_FILE = "model.safetensors"
_TOKENIZER_FILE = "tokenizer.model"
_STACKED = {"in_projs": "in_proj_weight", "out_projs": "out_proj.weight"}


def export(work_dir: Path, name: str, lm_config: dict, mimi_config: dict, folder: Path, model_type: str) -> None:
    """@param name of the training's folder. @param folder receives a whole checkpoint directory."""
    folder.mkdir(parents=True, exist_ok=True)
    config = lm_config | {
        "model_type": model_type,
        "moshi_name": _LM_FILE,
        "mimi_name": _MIMI_FILE,
        "mimi_config_name": "mimi_config.json",
        "tokenizer_name": _TOKENIZER_FILE,
    }
    _write_json(folder / "config.json", config)
    _write_json(folder / "mimi_config.json", mimi_config)
    (folder / _TOKENIZER_FILE).write_bytes((work_dir / "tokenizer.model").read_bytes())
    save_file(_halved(_state(work_dir / name, "lm.")), str(folder / _LM_FILE))
    # Centroids are quotients of two sums: the codec's codebooks stay in full precision.
    codec = _state(work_dir / "codec", "codec.")
    save_file(
        {key: value if "_codebook" in key else value.half() for key, value in codec.items()}, str(folder / _MIMI_FILE)
    )


def _state(folder: Path, prefix: str) -> dict[str, torch.Tensor]:
    saved = torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)["training"]
    return _published_names({key.removeprefix(prefix): value for key, value in saved.items() if key.startswith(prefix)})


def _published_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Kyutai's modules hold one projection for each set of weights; their files hold all of a layer stacked."""
    published: dict[str, list[torch.Tensor]] = {}
    for key, value in state.items():
        for held, stacked in _STACKED.items():
            key = re.sub(rf"\.{held}\.\d+\.weight$", f".{stacked}", key)
        published.setdefault(key, []).append(value)
    return {key: torch.cat(values).contiguous() for key, values in published.items()}


def _halved(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key: value.half() for key, value in state.items()}


def _write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")
