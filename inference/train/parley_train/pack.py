"""Banks small enough to carry to another machine: Ogg Opus instead of samples, the index beside it."""

import gzip
from pathlib import Path

import numpy as np
import soundfile

from .bank import Bank
from .scale import SAMPLE_RATE_HZ

# libsndfile maps 0 to 1 onto its best to its smallest bit rate; at this one speech takes about 24 kbit/s.
_COMPRESSION = 0.95
_SECONDS_AT_ONCE = 60


def pack(work_dir: Path, name: str, folder: Path) -> int:
    """@returns the bytes written."""
    folder.mkdir(parents=True, exist_ok=True)
    bank = work_dir / "bank" / name
    samples = np.memmap(bank.with_suffix(".i16"), "<i2", "r")
    packed = folder / f"{name}.ogg"
    with soundfile.SoundFile(
        packed, "w", SAMPLE_RATE_HZ, 1, format="OGG", subtype="OPUS", compression_level=_COMPRESSION
    ) as file:
        for first in range(0, len(samples), _SECONDS_AT_ONCE * SAMPLE_RATE_HZ):
            file.write(np.asarray(samples[first : first + _SECONDS_AT_ONCE * SAMPLE_RATE_HZ]))
    index = folder / f"{name}.jsonl.gz"
    index.write_bytes(gzip.compress(bank.with_suffix(".jsonl").read_bytes(), mtime=0))
    return packed.stat().st_size + index.stat().st_size


def unpack(folder: Path, work_dir: Path) -> None:
    """Makes the banks of `pack` again, as their listeners would hear them."""
    (work_dir / "bank").mkdir(parents=True, exist_ok=True)
    for packed in sorted(folder.glob("*.ogg")):
        bank = work_dir / "bank" / packed.stem
        with soundfile.SoundFile(packed) as file, open(bank.with_suffix(".i16"), "wb") as samples:
            while len(block := file.read(_SECONDS_AT_ONCE * SAMPLE_RATE_HZ, dtype="int16")):
                samples.write(block.astype("<i2").tobytes())
        bank.with_suffix(".jsonl").write_bytes(gzip.decompress((folder / f"{packed.stem}.jsonl.gz").read_bytes()))
        if not len(Bank(bank)):
            raise ValueError(f"{packed}: no clip of it is whole")
