import { z } from 'zod';
import { SAMPLE_RATE_HZ } from '../engine/engine.ts';

const count = z.int().min(1).max(1_000_000);

const LutSchema = z.object({
  type: z.literal('lut'),
  lut: z.object({ n_bins: count, dim: count, tokenizer: z.literal('noop'), possible_values: z.array(z.string()) }),
});

const LettersSchema = z.object({
  type: z.literal('tensor'),
  tensor: z.object({ dim: count }),
  // Our own key: Kyutai's programs make such tensors themselves and say nothing of how.
  parley_letters: z.object({ alphabet: z.string().min(1), places: count }),
});

/** The keys of config.json that shape the language model; unknown keys belong to other programs and are left alone. */
export const LmSchema = z.object({
  model_type: z.enum(['moshi', 'personaplex', 'stt']).default('moshi'),
  moshi_name: z.string().default('model.safetensors'),
  mimi_name: z.string().default('tokenizer-e351c8d8-checkpoint125.safetensors'),
  mimi_config_name: z.string().optional(),
  tokenizer_name: z.string().default('tokenizer_spm_32k_3.model'),
  dim: count,
  text_card: count,
  existing_text_padding_id: z.int().min(0).default(3),
  n_q: count.max(64),
  dep_q: z.int().min(0).max(64),
  card: count,
  num_heads: count,
  num_layers: count,
  causal: z.literal(true).default(true),
  layer_scale: z.null().default(null),
  context: count,
  max_period: z.number().positive().default(10_000),
  gating: z.literal('silu'),
  norm: z.enum(['rms_norm_f32', 'real_rms_norm_f32', 'rms_norm']),
  positional_embedding: z.literal('rope'),
  delays: z.array(z.int().min(0).max(100)),
  depformer_dim: count.optional(),
  depformer_num_heads: count.optional(),
  depformer_num_layers: count.optional(),
  depformer_layer_scale: z.null().default(null),
  depformer_multi_linear: z.literal(true).default(true),
  depformer_gating: z.literal('silu').default('silu'),
  depformer_pos_emb: z.literal('none').default('none'),
  depformer_norm: z.null().default(null),
  depformer_weights_per_step: z.literal(true).default(true),
  depformer_weights_per_step_schedule: z.array(z.int().min(0)).nullish(),
  demux_second_stream: z.literal(false).default(false),
  demux_second_text_stream: z.literal(false).default(false),
  cross_attention: z.literal(false).default(false),
  lora: z.literal(false).default(false),
  extra_heads_num_heads: z.int().min(0).default(0),
  extra_heads_dim: z.int().min(1).default(6),
  conditioners: z
    .record(z.string().regex(/^\w+$/), z.discriminatedUnion('type', [LutSchema, LettersSchema]))
    .default({}),
  fuser: z
    .object({
      sum: z.array(z.string()).default([]),
      prepend: z.array(z.string()).max(0).default([]),
      cross: z.array(z.string()).max(0).default([]),
    })
    .prefault({}),
  parley_untrained: z.boolean().default(false),
});

/** The keys of Mimi's configuration; what a file leaves out has the official dimensions. */
export const MimiSchema = z.object({
  sample_rate: z.literal(SAMPLE_RATE_HZ).default(SAMPLE_RATE_HZ),
  channels: z.literal(1).default(1),
  frame_rate: z.literal(12.5).default(12.5),
  seanet: z
    .object({
      dimension: count.default(512),
      causal: z.literal(true).default(true),
      n_filters: count.default(64),
      n_residual_layers: z.literal(1).default(1),
      compress: count.default(2),
      kernel_size: count.default(7),
      residual_kernel_size: count.default(3),
      last_kernel_size: count.default(3),
      activation: z.literal('ELU').default('ELU'),
      norm: z.literal('none').default('none'),
      pad_mode: z.literal('constant').default('constant'),
      ratios: z.array(count).min(1).default([8, 6, 5, 4]),
      true_skip: z.literal(true).default(true),
    })
    .prefault({}),
  quantizer: z
    .object({ dimension: count.default(256), n_q: count.max(64).default(32), bins: count.default(2048) })
    .prefault({}),
  transformer: z
    .object({
      d_model: count.default(512),
      num_heads: count.default(8),
      num_layers: count.default(8),
      causal: z.literal(true).default(true),
      context: count.default(250),
      max_period: z.number().positive().default(10_000),
      gating: z.literal('none').default('none'),
      norm: z.literal('layer_norm').default('layer_norm'),
      positional_embedding: z.literal('rope').default('rope'),
      dim_feedforward: count.default(2048),
    })
    .prefault({}),
});
