import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { FRAME_SAMPLES } from '../engine/engine.ts';
import { InferenceError } from '../errors.ts';
import { LmSchema, MimiSchema } from './config-schema.ts';
import { schemaProblems } from './schema-problems.ts';

/** RMSNorm in f32 with eps 1e-8 is what every published checkpoint has; `rms_norm` differs in eps only. */
const NORM_EPSILON = { rms_norm_f32: 1e-8, real_rms_norm_f32: 1e-8, rms_norm: 1e-5 } as const;

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

/** Chooses one of a list of vectors. */
export interface LutConditioner {
  readonly kind: 'lut';
  readonly binCount: number;
  readonly dim: number;
  readonly values: readonly string[];
}

/** Takes any text, letter by letter: a vector for each letter at each place. */
export interface LettersConditioner {
  readonly kind: 'letters';
  readonly alphabet: string;
  readonly places: number;
}

export type Conditioner = LutConditioner | LettersConditioner;

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
  readonly conditioners: ReadonlyMap<string, Conditioner>;
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

type FileNames = Pick<z.infer<typeof LmSchema>, 'moshi_name' | 'mimi_name' | 'mimi_config_name' | 'tokenizer_name'>;

/**
 * Reads config.json and the Mimi configuration that it names; Mimi's official dimensions where it names none.
 *
 * @throws InferenceError `CHECKPOINT_FILE_MISSING`, `CHECKPOINT_CONFIG_INVALID`
 */
export function readCheckpointConfig(directory: string): CheckpointConfig {
  const { lm, names } = readLmConfig(directory);
  const { mimi_config_name: mimiName } = names;
  const mimiPath = join(directory, mimiName ?? '');
  const mimi = mimiName === undefined ? MimiSchema.parse({}) : parseFile(mimiPath, MimiSchema);
  return {
    lm,
    mimi: shapeOf(mimiPath, () => shapeMimi(mimi)),
    files: {
      lm: join(directory, names.moshi_name),
      mimi: join(directory, names.mimi_name),
      tokenizer: join(directory, names.tokenizer_name),
    },
  };
}

/**
 * Reads config.json, and nothing that it names.
 *
 * @throws InferenceError `CHECKPOINT_FILE_MISSING`, `CHECKPOINT_CONFIG_INVALID`
 */
export function readLmConfig(directory: string): { readonly lm: LmConfig; readonly names: FileNames } {
  const path = join(directory, 'config.json');
  const raw = parseFile(path, LmSchema);
  return { lm: shapeOf(path, () => shapeLm(raw)), names: raw };
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
  throw new InferenceError('CHECKPOINT_CONFIG_INVALID', `${path}: ${schemaProblems(parsed.error, json)}`);
}

/** Keys that are well each by itself and do not go together. */
class Disagreement extends Error {}

/** @throws InferenceError `CHECKPOINT_CONFIG_INVALID` with the file and what disagrees in it */
export function shapeOf<T>(path: string, shape: () => T): T {
  try {
    return shape();
  } catch (error) {
    if (!(error instanceof Disagreement)) throw error;
    throw new InferenceError('CHECKPOINT_CONFIG_INVALID', `${path}: ${error.message}`);
  }
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
  demand(lm.context > 0, 'context', 'at least 2 for PersonaPlex', raw.context);
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
    `a text token below ${raw.text_card}`,
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

function shapeConditioner(raw: z.infer<typeof LmSchema>, name: string): Conditioner {
  const described = raw.conditioners[name];
  demand(described !== undefined, 'fuser.sum', `one of [${Object.keys(raw.conditioners)}]`, name);
  const key = `conditioners.${name}`;
  if (described!.type === 'tensor') {
    const { alphabet, places } = described!.parley_letters;
    demand(
      described!.tensor.dim === alphabet.length * places,
      key,
      `dim ${alphabet.length * places}`,
      described!.tensor.dim,
    );
    return { kind: 'letters', alphabet, places };
  }
  const { n_bins: binCount, dim, possible_values: values } = described!.lut;
  demand(values.length <= binCount, key, `at most ${binCount} values`, values.length);
  return { kind: 'lut', binCount, dim, values };
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

/** For use within `shapeOf`. */
export function demand(holds: boolean, key: string, expected: string, found: unknown): void {
  if (!holds) throw new Disagreement(`${key}: found ${found}, expected ${expected}`);
}
