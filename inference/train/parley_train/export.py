"""Writes what was trained as checkpoints in Kyutai's layout, the language models in half precision."""

import json
import re
from pathlib import Path

import torch
from safetensors.torch import save_file

from .scale import Scale

_MIMI_FILE = "mimi.safetensors"
_LM_FILE = "model.safetensors"
_TOKENIZER_FILE = "tokenizer.model"
# Many hosts of source code refuse larger files.
_SHARD_BYTES_MAX = 15 << 20
_STACKED = {"in_projs": "in_proj_weight", "out_projs": "out_proj.weight"}


def export(work_dir: Path, scale: Scale, folder: Path) -> None:
    """
    @param folder receives a whole checkpoint directory; the transcriber lies in `transcriber/` and uses the same Mimi
    and the same tokenizer.
    """
    names = {
        "moshi_name": _LM_FILE,
        "mimi_name": _MIMI_FILE,
        "mimi_config_name": "mimi_config.json",
        "tokenizer_name": _TOKENIZER_FILE,
    }
    transcriber = folder / "transcriber"
    transcriber.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "mimi_config.json", scale.mimi_config())
    (folder / _TOKENIZER_FILE).write_bytes((work_dir / "tokenizer.model").read_bytes())
    # Centroids are quotients of two sums: the codec's codebooks stay in full precision.
    codec = _state(work_dir / "codec", "codec.")
    _save({key: value if "_codebook" in key else value.half() for key, value in codec.items()}, folder / _MIMI_FILE)
    _write_json(folder / "config.json", scale.moshi_config() | names | {"model_type": "moshi"})
    _save(_halved(_state(work_dir / "moshi", "lm.")), folder / _LM_FILE)
    _write_json(transcriber / "config.json", scale.transcriber_config() | names | {"model_type": "stt"})
    _save(_halved(_state(work_dir / "transcriber", "lm.")), transcriber / _LM_FILE)


def _save(state: dict[str, torch.Tensor], path: Path) -> None:
    """In one file where it is small enough, else in shards with an index beside them, as the hub has them."""
    shards: list[dict[str, torch.Tensor]] = [{}]
    for key, value in state.items():
        if sum(v.nbytes for v in shards[-1].values()) + value.nbytes > _SHARD_BYTES_MAX:
            shards.append({})
        shards[-1][key] = value
    if len(shards) == 1:
        save_file(state, str(path))
        return
    names = [f"{path.stem}-{i:05d}-of-{len(shards):05d}{path.suffix}" for i in range(1, len(shards) + 1)]
    for name, shard in zip(names, shards):
        save_file(shard, str(path.with_name(name)))
    weight_map = {key: name for name, shard in zip(names, shards) for key in shard}
    _write_json(path.with_name(f"{path.name}.index.json"), {"metadata": {}, "weight_map": weight_map})


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
