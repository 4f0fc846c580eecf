"""How big everything is: the model that ships, and a tiny one that runs the whole pipeline in two minutes."""

import string
from dataclasses import dataclass

SAMPLE_RATE_HZ = 24_000
CODEBOOKS = 8
# Moshi's own number for a frame without text.
PAD = 3
# A recalled text reaches the model letter by letter: the letter of each place is one of these.
RECALLED_ALPHABET = " " + string.ascii_lowercase
RECALLED_PLACES = 48


@dataclass(frozen=True)
class CodecSize:
    """Kyutai's Mimi at other dimensions; what is not here is as they have it."""

    filters: int
    dimension: int
    heads: int
    layers: int
    code_dimension: int
    bins: int

    def config(self) -> dict:
        return {
            "sample_rate": SAMPLE_RATE_HZ,
            "channels": 1,
            "frame_rate": 12.5,
            "seanet": {
                "channels": 1,
                "dimension": self.dimension,
                "causal": True,
                "n_filters": self.filters,
                "n_residual_layers": 1,
                "activation": "ELU",
                "compress": 2,
                "dilation_base": 2,
                "disable_norm_outer_blocks": 0,
                "kernel_size": 7,
                "residual_kernel_size": 3,
                "last_kernel_size": 3,
                "norm": "none",
                "pad_mode": "constant",
                "ratios": [8, 6, 5, 4],
                "true_skip": True,
            },
            "quantizer": {
                "dimension": self.code_dimension,
                "n_q": CODEBOOKS,
                "bins": self.bins,
                "input_dimension": self.dimension,
                "output_dimension": self.dimension,
            },
            "transformer": {
                "d_model": self.dimension,
                "num_heads": self.heads,
                "num_layers": self.layers,
                "causal": True,
                "layer_scale": 0.01,
                # 5 s at 25 Hz.
                "context": 125,
                "conv_layout": True,
                "max_period": 10_000,
                "gating": "none",
                "norm": "layer_norm",
                "positional_embedding": "rope",
                "dim_feedforward": 4 * self.dimension,
                "input_dimension": self.dimension,
                "output_dimensions": [self.dimension],
            },
        }


@dataclass(frozen=True)
class LmSize:
    """A temporal transformer; a depformer too where `depformer` is not 0."""

    dimension: int
    heads: int
    layers: int
    context: int
    depformer: int = 0
    depformer_heads: int = 0
    depformer_layers: int = 0

    def config(self, bins: int, pieces: int) -> dict:
        shared = {
            "dim": self.dimension,
            "num_heads": self.heads,
            "num_layers": self.layers,
            "context": self.context,
            "card": bins,
            "text_card": pieces,
            "existing_text_padding_id": PAD,
            "hidden_scale": 4.125,
            "causal": True,
            "layer_scale": None,
            "max_period": 10_000,
            "gating": "silu",
            "norm": "rms_norm_f32",
            "positional_embedding": "rope",
        }
        if self.depformer == 0:
            return shared | {"n_q": CODEBOOKS, "dep_q": 0, "delays": [0] * (1 + CODEBOOKS)}
        return shared | {
            "n_q": 2 * CODEBOOKS,
            "dep_q": CODEBOOKS,
            "delays": [0] + 2 * ([0] + [1] * (CODEBOOKS - 1)),
            "depformer_dim": self.depformer,
            "depformer_dim_feedforward": int(4.125 * self.depformer),
            "depformer_num_heads": self.depformer_heads,
            "depformer_num_layers": self.depformer_layers,
            "depformer_layer_scale": None,
            "depformer_multi_linear": True,
            "depformer_context": CODEBOOKS,
            "depformer_max_period": 10_000,
            "depformer_gating": "silu",
            "depformer_pos_emb": "none",
            "depformer_weights_per_step": True,
            # The later codebooks refine what the first ones said: they share weights.
            "depformer_weights_per_step_schedule": [0, 1, 2, 2, 3, 3, 3, 3],
            "conditioners": {
                "recalled": {
                    "type": "tensor",
                    "tensor": {"dim": len(RECALLED_ALPHABET) * RECALLED_PLACES},
                    "parley_letters": {"alphabet": RECALLED_ALPHABET, "places": RECALLED_PLACES},
                }
            },
            "fuser": {"sum": ["recalled"], "cross": [], "prepend": []},
        }


@dataclass(frozen=True)
class CodecPlan:
    """
    First everything learns, without an adversary. From `freeze_from` on the codes stay what they are, so that language
    models may be trained on them, and the decoder alone learns, now against an adversary too. Counted in steps; in
    either half the learning rate is held, then falls over the last `anneal` share.
    """

    steps: int
    freeze_from: int
    rows: int = 3
    learning_rate: float = 1e-3
    decoder_learning_rate: float = 5e-4
    warm_up: int = 100
    anneal: float = 0.25
    agent_share: float = 0.45
    semantic_weight: float = 0.5
    # The first steps are bigger: codebooks start by k-means, which wants more vectors than a codebook has entries.
    start_rows: int = 60

    def rate(self, step: int) -> float:
        if step < self.freeze_from:
            return self.learning_rate * min(1.0, (step + 1) / self.warm_up) * self._falling(step / self.freeze_from)
        return self.decoder_learning_rate * self._falling((step - self.freeze_from) / (self.steps - self.freeze_from))

    def _falling(self, share: float) -> float:
        return min(1.0, 0.05 + 0.95 * (1 - share) / self.anneal)


@dataclass(frozen=True)
class LmPlan:
    """In steps; the learning rate falls over the last `anneal` share."""

    steps: int
    rows: int = 4
    learning_rate: float = 1e-3
    warm_up: int = 300
    anneal: float = 0.3

    def rate(self, step: int) -> float:
        falling = min(1.0, 0.05 + 0.95 * (1 - step / self.steps) / self.anneal)
        return self.learning_rate * min(1.0, (step + 1) / self.warm_up) * falling


@dataclass(frozen=True)
class Scale:
    """Renderings are told for each intent, by bank and engine."""

    codec: CodecSize
    codec_plan: CodecPlan
    moshi: LmSize
    moshi_plan: LmPlan
    transcriber: LmSize
    transcriber_plan: LmPlan
    pieces: int
    callers: dict[str, dict[str, int]]
    prompts: dict[str, dict[str, int]]
    # Of each kind; None: all of the domain.
    intents: int | None
    # Greetings, and names to recall; None: all.
    extras: int | None
    judged_clips: int
    probe_clips: int
    dialogue_frames: int
    dialogues_per_shard: int
    validation_dialogues: int
    shards_kept: int

    def mimi_config(self) -> dict:
        return self.codec.config()

    def moshi_config(self) -> dict:
        return self.moshi.config(self.codec.bins, self.pieces)

    def transcriber_config(self) -> dict:
        return self.transcriber.config(self.codec.bins, self.pieces)


SHIPPED = Scale(
    codec=CodecSize(filters=16, dimension=192, heads=6, layers=4, code_dimension=64, bins=512),
    codec_plan=CodecPlan(steps=60_000, freeze_from=17_000),
    moshi=LmSize(256, 4, 6, context=250, depformer=128, depformer_heads=4, depformer_layers=2),
    moshi_plan=LmPlan(steps=30_000),
    transcriber=LmSize(192, 3, 3, context=125),
    transcriber_plan=LmPlan(steps=20_000),
    pieces=800,
    callers={"callers-classic": {"flite": 80, "espeak": 80}, "callers-kokoro": {"kokoro": 40}},
    prompts={
        "seen": {"kokoro": 6, "flite": 2, "espeak": 2},
        "unseen": {"kokoro": 4, "flite": 2, "espeak": 2, "festival": 2},
    },
    intents=None,
    extras=None,
    judged_clips=60,
    probe_clips=60,
    dialogue_frames=250,
    dialogues_per_shard=32,
    validation_dialogues=96,
    shards_kept=400,
)

TINY = Scale(
    codec=CodecSize(filters=4, dimension=32, heads=2, layers=1, code_dimension=16, bins=64),
    codec_plan=CodecPlan(steps=60, freeze_from=40, start_rows=8),
    moshi=LmSize(32, 2, 2, context=125, depformer=16, depformer_heads=2, depformer_layers=1),
    moshi_plan=LmPlan(steps=20, warm_up=5),
    transcriber=LmSize(32, 2, 1, context=125),
    transcriber_plan=LmPlan(steps=20, warm_up=5),
    pieces=160,
    callers={"callers-classic": {"flite": 2, "espeak": 2}, "callers-kokoro": {"kokoro": 1}},
    prompts={"seen": {"kokoro": 1, "espeak": 1}, "unseen": {"flite": 1, "festival": 1}},
    intents=2,
    extras=6,
    judged_clips=2,
    probe_clips=4,
    dialogue_frames=250,
    dialogues_per_shard=8,
    validation_dialogues=4,
    shards_kept=4,
)
