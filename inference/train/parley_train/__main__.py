"""`python -m parley_train STEP`: the steps of the training, each resumable, in the order in which README tells them."""

import argparse
import ctypes.util
import json
import os
import sys
import time
from pathlib import Path

STEPS = ("banks", "prompts", "codec", "judge-codec", "probe", "tokenizer", "compose", "moshi", "transcriber")
# How many renderings of every intent each engine gives.
CALLERS = {"callers-classic": {"flite": 80, "espeak": 80}, "callers-kokoro": {"kokoro": 40}}
PROMPTS_SEEN = {"kokoro": 6, "flite": 2, "espeak": 2}
PROMPTS_UNSEEN = {"kokoro": 4, "flite": 2, "espeak": 2, "festival": 2}
DIALOGUE_FRAMES = 250
SHARDS_KEPT = 400
VALIDATION_DIALOGUES = 96
MOSHI_STEPS = 30_000
TRANSCRIBER_STEPS = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="parley_train", description=__doc__)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--work", type=Path, default=Path.home() / ".cache" / "parley" / "train")
    parser.add_argument("--minutes", type=float, default=10_000, help="stops in time, and goes on when called again")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, help="length of the whole training, over all calls")
    parser.add_argument("--part", help="of banks or dialogues: only this one")
    options = parser.parse_args()
    _prefer_a_lasting_heap()
    options.stop_at = time.time() + options.minutes * 60
    globals()["_" + options.step.replace("-", "_")](options)


def _prefer_a_lasting_heap() -> None:
    """glibc gives big tensors back to the kernel at once and halves the speed; tcmalloc keeps them."""
    library = ctypes.util.find_library("tcmalloc_minimal")
    if library and "tcmalloc" not in os.environ.get("LD_PRELOAD", ""):
        os.environ["LD_PRELOAD"] = library
        os.execv(sys.executable, [sys.executable, "-m", "parley_train", *sys.argv[1:]])


def _banks(options) -> None:
    from .domain import load_domain
    from .make_banks import AGENT_BANK, SEEN_PROMPTS, UNSEEN_PROMPTS, make_agent_bank, make_caller_bank

    domain, wanted = load_domain(), options.part
    if wanted in (None, AGENT_BANK):
        make_agent_bank(options.work, domain)
    for name, engines in CALLERS.items():
        if wanted in (None, name):
            make_caller_bank(options.work, domain, name, engines, stop_at=options.stop_at)
    held_out = {"held_out_phrasings": True, "seed": 2, "stop_at": options.stop_at}
    if wanted in (None, SEEN_PROMPTS):
        make_caller_bank(options.work, domain, SEEN_PROMPTS, PROMPTS_SEEN, **held_out)
    if wanted in (None, UNSEEN_PROMPTS):
        make_caller_bank(options.work, domain, UNSEEN_PROMPTS, PROMPTS_UNSEEN, held_out_voices=True, **held_out)


def _prompts(options) -> None:
    from .export_prompts import export_prompts

    for name in ("seen", "unseen"):
        folder = options.work / "prompts" / name
        print(f"{export_prompts(_bank(options, f'prompts-{name}'), folder)} prompts in {folder}")


def _codec(options) -> None:
    from .train_codec import CodecPlan, train_codec

    plan = CodecPlan()
    names = ["agent", *CALLERS]
    print(f"{train_codec(options.work, names, plan, options.stop_at, options.threads)} steps done")


def _judge_codec(options) -> None:
    from .judge_codec import judge_codec

    print(json.dumps(judge_codec(options.work, {"agent": "agent", "callers": "prompts-seen"}), indent=1))


def _probe(options) -> None:
    import torch

    from .domain import load_domain
    from .judge_codec import load_codec
    from .probe import probe_codes

    torch.set_num_threads(options.threads)
    codec, _ = load_codec(options.work)
    banks = [_bank(options, name) for name in CALLERS]
    print(json.dumps(probe_codes(codec, load_domain(), banks, _bank(options, "prompts-seen"), 60), indent=1))


def _tokenizer(options) -> None:
    from .domain import load_domain
    from .tokenizer import make_tokenizer

    make_tokenizer(load_domain(), _tokenizer_file(options))


def _compose(options) -> None:
    """`--part train` goes on until it is stopped; `seen` and `unseen` are made once, for validation."""
    import torch

    from .dialogue import Composer
    from .domain import load_domain
    from .judge_codec import load_codec
    from .shards import AgentCodes, encode_dialogues, keep_composing, save_shard
    from .tokenizer import load_tokenizer

    torch.set_num_threads(options.threads)
    domain, tokenizer, agent = load_domain(), load_tokenizer(_tokenizer_file(options)), _bank(options, "agent")
    codec, _ = load_codec(options.work)

    def composer(names, seed):
        return Composer(domain, agent, [_bank(options, name) for name in names], tokenizer, DIALOGUE_FRAMES, seed)

    for name in ("seen", "unseen"):
        path = options.work / "shards" / name / "00000000.npz"
        if options.part in (None, name) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            made = composer([f"prompts-{name}"], 1)
            save_shard(encode_dialogues(codec, AgentCodes(codec, agent), made, VALIDATION_DIALOGUES), path)
    if options.part in (None, "train"):
        folder = options.work / "shards" / "train"
        keep_composing(codec, lambda seed: composer(CALLERS, seed), agent, folder, SHARDS_KEPT, options.stop_at)


def _moshi(options) -> None:
    import numpy as np
    import torch

    from .judge_codec import load_codec
    from .moshi_lm import MOSHI_CONFIG
    from .shards import AgentCodes
    from .train_lm import LmPlan, LmTrainer, MoshiTraining, moshi_loss

    codec, _ = load_codec(options.work)
    silence = torch.from_numpy(AgentCodes(codec, _bank(options, "agent")).silence.astype(np.int64))
    plan = LmPlan(steps=options.steps or MOSHI_STEPS)
    training = MoshiTraining(MOSHI_CONFIG)
    trainer = LmTrainer(options.work, "moshi", training, plan, options.threads)
    silence = silence.to(trainer.device)
    trainer.train(lambda rows: moshi_loss(training, rows, silence), options.stop_at)
    print(f"{trainer.step} steps done")


def _transcriber(options) -> None:
    from .moshi_lm import TRANSCRIBER_CONFIG
    from .train_lm import LmPlan, LmTrainer, TranscriberTraining, transcriber_loss

    training = TranscriberTraining(TRANSCRIBER_CONFIG)
    plan = LmPlan(steps=options.steps or TRANSCRIBER_STEPS)
    trainer = LmTrainer(options.work, "transcriber", training, plan, options.threads)
    trainer.train(lambda rows: transcriber_loss(training, rows), options.stop_at)
    print(f"{trainer.step} steps done")


def _bank(options, name: str):
    from .bank import Bank

    return Bank(options.work / "bank" / name)


def _tokenizer_file(options) -> Path:
    return options.work / "tokenizer.model"


if __name__ == "__main__":
    main()
