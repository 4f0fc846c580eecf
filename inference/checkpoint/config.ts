import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FRAME_SAMPLES, SAMPLE_RATE_HZ } from '../engine/engine.ts';
import { InferenceError } from '../errors.ts';

const count = z.int().min(1).max(1_000_000);
/** RMSNorm in f32 with eps 1e-8 is what every published checkpoint has; `rms_norm` differs in eps only. */
const NORM_EPSILON = { rms_norm_f32: 1e-8, real_rms_norm_f32: 1e-8, rms_norm: 1e-5 } as const;

const LutSchema = z.object({
  type: z.literal('lut'),
  lut: z.object({ n_bins: count, dim: count, tokenizer: z.literal('noop'), possible_values: z.array(z.string()) }),
});

/** The keys of config.json that shape the language model; unknown keys belong to other programs and are left alone. */
const LmSchema = z.object({
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
  conditioners: z.record(z.string().regex(/^\w+$/), LutSchema).default({}),
  fuser: z
    .object({
      sum: z.array(z.string()).default([]),
      prepend: z.array(z.string()).max(0).default([]),
      cross: z.array(z.string()).max(0).default([]),
    })
    .prefault({}),
  parley_untrained: z.boolean().default(false),
});

const MimiSchema = z.object({
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

export interface DepformerConfig {
  readonly dim: number;
  readonly headCount: number;
  readonly layerCount: number;
  /** Codebooks that the depformer predicts in a step, those of the agent only. */
  readonly stepCount: number;
  /** Which set of weights each step uses, of `weightSetCount` in the file. */
  readonly weightSets: readonly number[];
  readonly weightSetCount: number;
}

export interface LutConditioner {
  readonly binCount: number;
  readonly dim: number;
  readonly values: readonly string[];
}

export interface LmConfig {
  readonly dim: number;
  readonly textCard: number;
  readonly textPaddingId: number;
  /** Codes a codebook has; `audioCard` itself is the initial token. */
  readonly audioCard: number;
  readonly codebookCount: number;
  /** Codebooks the model speaks in, the first of `codebookCount`; 0 for a transcriber. */
  readonly agentCodebookCount: number;
  readonly userCodebookCount: number;
  readonly headCount: number;
  readonly layerCount: number;
  /** Positions that a step sees, its own included. */
  readonly context: number;
  readonly maxPeriod: number;
  readonly normEpsilon: number;
  /** Frames by which each stream lags, text first, then the agent's codebooks, then the caller's. */
  readonly delays: readonly number[];
  readonly depformer: DepformerConfig | undefined;
  readonly extraHeadCount: number;
  readonly extraHeadDim: number;
  /** Conditioners whose vector is added to the input embedding, by name. */
  readonly conditioners: ReadonlyMap<string, LutConditioner>;
  readonly isUntrained: boolean;
}

export interface MimiConfig {
  readonly latentDim: number;
  readonly filterCount: number;
  readonly compress: number;
  readonly kernelSize: number;
  readonly residualKernelSize: number;
  readonly lastKernelSize: number;
  /** Upsampling ratios in the decoder's order; the encoder goes through them backwards. */
  readonly ratios: readonly number[];
  readonly codeDim: number;
  readonly codebookCount: number;
  readonly binCount: number;
  readonly transformer: {
    readonly dim: number;
    readonly headCount: number;
    readonly layerCount: number;
    readonly context: number;
    readonly maxPeriod: number;
    readonly feedForwardDim: number;
  };
}

export interface CheckpointConfig {
  readonly lm: LmConfig;
  readonly mimi: MimiConfig;
  readonly files: { readonly lm: string; readonly mimi: string; readonly tokenizer: string };
}

/**
 * Reads config.json and the Mimi configuration that it names; Mimi's official dimensions where it names none.
 *
 * @throws InferenceError `CHECKPOINT_FILE_MISSING`, `CHECKPOINT_CONFIG_INVALID`
 */
export function readCheckpointConfig(directory: string): CheckpointConfig {
  const raw = parseFile(join(directory, 'config.json'), LmSchema);
  const mimiPath = raw.mimi_config_name === undefined ? undefined : join(directory, raw.mimi_config_name);
  const mimi = mimiPath === undefined ? MimiSchema.parse({}) : parseFile(mimiPath, MimiSchema);
  return {
    lm: shapeLm(raw),
    mimi: shapeMimi(mimi),
    files: {
      lm: join(directory, raw.moshi_name),
      mimi: join(directory, raw.mimi_name),
      tokenizer: join(directory, raw.tokenizer_name),
    },
  };
}

function parseFile<T>(path: string, schema: z.ZodType<T>): T {
  if (!existsSync(path)) throw new InferenceError('CHECKPOINT_FILE_MISSING', path);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new InferenceError('CHECKPOINT_CONFIG_INVALID', `${path} is not JSON`, { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new InferenceError('CHECKPOINT_CONFIG_INVALID', `${path}: ${z.prettifyError(parsed.error)}`);
}

function shapeLm(raw: z.infer<typeof LmSchema>): LmConfig {
  // A depformer as wide as the input also predicts the caller's codes, which the real ones then replace (PersonaPlex).
  const agentCodebookCount = raw.dep_q === raw.n_q ? raw.n_q / 2 : raw.dep_q;
  const lm = {
    dim: raw.dim,
    textCard: raw.text_card,
    textPaddingId: raw.existing_text_padding_id,
    audioCard: raw.card,
    codebookCount: raw.n_q,
    agentCodebookCount,
    userCodebookCount: raw.n_q - agentCodebookCount,
    headCount: raw.num_heads,
    layerCount: raw.num_layers,
    // NVIDIA's ring takes its oldest entry for the next position and hides it: one key fewer is seen once it is full.
    context: raw.model_type === 'personaplex' ? raw.context - 1 : raw.context,
    maxPeriod: raw.max_period,
    normEpsilon: NORM_EPSILON[raw.norm],
    delays: raw.delays,
    depformer: raw.dep_q === 0 ? undefined : shapeDepformer(raw, agentCodebookCount),
    extraHeadCount: raw.extra_heads_num_heads,
    extraHeadDim: raw.extra_heads_dim,
    conditioners: new Map(raw.fuser.sum.map((name) => [name, shapeConditioner(raw, name)])),
    isUntrained: raw.parley_untrained,
  };
  demand(
    raw.dim % raw.num_heads === 0 && (raw.dim / raw.num_heads) % 2 === 0,
    'num_heads',
    'dim / num_heads to be even',
    raw.num_heads,
  );
  demand(raw.delays.length === raw.n_q + 1, 'delays', `${raw.n_q + 1} delays`, raw.delays.length);
  demand(raw.delays[0] === 0, 'delays', 'no delay on text', raw.delays[0]);
  demand(
    Number.isInteger(agentCodebookCount) && raw.dep_q <= raw.n_q,
    'dep_q',
    'at most n_q, or an even n_q',
    raw.dep_q,
  );
  demand(lm.userCodebookCount > 0, 'dep_q', 'fewer than n_q agent codebooks', raw.dep_q);
  demand(
    raw.existing_text_padding_id < raw.text_card,
    'existing_text_padding_id',
    'a text token',
    raw.existing_text_padding_id,
  );
  return lm;
}

function shapeDepformer(raw: z.infer<typeof LmSchema>, stepCount: number): DepformerConfig {
  const { depformer_dim: dim, depformer_num_heads: headCount, depformer_num_layers: layerCount } = raw;
  demand(dim !== undefined, 'depformer_dim', 'a number where dep_q > 0', dim);
  demand(
    headCount !== undefined && dim! % headCount === 0,
    'depformer_num_heads',
    'a divisor of depformer_dim',
    headCount,
  );
  demand(layerCount !== undefined, 'depformer_num_layers', 'a number where dep_q > 0', layerCount);
  const schedule = raw.depformer_weights_per_step_schedule ?? Array.from({ length: raw.dep_q }, (_, k) => k);
  demand(schedule.length >= stepCount, 'depformer_weights_per_step_schedule', `${stepCount} steps`, schedule.length);
  return {
    dim: dim!,
    headCount: headCount!,
    layerCount: layerCount!,
    stepCount,
    weightSets: schedule.slice(0, stepCount),
    weightSetCount: Math.max(...schedule) + 1,
  };
}

function shapeConditioner(raw: z.infer<typeof LmSchema>, name: string): LutConditioner {
  const lut = raw.conditioners[name]?.lut;
  demand(lut !== undefined, 'fuser.sum', 'names of conditioners', name);
  demand(
    lut!.possible_values.length <= lut!.n_bins,
    `conditioners.${name}`,
    `at most ${lut!.n_bins} values`,
    lut!.possible_values.length,
  );
  return { binCount: lut!.n_bins, dim: lut!.dim, values: lut!.possible_values };
}

function shapeMimi(raw: z.infer<typeof MimiSchema>): MimiConfig {
  const { seanet, quantizer, transformer } = raw;
  const hop = seanet.ratios.reduce((a, b) => a * b, 1);
  demand(hop * 2 === FRAME_SAMPLES, 'seanet.ratios', `a product of ${FRAME_SAMPLES / 2}`, hop);
  demand(
    seanet.dimension === transformer.d_model,
    'transformer.d_model',
    `seanet.dimension ${seanet.dimension}`,
    transformer.d_model,
  );
  demand(
    (transformer.d_model / transformer.num_heads) % 2 === 0,
    'transformer.num_heads',
    'd_model / num_heads to be even',
    transformer.num_heads,
  );
  demand(transformer.context >= 2, 'transformer.context', 'at least the 2 positions of a frame', transformer.context);
  return {
    latentDim: seanet.dimension,
    filterCount: seanet.n_filters,
    compress: seanet.compress,
    kernelSize: seanet.kernel_size,
    residualKernelSize: seanet.residual_kernel_size,
    lastKernelSize: seanet.last_kernel_size,
    ratios: seanet.ratios,
    codeDim: quantizer.dimension,
    codebookCount: quantizer.n_q,
    binCount: quantizer.bins,
    transformer: {
      dim: transformer.d_model,
      headCount: transformer.num_heads,
      layerCount: transformer.num_layers,
      context: transformer.context,
      maxPeriod: transformer.max_period,
      feedForwardDim: transformer.dim_feedforward,
    },
  };
}

function demand(holds: boolean, key: string, expected: string, found: unknown): void {
  if (!holds) throw new InferenceError('CHECKPOINT_CONFIG_INVALID', `${key}: found ${found}, expected ${expected}`);
}
