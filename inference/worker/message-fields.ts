import type { EngineInfo, Sampling, SlotInput, SlotOptions } from '../engine/engine.ts';
import { type ByteReader, BytesError, type ByteWriter } from './bytes.ts';

/** Fields that the worker's protocol and the engine's log share. */

type Forcing = Pick<SlotInput, 'forcedText' | 'forcedAudio' | 'addToInput'>;

const FORCED_AUDIO_MAX = 64;
const ADD_TO_INPUT_MAX = 16_384;
const ATTRIBUTES_MAX = 32;

const FORCING_BITS = { forcedText: 1, forcedAudio: 2, addToInput: 4 } as const;
const ENGINE_BITS = { isUntrained: 1, hasTranscript: 2 } as const;
const SAMPLING_BITS = { textTemperature: 1, audioTemperature: 2, textTopK: 4, audioTopK: 8 } as const;

export function readBoolean(reader: ByteReader): boolean {
  return readFlags(reader, 1) === 1;
}

/** @param known bits that mean something. @throws BytesError */
export function readFlags(reader: ByteReader, known: number): number {
  const flags = reader.u8();
  if ((flags & ~known) !== 0) throw new BytesError(`unknown flags 0x${flags.toString(16)}`);
  return flags;
}

function readCount(value: number, max: number, what: string): number {
  if (value > max) throw new BytesError(`${value} ${what}, at most ${max}`);
  return value;
}

export function writeForcing(writer: ByteWriter, forcing: Forcing): void {
  const { forcedText, forcedAudio, addToInput } = forcing;
  writer.u8(
    (forcedText === undefined ? 0 : FORCING_BITS.forcedText) |
      (forcedAudio ? FORCING_BITS.forcedAudio : 0) |
      (addToInput ? FORCING_BITS.addToInput : 0),
  );
  if (forcedText !== undefined) writer.i32(forcedText);
  if (forcedAudio) {
    writer.u16(forcedAudio.length);
    writer.i32Array(forcedAudio);
  }
  if (addToInput) {
    writer.u16(addToInput.length);
    writer.f32Array(addToInput);
  }
}

export function readForcing(reader: ByteReader): Forcing {
  const flags = readFlags(reader, 7);
  const forcing: { -readonly [K in keyof Forcing]: Forcing[K] } = {};
  if (flags & FORCING_BITS.forcedText) forcing.forcedText = reader.i32();
  if (flags & FORCING_BITS.forcedAudio) {
    forcing.forcedAudio = reader.i32Array(readCount(reader.u16(), FORCED_AUDIO_MAX, 'forced codes'));
  }
  if (flags & FORCING_BITS.addToInput) {
    forcing.addToInput = reader.f32Array(readCount(reader.u16(), ADD_TO_INPUT_MAX, 'added values'));
  }
  return forcing;
}

export function writeSlotOptions(writer: ByteWriter, options: SlotOptions): void {
  const sampling = options.sampling ?? {};
  const attributes = Object.entries(options.attributes ?? {});
  const names = Object.keys(SAMPLING_BITS) as (keyof Sampling)[];
  writer.u64(options.seed);
  writer.u8(names.reduce((bits, name) => bits | (sampling[name] === undefined ? 0 : SAMPLING_BITS[name]), 0));
  for (const name of names) if (sampling[name] !== undefined) writer.f64(sampling[name]);
  writer.u8(attributes.length);
  for (const [name, value] of attributes) {
    writer.string(name);
    writer.string(value);
  }
}

export function readSlotOptions(reader: ByteReader): SlotOptions {
  const seed = reader.u64();
  const flags = readFlags(reader, 15);
  const sampling: { -readonly [K in keyof Sampling]?: Sampling[K] } = {};
  for (const name of Object.keys(SAMPLING_BITS) as (keyof Sampling)[]) {
    if (flags & SAMPLING_BITS[name]) sampling[name] = reader.f64();
  }
  const count = readCount(reader.u8(), ATTRIBUTES_MAX, 'attributes');
  const attributes = Object.fromEntries(Array.from({ length: count }, () => [reader.string(), reader.string()]));
  return { seed, ...(flags === 0 ? {} : { sampling }), ...(count === 0 ? {} : { attributes }) };
}

export function writeEngineInfo(writer: ByteWriter, info: EngineInfo): void {
  for (const text of [info.name, info.checkpointHash, info.provider, info.runtimeVersion]) writer.string(text);
  writer.u8((info.isUntrained ? ENGINE_BITS.isUntrained : 0) | (info.hasTranscript ? ENGINE_BITS.hasTranscript : 0));
  for (const count of [info.slotCount, info.agentCodebookCount, info.inputDim]) writer.u32(count);
  for (const size of [info.topKMax, info.textVocabularySize, info.codebookSize]) writer.u32(size);
}

export function readEngineInfo(reader: ByteReader): EngineInfo {
  const [name, checkpointHash, provider, runtimeVersion] = [
    reader.string(),
    reader.string(),
    reader.string(),
    reader.string(),
  ];
  const flags = readFlags(reader, ENGINE_BITS.isUntrained | ENGINE_BITS.hasTranscript);
  return {
    name,
    checkpointHash,
    provider,
    runtimeVersion,
    isUntrained: (flags & ENGINE_BITS.isUntrained) !== 0,
    hasTranscript: (flags & ENGINE_BITS.hasTranscript) !== 0,
    slotCount: reader.u32(),
    agentCodebookCount: reader.u32(),
    inputDim: reader.u32(),
    topKMax: reader.u32(),
    textVocabularySize: reader.u32(),
    codebookSize: reader.u32(),
  };
}
