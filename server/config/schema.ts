import { z } from 'zod';

const Port = z.int().min(0).max(65_535);
const Host = z.union([z.literal('localhost'), z.ipv4(), z.ipv6()], {
  message: 'An IP address or `localhost`: another name may resolve to anything.',
});
const Path = z.string().min(1).max(4096);
const Origin = z.url({ protocol: /^https?$/ }).refine((url) => URL.canParse(url) && new URL(url).origin === url, {
  message: 'An origin alone, such as https://example.org',
});

/** The one description of the configuration: parley.config.json, its types and its defaults. Unknown keys fail. */
export const ConfigSchema = z.strictObject({
  access: z.enum(['open', 'accounts']).default('open').describe('`open`: whoever reaches the server may call.'),
  allowPublic: z.boolean().default(false).describe('Lets `access: open` bind a public address.'),
  lan: z.boolean().default(false).describe('Serves the local network over TLS.'),
  http: z
    .strictObject({
      host: Host.optional().describe('Address to bind. Default 127.0.0.1; with `lan` 0.0.0.0.'),
      port: Port.default(7300).describe('0 takes a free one.'),
      allowedOrigins: z.array(Origin).max(64).default([]).describe('Origins of foreign pages that may call.'),
    })
    .prefault({}),
  engine: z
    .strictObject({
      name: z.enum(['moshi', 'loopback']).default('moshi'),
      modelDir: Path.optional().describe(
        "Checkpoint directory in Kyutai's layout, or owner/name of a pulled model. Default: an untrained one.",
      ),
      slotCount: z.int().min(1).max(1024).default(8).describe('Calls at once.'),
      threadCount: z.int().min(1).max(256).optional(),
      simulatedStepMs: z.number().min(0).max(1000).default(0).describe('Loopback only.'),
      recordDir: Path.optional().describe(
        "Where the inference worker logs all that its engine is given, callers' speech included: one file for each of " +
          'its starts, of at most 8 GiB, for `parley replay`. Default: nowhere.',
      ),
    })
    .prefault({}),
  media: z
    .strictObject({
      port: Port.default(7301).describe('UDP and TCP port of all calls; 0 takes a free one.'),
      announcedAddress: z
        .string()
        .min(1)
        .max(255)
        .optional()
        .describe('What callers are told in place of the address.'),
      workerBin: Path.optional().describe("mediasoup's worker. Default: what the set-up found or built."),
      opusLibrary: Path.optional().describe('libopus. Default: what the set-up found.'),
    })
    .prefault({}),
  limits: z
    .strictObject({
      connectionsMax: z.int().min(1).max(100_000).default(1000),
      requestsPerSecondMax: z.int().min(1).max(10_000).default(50).describe('Of one connection.'),
      notLiveMsMax: z.int().min(100).max(600_000).default(30_000).describe('A call not live for this long is ended.'),
      drainMsMax: z.int().min(0).max(86_400_000).default(600_000).describe('How long a drain waits for calls to end.'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    })
    .prefault({}),
});

export type ConfigInput = z.input<typeof ConfigSchema>;

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;
export type Config = DeepReadonly<z.output<typeof ConfigSchema>>;
