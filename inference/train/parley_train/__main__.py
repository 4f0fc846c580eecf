"""`python -m parley_train STEP`: the steps of the training, each resumable, in the order in which README tells them."""

import argparse
import ctypes.util
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from .deadline import Deadline
from .scale import SHIPPED, TINY, Scale


@dataclass(frozen=True)
class Run:
    """What every step is given."""

    work: Path
    scale: Scale
    deadline: Deadline
    threads: int
    part: str | None

    def bank(self, name: str):
        from .bank import Bank

        return Bank(self.work / "bank" / name)

    def domain(self):
        from .domain import load_domain

        return load_domain(self.scale.intents)

    def codec(self):
        import torch

        from .judge_codec import load_codec

        torch.set_num_threads(self.threads)
        return load_codec(self.work, self.scale)[0]

    @property
    def tokenizer_file(self) -> Path:
        return self.work / "tokenizer.model"


def main() -> None:
    parser = argparse.ArgumentParser(prog="parley_train", description=__doc__)
    parser.add_argument("step", choices=[*STEPS, *BESIDE, "all"])
    parser.add_argument("--work", type=Path, default=Path.home() / ".cache" / "parley" / "train")
    parser.add_argument("--minutes", type=float, default=10_000, help="stops in time, and goes on when called again")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--part", help="of banks or dialogues: only this one")
    parser.add_argument("--tiny", action="store_true", help="a tiny model of a few intents: does the pipeline run?")
    options = parser.parse_args()
    _prefer_a_lasting_heap()
    scale = TINY if options.tiny else SHIPPED
    work = options.work / "tiny" if options.tiny else options.work
    run = Run(work, scale, Deadline(options.minutes), options.threads, options.part)
    run.work.mkdir(parents=True, exist_ok=True)
    for name in STEPS if options.step == "all" else [options.step]:
        started = time.time()
        (STEPS | BESIDE)[name](run)
        print(f"{name}: {time.time() - started:.0f} s", flush=True)


def _prefer_a_lasting_heap() -> None:
    """glibc gives big tensors back to the kernel at once and halves the speed; tcmalloc keeps them."""
    library = ctypes.util.find_library("tcmalloc_minimal")
    if library and "tcmalloc" not in os.environ.get("LD_PRELOAD", ""):
        os.environ["LD_PRELOAD"] = library
        os.execv(sys.executable, [sys.executable, "-m", "parley_train", *sys.argv[1:]])


def _banks(run: Run) -> None:
    from .bank import AGENT_BANK
    from .make_banks import make_agent_bank, make_caller_bank

    domain = run.domain()
    if run.part in (None, AGENT_BANK):
        make_agent_bank(run.work, domain, run.scale.extras)
    for name, engines in run.scale.callers.items():
        if run.part in (None, name):
            make_caller_bank(run.work, domain, name, engines, deadline=run.deadline)
    for name, engines in run.scale.prompts.items():
        if run.part in (None, f"prompts-{name}"):
            make_caller_bank(
                run.work,
                domain,
                f"prompts-{name}",
                engines,
                held_out_phrasings=True,
                held_out_voices=name == "unseen",
                seed=2,
                deadline=run.deadline,
            )


def _prompts(run: Run) -> None:
    from .export_prompts import export_prompts

    for name in run.scale.prompts:
        folder = run.work / "prompts" / name
        print(f"{export_prompts(run.bank(f'prompts-{name}'), folder)} prompts in {folder}")


def _codec(run: Run) -> None:
    from .train_codec import train_codec

    print(f"{train_codec(run.work, run.scale, run.deadline, run.threads)} steps done")


def _judge_codec(run: Run) -> None:
    from .judge_codec import judge_codec

    figures = judge_codec(run.work, run.scale, {"agent": "agent", "callers": "prompts-seen"})
    print(json.dumps(figures, indent=1))


def _probe(run: Run) -> None:
    from .probe import probe_codes

    banks = [run.bank(name) for name in run.scale.callers]
    print(json.dumps(probe_codes(run.codec(), run.scale, run.domain(), banks, run.bank("prompts-seen")), indent=1))


def _tokenizer(run: Run) -> None:
    from .tokenizer import make_tokenizer

    make_tokenizer(run.domain(), run.tokenizer_file, run.scale.pieces, run.scale.extras)


def _compose(run: Run) -> None:
    """`--part train` goes on until it is stopped; `seen` and `unseen` are made once, for validation."""
    from .dialogue import Composer
    from .shards import AgentCodes, encode_dialogues, keep_composing, save_shard
    from .tokenizer import load_tokenizer

    domain, tokenizer, agent, codec = run.domain(), load_tokenizer(run.tokenizer_file), run.bank("agent"), run.codec()

    def composer(names, seed):
        return Composer(domain, agent, [run.bank(name) for name in names], tokenizer, run.scale.dialogue_frames, seed)

    for name in run.scale.prompts:
        path = run.work / "shards" / name / "00000000.npz"
        if run.part in (None, name) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            made = composer([f"prompts-{name}"], 1)
            save_shard(encode_dialogues(codec, AgentCodes(codec, agent), made, run.scale.validation_dialogues), path)
    if run.part in (None, "train"):
        folder = run.work / "shards" / "train"
        # A tiny run makes what it keeps, and goes on to the next step.
        deadline = run.deadline if run.scale is SHIPPED else run.deadline.or_in(20)
        keep_composing(codec, run.scale, lambda seed: composer(run.scale.callers, seed), agent, folder, deadline)


def _moshi(run: Run) -> None:
    import numpy as np
    import torch

    from .shards import AgentCodes
    from .train_lm import LmTrainer, MoshiTraining, moshi_loss

    silence = torch.from_numpy(AgentCodes(run.codec(), run.bank("agent")).silence.astype(np.int64))
    training = MoshiTraining(run.scale.moshi_config())
    trainer = LmTrainer(run.work, "moshi", training, run.scale.moshi_plan, run.threads)
    silence = silence.to(trainer.device)
    trainer.train(lambda rows: moshi_loss(training, rows, silence), run.deadline)
    print(f"{trainer.step} steps done")


def _transcriber(run: Run) -> None:
    from .train_lm import LmTrainer, TranscriberTraining, transcriber_loss

    training = TranscriberTraining(run.scale.transcriber_config())
    trainer = LmTrainer(run.work, "transcriber", training, run.scale.transcriber_plan, run.threads)
    trainer.train(lambda rows: transcriber_loss(training, rows), run.deadline)
    print(f"{trainer.step} steps done")


def _export(run: Run) -> None:
    from .check_kyutai import check
    from .export import export

    folder = run.work / "export"
    export(run.work, run.scale, folder)
    for part in (folder, folder / "transcriber"):
        print(f"Kyutai's package loads {part}: {check(part, folder)}")


def _pack(run: Run) -> None:
    """The banks as Opus in WORK/pack, to be carried to a machine that has a GPU and no voices."""
    from .pack import pack

    for name in [run.part] if run.part else ["agent", *run.scale.callers, *(f"prompts-{p}" for p in run.scale.prompts)]:
        print(f"{name}: {pack(run.work, name, run.work / 'pack') / 1e6:.1f} MB")


def _unpack(run: Run) -> None:
    from .pack import unpack

    unpack(run.work / "pack", run.work)


STEPS = {
    "banks": _banks,
    "prompts": _prompts,
    "codec": _codec,
    "judge-codec": _judge_codec,
    "probe": _probe,
    "tokenizer": _tokenizer,
    "compose": _compose,
    "moshi": _moshi,
    "transcriber": _transcriber,
    "export": _export,
}
BESIDE = {"pack": _pack, "unpack": _unpack}

if __name__ == "__main__":
    main()
