"""Writes the prompts that the model is judged by as any recordings are given to `npm run eval:model -- --prompts`."""

import json
from pathlib import Path

import soundfile

from .bank import Bank
from .scale import SAMPLE_RATE_HZ


def export_prompts(bank: Bank, folder: Path) -> int:
    """WAV files and, once they are all there, manifest.json; of an empty bank nothing. @returns how many prompts."""
    if len(bank) == 0:
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for index, clip in enumerate(bank.clips):
        file = clip.key.replace("/", "-") + ".wav"
        path = folder / file
        if not (path.exists() and path.stat().st_size > 2 * clip.length):
            soundfile.write(path, bank.pcm(index), SAMPLE_RATE_HZ, subtype="PCM_16")
        entries.append(
            {
                "file": file,
                "intent": clip.intent,
                "slots": clip.values,
                "text": clip.text,
                "voice": f"{clip.engine} {clip.voice}",
            }
        )
    unfinished = folder / "manifest.json.part"
    unfinished.write_text("[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]\n")
    unfinished.replace(folder / "manifest.json")
    return len(entries)
