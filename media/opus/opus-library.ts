import koffi from 'koffi';
import { MediaError } from '../errors.ts';

/** A pointer to libopus' own state. */
export type OpusState = bigint;

/** The functions of libopus that media uses, with C's own names and order of arguments. */
export interface OpusLibrary {
  readonly version: string;
  readonly encoderCreate: (rateHz: number, channels: number, application: number, error: [number]) => OpusState | null;
  readonly encoderDestroy: (state: OpusState) => void;
  readonly encoderSet: (state: OpusState, request: number, type: 'int32_t', value: number) => number;
  readonly encoderGet: (state: OpusState, request: number, type: 'int32_t *', value: Int32Array) => number;
  readonly encodeFloat: (
    state: OpusState,
    pcm: Float32Array,
    sampleCount: number,
    packet: Uint8Array,
    bytesMax: number,
  ) => number;
  readonly decoderCreate: (rateHz: number, channels: number, error: [number]) => OpusState | null;
  readonly decoderDestroy: (state: OpusState) => void;
  readonly decoderReset: (state: OpusState, request: number) => number;
  readonly decodeFloat: (
    state: OpusState,
    packet: Uint8Array | null,
    packetBytes: number,
    pcm: Float32Array,
    samplesMax: number,
    fec: 0 | 1,
  ) => number;
  readonly errorText: (code: number) => string;
}

const DEFAULT_NAMES = ['libopus.so.0', 'libopus.0.dylib', '/opt/homebrew/lib/libopus.0.dylib'];

const loaded = new Map<string, OpusLibrary>();

/**
 * Loads libopus once per name and process; later calls share it.
 *
 * @param path file or name for the dynamic linker; absent: the usual names are tried in order.
 * @throws {MediaError} `OPUS_LIBRARY_UNAVAILABLE`
 */
export function loadOpus(path?: string): OpusLibrary {
  const names = path === undefined ? DEFAULT_NAMES : [path];
  const failures: unknown[] = [];
  for (const name of names) {
    const known = loaded.get(name);
    if (known !== undefined) return known;
    try {
      const library = bind(name);
      loaded.set(name, library);
      return library;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new MediaError('OPUS_LIBRARY_UNAVAILABLE', `none of ${names.join(', ')} could be loaded`, {
    cause: new AggregateError(failures),
  });
}

function bind(name: string): OpusLibrary {
  const library = koffi.load(name);
  const errorText = library.func('const char *opus_strerror(int error)');
  return {
    version: library.func('const char *opus_get_version_string()')(),
    encoderCreate: library.func(
      'void *opus_encoder_create(int32_t rate, int channels, int application, _Out_ int *error)',
    ),
    encoderDestroy: library.func('void opus_encoder_destroy(void *state)'),
    // Declared with an ellipsis, for Apple's ABI passes variable arguments elsewhere than named ones.
    encoderSet: library.func('int opus_encoder_ctl(void *state, int request, ...)'),
    encoderGet: library.func('int opus_encoder_ctl(void *state, int request, ...)'),
    encodeFloat: library.func(
      'int32_t opus_encode_float(void *state, const float *pcm, int samples, _Out_ uint8_t *packet, int32_t bytes)',
    ),
    decoderCreate: library.func('void *opus_decoder_create(int32_t rate, int channels, _Out_ int *error)'),
    decoderDestroy: library.func('void opus_decoder_destroy(void *state)'),
    decoderReset: library.func('int opus_decoder_ctl(void *state, int request, ...)'),
    decodeFloat: library.func(
      'int opus_decode_float(void *state, const uint8_t *packet, int32_t bytes, _Out_ float *pcm, int samples, int fec)',
    ),
    errorText,
  };
}
