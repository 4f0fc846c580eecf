"""Trains the small Mimi. Stops by the clock, goes on from its last checkpoint, uses a GPU where there is one."""

import json
import math
import time
from pathlib import Path

import torch
from torch import nn

from .bank import AGENT_BANK, Bank
from .codec import FRAME_SAMPLES, new_codec, scale_to_unit_variance
from .codec_data import CodecData
from .deadline import Deadline
from .discriminator import Discriminator, discriminator_loss, generator_losses
from .phones import PhoneHead, phone_loss
from .scale import CODEBOOKS, Scale
from .spectral import SpectralLoss

CHECKPOINT_EVERY_S = 240
LOG_EVERY = 50
# The discriminator costs four times what it judges: it sees a piece of each window, another one each time.
JUDGED_SAMPLES = 6 * FRAME_SAMPLES
# Kyutai's codebooks start by k-means, one level a step.
START_STEPS = 2 * CODEBOOKS
# Half of what passes is not quantised until the codebooks have settled.
UNQUANTISED_STEPS = 400


class CodecTraining(nn.Module):
    """All that learns, so that one state dict holds it."""

    def __init__(self, config: dict):
        super().__init__()
        self.codec = new_codec(config)
        dimension = config["seanet"]["dimension"]
        self.semantic_head = PhoneHead(dimension)
        self.full_head = PhoneHead(dimension)
        self.discriminator = Discriminator()

    def freeze_codes(self) -> None:
        """Encoder and codebooks learn no more."""
        codec = self.codec
        for frozen in (codec.encoder, codec.encoder_transformer, codec.downsample, codec.quantizer):
            frozen.requires_grad_(False)
        codec.quantizer.eval()

    def through(self, heard: torch.Tensor):
        """[B, 1, samples] to (decoded, semantic latent, whole latent, commitment)."""
        codec = self.codec
        latent = codec._encode_to_unquantized_latent(heard).float()
        # Codebooks move by running sums: in bfloat16 those would stand still.
        with torch.autocast(heard.device.type, enabled=False):
            semantic = codec.quantizer.rvq_first(latent, codec.frame_rate)
            rest = codec.quantizer.rvq_rest(latent, codec.frame_rate)
        whole = semantic.x + rest.x
        (decoded,) = codec.decoder_transformer(codec._to_encoder_framerate(whole))
        pcm = codec.decoder(decoded)[..., : heard.shape[-1]]
        return pcm.float(), semantic.x, whole, semantic.penalty.mean() + rest.penalty.mean()


def train_codec(work_dir: Path, scale: Scale, deadline: Deadline, threads: int) -> int:
    """@returns the steps done in all, which a checkpoint holds."""
    torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    plan = scale.codec_plan
    agent, *callers = [Bank(work_dir / "bank" / name) for name in (AGENT_BANK, *scale.callers)]
    folder = work_dir / "codec"
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint_file = folder / "checkpoint.pt"
    saved = torch.load(checkpoint_file, map_location=device, weights_only=True) if checkpoint_file.exists() else None
    done = saved["step"] if saved else 0

    training = CodecTraining(scale.mimi_config()).to(device)
    spectral = SpectralLoss().to(device)
    data = CodecData(agent, callers, plan.agent_share, seed=done + 1)
    made_by = [p for name, p in training.named_parameters() if not name.startswith("discriminator.")]
    optimiser = torch.optim.AdamW(made_by, plan.learning_rate, betas=(0.8, 0.99), weight_decay=0.01)
    judge = torch.optim.AdamW(training.discriminator.parameters(), plan.learning_rate / 2, betas=(0.8, 0.99))
    if saved:
        training.load_state_dict(saved["training"])
        optimiser.load_state_dict(saved["optimiser"])
        judge.load_state_dict(saved["judge"])
    else:
        scale_to_unit_variance(training.codec, data.batch(16).wanted.to(device))

    def save() -> None:
        state = {
            "training": training.state_dict(),
            "optimiser": optimiser.state_dict(),
            "judge": judge.state_dict(),
            "step": done,
        }
        torch.save(state, checkpoint_file.with_suffix(".part"))
        checkpoint_file.with_suffix(".part").replace(checkpoint_file)

    training.train()
    log = open(folder / "log.jsonl", "a")
    sums: dict[str, list[float]] = {}
    saved_at, logged_at = time.time(), time.time()
    while done < plan.steps and not deadline.has_passed():
        if done >= plan.freeze_from:
            training.freeze_codes()
        for level in (training.codec.quantizer.rvq_first, training.codec.quantizer.rvq_rest):
            level.no_quantization_rate = 0.5 if done < UNQUANTISED_STEPS else 0.05
        for learner in (optimiser, judge):
            learner.param_groups[0]["lr"] = plan.rate(done)
        rows = plan.start_rows if done < START_STEPS else plan.rows
        told = _step(training, spectral, data.batch(rows), optimiser, judge, plan, done, device)
        done += 1
        for name, value in told.items():
            if not math.isnan(value):
                sums.setdefault(name, []).append(value)
        if done % LOG_EVERY == 0:
            row = {name: round(sum(values) / len(values), 4) for name, values in sums.items()}
            row |= {"step": done, "s_per_step": round((time.time() - logged_at) / LOG_EVERY, 3)}
            print(json.dumps(row), file=log, flush=True)
            sums, logged_at = {}, time.time()
        if time.time() - saved_at > CHECKPOINT_EVERY_S:
            save()
            saved_at = time.time()
    save()
    return done


def _step(training, spectral, batch, optimiser, judge, plan, step, device) -> dict[str, float]:
    heard, wanted = batch.heard.to(device), batch.wanted.to(device)
    is_frozen = step >= plan.freeze_from
    with torch.autocast(device.type, torch.bfloat16):
        made, semantic, whole, commitment = training.through(heard)
    aligned = batch.aligned.to(device)
    semantic_loss, _ = phone_loss(training.semantic_head(semantic.float()), aligned, batch.sequences)
    whole_loss, right = phone_loss(training.full_head(whole.float()), aligned, batch.sequences)
    log_mel, convergence = spectral(made[:, 0], wanted[:, 0])
    wave = (made - wanted).abs().mean()
    loss = log_mel + 0.3 * convergence + 2 * wave
    if not is_frozen:
        loss = loss + 0.5 * commitment + plan.semantic_weight * (0.5 * semantic_loss + 0.5 * whole_loss)
    told = {"mel": log_mel.item(), "convergence": convergence.item(), "commitment": commitment.item()}
    told |= {"phones_semantic": semantic_loss.item(), "phones": whole_loss.item(), "phones_right": right}
    if is_frozen:
        first = torch.randint(wanted.shape[-1] - JUDGED_SAMPLES + 1, ()).item()
        real_piece, made_piece = (pcm[:, 0, first : first + JUDGED_SAMPLES] for pcm in (wanted, made))
        with torch.no_grad():
            real = training.discriminator(real_piece)
        adversarial, matching = generator_losses(real, training.discriminator(made_piece))
        loss = loss + 0.3 * adversarial + matching
        told |= {"adversarial": adversarial.item(), "matching": matching.item()}
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], 5.0)
    optimiser.step()
    # Every second step: it learns faster than what it judges.
    if is_frozen and step % 2 == 0:
        told["discriminator"] = _judge_step(training.discriminator, real_piece, made_piece.detach(), judge)
    return told


def _judge_step(discriminator: nn.Module, real: torch.Tensor, made: torch.Tensor, judge) -> float:
    loss = discriminator_loss(discriminator(real), discriminator(made))
    judge.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(discriminator.parameters(), 5.0)
    judge.step()
    return loss.item()
