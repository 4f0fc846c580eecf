import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import { refusal } from './refusal.ts';

export interface HubFile {
  /** Path within the repository, with `/`; within its directory, whatever the hub says. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly checksum: { readonly kind: 'sha256' | 'git-object'; readonly hex: string };
}

export interface HubModel {
  readonly repository: string;
  readonly commit: string;
  /** As its card says, in one line; undefined where it says nothing. */
  readonly license: string | undefined;
  readonly files: ReadonlyMap<string, HubFile>;
}

export interface HubOptions {
  /** Such as https://huggingface.co; a mirror may have a path. */
  readonly endpoint: string;
  /** Sent to the endpoint alone, never to where that redirects. */
  readonly token: string | undefined;
}

const SAFE_NAME = /^\w[\w.@+-]*(\/\w[\w.@+-]*)*$/;
const Text = z.string().max(1000);

const InfoSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  // A card is written by hand: what is not understood there says nothing.
  cardData: z
    .object({
      license: z.union([Text, z.array(Text)]).optional(),
      license_name: Text.optional(),
      license_link: Text.optional(),
    })
    .nullish()
    .catch(undefined),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.int().min(0).nullish(),
      blobId: z
        .string()
        .regex(/^[0-9a-f]{40}$/)
        .nullish(),
      lfs: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().min(0) }).nullish(),
    }),
  ),
});
type Info = z.infer<typeof InfoSchema>;

/**
 * The two documented URLs of the Hugging Face hub that a download needs.
 * @see https://huggingface.co/docs/hub/api
 */
export class Hub {
  readonly #endpoint: string;
  readonly #token: string | undefined;

  constructor({ endpoint, token }: HubOptions) {
    if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
      throw new ServerError('HUB_ENDPOINT_INVALID', endpoint);
    }
    this.#endpoint = endpoint.replace(/\/+$/, '');
    this.#token = token;
  }

  /**
   * @param revision a branch, a tag or a commit.
   * @throws ServerError `MODEL_UNKNOWN`, `MODEL_GATED`, `HUB_*`
   */
  async describe(repository: string, revision: string, signal: AbortSignal): Promise<HubModel> {
    const url = `${this.#endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
    const response = await this.#request(url, { of: 'model', name: `${repository}, revision ${revision}` }, {}, signal);
    const info = InfoSchema.safeParse(await jsonOf(response, url));
    if (!info.success) throw new ServerError('HUB_ANSWER_INVALID', `${url}: ${z.prettifyError(info.error)}`);
    const files = info.data.siblings.map(fileOf).filter((file) => file !== undefined);
    return {
      repository,
      commit: info.data.sha,
      license: licenseOf(info.data),
      files: new Map(files.map((file) => [file.name, file])),
    };
  }

  /**
   * Asks for a file's bytes from one on. A server that cannot do that sends all of them.
   * @returns the answer, with its body still to come: 206, or 200 from the first byte on.
   * @throws ServerError `MODEL_GATED`, `MODEL_INCOMPLETE`, `HUB_*`
   */
  open({ repository, commit }: HubModel, file: HubFile, fromByte: number, signal: AbortSignal): Promise<Response> {
    const name = file.name.split('/').map(encodeURIComponent).join('/');
    const url = `${this.#endpoint}/${repository}/resolve/${commit}/${name}`;
    const subject = { of: 'file', name: `${file.name} of ${repository}` } as const;
    return this.#request(url, subject, fromByte > 0 ? { range: `bytes=${fromByte}-` } : {}, signal);
  }

  async #request(
    url: string,
    subject: { of: 'model' | 'file'; name: string },
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Response> {
    let response: Response;
    try {
      // Ranges count the bytes of the file itself, so it must not come compressed. On a redirect to another origin,
      // such as that of the file store, fetch leaves the token out.
      const authorization = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
      response = await fetch(url, {
        headers: { 'user-agent': 'parley', 'accept-encoding': 'identity', ...headers, ...authorization },
        signal,
      });
    } catch (cause) {
      throw unreachable(new URL(url).origin, cause);
    }
    if (response.ok) return response;
    await response.body?.cancel().catch(() => undefined);
    throw refusal(response, subject, { hasToken: this.#token !== undefined, endpoint: this.#endpoint });
  }
}

/** @returns the error of a connection that could not be made, or broke. */
export function unreachable(place: string, cause: unknown): ServerError {
  const { message, cause: inner } = cause as Error;
  const reason = inner instanceof Error ? `${message}: ${inner.message || (inner as { code?: string }).code}` : message;
  return new ServerError('HUB_UNREACHABLE', `${place}: ${reason}`, { cause });
}

async function jsonOf(response: Response, url: string): Promise<unknown> {
  let text: string;
  try {
    text = await response.text();
  } catch (cause) {
    throw unreachable(new URL(url).origin, cause);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ServerError('HUB_ANSWER_INVALID', `${url}: the answer is not JSON`, { cause });
  }
}

/** @returns undefined for a file that cannot be kept under its name, or checked. */
function fileOf({ rfilename: name, size, blobId, lfs }: Info['siblings'][number]): HubFile | undefined {
  if (!SAFE_NAME.test(name)) return undefined;
  if (lfs) return { name, sizeBytes: lfs.size, checksum: { kind: 'sha256', hex: lfs.sha256 } };
  if (typeof size !== 'number' || !blobId) return undefined;
  return { name, sizeBytes: size, checksum: { kind: 'git-object', hex: blobId } };
}

function licenseOf({ cardData }: Info): string | undefined {
  const { license, license_name: name, license_link: link } = cardData ?? {};
  if (license === undefined) return undefined;
  const more = [name, link].filter(Boolean).join(', ');
  // It ends on a terminal, which obeys what is not printed.
  return `${[license].flat().join(', ')}${more && ` (${more})`}`.replaceAll(/\p{C}/gu, '');
}
