import { z } from 'zod';
import {
  EVENTS,
  PACKET_BYTES_MAX,
  PROTOCOL_VERSION,
  REQUEST_BYTES_MAX,
  REQUESTS,
  WireErrorSchema,
} from './protocol.ts';

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** @returns PROTOCOL.md, derived from the schemas. `npm run docs:protocol` writes it. */
export function describeProtocol(): string {
  return `${[
    introduction(),
    '## Requests',
    ...Object.entries(REQUESTS).map(([name, { about, allowedIn, request, value }]) =>
      [
        `### \`${name}\``,
        about,
        `Allowed while: ${allowedIn.join(', ')}.`,
        describeFields('Request', request),
        describeFields('Answer', value),
      ].join('\n\n'),
    ),
    '## Events',
    ...Object.entries(EVENTS).map(([name, { about, payload }]) =>
      [`### \`${name}\``, about, describeFields('Payload', payload)].join('\n\n'),
    ),
    '## Errors',
    'What a failed answer, `fault` and `ended` carry. The codes are listed in docs/errors.md.',
    describeFields('Error', WireErrorSchema),
  ].join('\n\n')}\n`;
}

function introduction(): string {
  return `<!-- Generated from signaling/protocol.ts by \`npm run docs:protocol\`; do not edit. -->

# The signaling protocol, version ${PROTOCOL_VERSION}

A client places a call over [socket.io](https://socket.io/docs/v4/) (protocol 5, WebSocket transport only) on the server's own address; audio goes over WebRTC, whose parameters this protocol carries as mediasoup-client shapes them.

Every request is an event with one object and an acknowledgement. The answer is \`{ ok: true, value }\` or \`{ ok: false, error }\`. Requests of one connection are answered one at a time, in order; \`hangup\` overtakes. An invalid, oversized or misplaced request is answered with an error and changes nothing.

A call: \`join\` → \`transport:connect\` on both transports, \`produce\`, \`consume\` → state \`live\` → \`hangup\`. States are joining, connecting, live, reconnecting and ended; before the first \`join\` a connection is idle. A connection that closes ends its call.

Limits: a request of more than ${REQUEST_BYTES_MAX} bytes is answered with \`REQUEST_TOO_LARGE\`; a packet of more than ${PACKET_BYTES_MAX} bytes, or one that is not socket.io, closes its connection. Requests beyond the server's rate are answered with \`RATE_EXCEEDED\`, those without an acknowledgement not at all; a client that goes on at more than twice the rate is disconnected. A page of another origin has to be allowed by the server's configuration.`;
}

function describeFields(title: string, schema: z.ZodType): string {
  const rows = fieldRows(z.toJSONSchema(schema, { io: 'input' }), '');
  if (rows.length === 0) return `${title}: \`{}\`.`;
  return [`${title}:`, '', ...rows].join('\n');
}

function fieldRows(schema: JsonSchema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    if (typeof field === 'boolean') return [];
    const isOptional = !schema.required?.includes(name);
    const path = `${prefix}${name}`;
    const items = field.type === 'array' && typeof field.items === 'object' ? (field.items as JsonSchema) : undefined;
    return [
      `- \`${path}\`${isOptional ? ' (optional)' : ''}: ${[describeType(field), field.description].filter(Boolean).join('. ')}`,
      ...(items ? fieldRows(items, `${path}[].`) : fieldRows(field, `${path}.`)),
    ];
  });
}

function describeType(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.const !== undefined) return `\`${schema.const}\``;
  switch (schema.type) {
    case 'array':
      return `list, ${schema.minItems ?? 0} to ${schema.maxItems}`;
    case 'string':
      return schema.pattern
        ? 'text of a fixed form'
        : `text${schema.maxLength ? `, at most ${schema.maxLength} characters` : ''}`;
    case 'integer':
    case 'number':
      return `${schema.type}${describeRange(schema)}`;
    default:
      return schema.additionalProperties && schema.additionalProperties !== true
        ? 'settings by name'
        : `${schema.type}`;
  }
}

function describeRange({ minimum, maximum }: JsonSchema): string {
  const isBounded = maximum !== undefined && maximum !== Number.MAX_SAFE_INTEGER;
  const isFloored = minimum !== undefined && minimum !== Number.MIN_SAFE_INTEGER;
  if (isFloored && isBounded) return `, ${minimum} to ${maximum}`;
  return isFloored ? `, at least ${minimum}` : '';
}
