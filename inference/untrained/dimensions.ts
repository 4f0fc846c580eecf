/** What config.json and mimi_config.json say of a generated checkpoint, in Kyutai's own keys. */
export interface Dimensions {
  readonly lm: {
    readonly dim: number;
    readonly num_layers: number;
    readonly num_heads: number;
    readonly context: number;
    readonly card: number;
    readonly text_card: number;
    readonly depformer_dim: number;
    readonly depformer_num_layers: number;
    readonly depformer_num_heads: number;
  };
  /** Beside the model, over its codes and text; absent: none is made. */
  readonly transcriber?: {
    readonly dim: number;
    readonly num_layers: number;
    readonly num_heads: number;
    readonly context: number;
  };
  readonly mimi: {
    readonly seanet: { readonly dimension: number; readonly n_filters: number };
    readonly quantizer: { readonly dimension: number; readonly n_q: number; readonly bins: number };
    readonly transformer: {
      readonly d_model: number;
      readonly num_heads: number;
      readonly num_layers: number;
      readonly context: number;
      readonly dim_feedforward: number;
    };
  };
}

/** Small enough to be made in seconds and stepped in a few milliseconds: what `npm start` answers with untrained. */
export const SMALL: Dimensions = {
  lm: {
    dim: 128,
    num_layers: 4,
    num_heads: 4,
    context: 250,
    card: 128,
    text_card: 96,
    depformer_dim: 64,
    depformer_num_layers: 2,
    depformer_num_heads: 4,
  },
  mimi: {
    seanet: { dimension: 128, n_filters: 8 },
    quantizer: { dimension: 32, n_q: 8, bins: 128 },
    transformer: { d_model: 128, num_heads: 4, num_layers: 2, context: 250, dim_feedforward: 512 },
  },
};

/** A transcriber beside a small model: ten seconds of context. */
export const SMALL_TRANSCRIBER = { dim: 192, num_layers: 3, num_heads: 3, context: 125 } as const;

/** Mimi's official dimensions under a language model of about a quarter of a billion parameters: for benchmarks. */
export const LARGE: Dimensions = {
  lm: {
    dim: 1024,
    num_layers: 12,
    num_heads: 16,
    context: 250,
    card: 2048,
    text_card: 8000,
    depformer_dim: 512,
    depformer_num_layers: 4,
    depformer_num_heads: 8,
  },
  mimi: {
    seanet: { dimension: 512, n_filters: 64 },
    quantizer: { dimension: 256, n_q: 8, bins: 2048 },
    transformer: { d_model: 512, num_heads: 8, num_layers: 8, context: 250, dim_feedforward: 2048 },
  },
};

/** Streams of Moshi: text, eight codebooks of the agent, eight of the caller; acoustic codes lag by a frame. */
export const CODEBOOKS_PER_VOICE = 8;

/** What the language models of a generated checkpoint have in common. */
const LM_KEYS = {
  existing_text_padding_id: 3,
  hidden_scale: 4.125,
  causal: true,
  layer_scale: null,
  max_period: 10_000,
  gating: 'silu',
  norm: 'rms_norm_f32',
  positional_embedding: 'rope',
  parley_untrained: true,
};

export function configFiles({ lm, mimi, transcriber }: Dimensions): {
  lm: object;
  mimi: object;
  transcriber: object | undefined;
} {
  const delays = [
    0,
    ...Array.from({ length: 2 * CODEBOOKS_PER_VOICE }, (_, i) => (i % CODEBOOKS_PER_VOICE === 0 ? 0 : 1)),
  ];
  return {
    lm: {
      ...LM_KEYS,
      ...lm,
      model_type: 'moshi',
      moshi_name: 'model.safetensors',
      mimi_name: 'mimi.safetensors',
      mimi_config_name: 'mimi_config.json',
      tokenizer_name: 'tokenizer.model',
      n_q: 2 * CODEBOOKS_PER_VOICE,
      dep_q: CODEBOOKS_PER_VOICE,
      depformer_dim_feedforward: Math.floor(4.125 * lm.depformer_dim),
      depformer_multi_linear: true,
      depformer_context: CODEBOOKS_PER_VOICE,
      depformer_gating: 'silu',
      depformer_pos_emb: 'none',
      depformer_weights_per_step: true,
      delays,
    },
    transcriber: transcriber && {
      ...LM_KEYS,
      ...transcriber,
      model_type: 'stt',
      moshi_name: 'model.safetensors',
      card: lm.card,
      text_card: lm.text_card,
      n_q: CODEBOOKS_PER_VOICE,
      dep_q: 0,
      delays: Array.from({ length: 1 + CODEBOOKS_PER_VOICE }, () => 0),
    },
    mimi: {
      sample_rate: 24_000,
      channels: 1,
      frame_rate: 12.5,
      seanet: { ...mimi.seanet, causal: true, n_residual_layers: 1, compress: 2, ratios: [8, 6, 5, 4] },
      quantizer: { ...mimi.quantizer, input_dimension: mimi.seanet.dimension, output_dimension: mimi.seanet.dimension },
      transformer: { ...mimi.transformer, causal: true, max_period: 10_000 },
    },
  };
}

/** Hidden size of a gated feed-forward by Kyutai's rule, two thirds of 4.125 times the width. */
export function gateHidden(dim: number): number {
  return Math.floor((2 * 4.125 * dim) / 3);
}
