import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a server of the hub does wrong with one answer; byte numbers count within the file. */
export interface Fault {
  /** Cuts the connection before this byte. */
  readonly breakAt?: number;
  /** Says nothing more from this byte on. */
  readonly silentAt?: number;
  /** Sends it in this many pieces, 100 ms apart. */
  readonly pieceCount?: number;
  /** Refuses with this status. */
  readonly status?: number;
  /** Sends everything whatever was asked for. */
  readonly ignoresRange?: boolean;
  /** Sends this in place of the file, as the page of a proxy is. */
  readonly page?: string;
  /** Sends the file from this byte on, whatever was asked for. */
  readonly startAt?: number;
  /** Sends another value for this byte. */
  readonly flipAt?: number;
  /** Sends this after the end. */
  readonly surplus?: string;
}

export interface Asked {
  readonly from: 'hub' | 'store';
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export interface TestRepository {
  readonly name: string;
  readonly commit: string;
  readonly files: ReadonlyMap<string, Buffer>;
  readonly cardData?: unknown;
  /** Who may read the files; undefined: anybody. */
  readonly token?: string;
  /** Sizes that the listing states in place of the true ones. */
  readonly statedBytes?: ReadonlyMap<string, number>;
}

/** Larger files lie in a store at another origin, as large ones of the hub do. */
const STORED_BYTES_MIN = 1000;

/**
 * The URLs of the Hugging Face hub for one made-up repository: its description, and its files, the large ones by way
 * of a signed URL of a store at another origin, which refuses whoever brings a token along.
 */
export class TestHub implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** What goes wrong with an answer; `tryIndex` counts those for the bytes of this file. */
  fault: (name: string, tryIndex: number) => Fault | undefined = () => undefined;
  repository: TestRepository;
  readonly #hub: Server;
  readonly #store: Server;
  readonly #tries = new Map<string, number>();

  private constructor(repository: TestRepository) {
    this.repository = repository;
    this.#hub = createServer((request, response) => this.#answer(request, response));
    this.#store = createServer((request, response) => this.#answerFromStore(request, response));
  }

  static async start(repository: TestRepository): Promise<TestHub> {
    const hub = new TestHub(repository);
    for (const server of [hub.#hub, hub.#store]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return hub;
  }

  get url(): string {
    return urlOf(this.#hub);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#hub, this.#store]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url!, this.url);
    this.#note('hub', request, pathname);
    const { name, commit } = this.repository;
    const [, revision] = pathname.match(new RegExp(`^/api/models/${name}/revision/([^/]+)$`)) ?? [];
    const [, file] = pathname.match(new RegExp(`^/${name}/resolve/${commit}/(.+)$`)) ?? [];
    if (file !== undefined) this.#answerFile(file, request, response);
    else if (revision === undefined) {
      refuse(response, request.headers.authorization ? 404 : 401, 'RepoNotFound', 'Repository not found');
    } else if (!['main', commit].includes(revision)) refuse(response, 404, 'RevisionNotFound', 'Invalid rev id');
    else if (searchParams.get('blobs') !== 'true') refuse(response, 400, 'BadRequest', 'no sizes asked for');
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(this.#describe()));
  }

  #answerFile(file: string, request: IncomingMessage, response: ServerResponse): void {
    const { name, files, token } = this.repository;
    const content = files.get(file);
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
      const status = request.headers.authorization ? 403 : 401;
      refuse(response, status, 'GatedRepo', `Access to model ${name} is restricted.`);
    } else if (!content) refuse(response, 404, 'EntryNotFound', 'Entry not found');
    else if (content.length < STORED_BYTES_MIN) this.#send(file, content, request, response);
    else response.writeHead(302, { location: `${urlOf(this.#store)}/${file}?signature=fresh` }).end();
  }

  #answerFromStore(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url!, urlOf(this.#store));
    this.#note('store', request, pathname);
    const file = pathname.slice(1);
    const content = this.repository.files.get(file);
    if (request.headers.authorization || searchParams.get('signature') !== 'fresh' || !content) {
      response.writeHead(400).end();
    } else this.#send(file, content, request, response);
  }

  #send(file: string, content: Buffer, request: IncomingMessage, response: ServerResponse): void {
    const tryIndex = this.#tries.get(file) ?? 0;
    this.#tries.set(file, tryIndex + 1);
    const {
      breakAt,
      silentAt,
      pieceCount,
      status,
      page,
      ignoresRange,
      startAt,
      flipAt,
      surplus = '',
    } = this.fault(file, tryIndex) ?? {};
    if (status !== undefined) return void response.writeHead(status).end();
    if (page !== undefined) return void response.end(page);
    const bytes = Buffer.concat([content, Buffer.from(surplus)]);
    if (flipAt !== undefined) bytes[flipAt]! ^= 1;
    const [, from] = (ignoresRange ? '' : (request.headers.range ?? '')).match(/^bytes=(\d+)-$/) ?? [];
    const start = startAt ?? Number(from ?? 0);
    if (start >= bytes.length && from !== undefined) return void response.writeHead(416).end();
    response.writeHead(from === undefined ? 200 : 206, {
      'content-length': bytes.length - start,
      ...(from !== undefined && { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
    });
    if (pieceCount !== undefined) return void drip(bytes.subarray(start), pieceCount, response);
    const end = breakAt ?? silentAt;
    if (end === undefined) return void response.end(bytes.subarray(start));
    response.write(bytes.subarray(start, Math.max(start, end)), () => {
      if (breakAt !== undefined) response.destroy();
    });
    response.flushHeaders();
  }

  #describe(): unknown {
    const { name, commit, files, cardData, token, statedBytes } = this.repository;
    return {
      id: name,
      sha: commit,
      gated: token === undefined ? false : 'auto',
      ...(cardData !== undefined && { cardData }),
      siblings: [...files].map(([rfilename, content]) => {
        const size = statedBytes?.get(rfilename) ?? content.length;
        if (content.length < STORED_BYTES_MIN) return { rfilename, size, blobId: gitObjectName(content) };
        const lfs = { sha256: createHash('sha256').update(content).digest('hex'), size, pointerSize: 134 };
        return { rfilename, size, blobId: gitObjectName(Buffer.from('a pointer')), lfs };
      }),
    };
  }

  #note(from: Asked['from'], { headers: { range, authorization } }: IncomingMessage, path: string): void {
    this.asked.push({ from, path, range, authorization });
  }
}

function drip(bytes: Buffer, pieceCount: number, response: ServerResponse): void {
  const pieceBytes = Math.ceil(bytes.length / pieceCount);
  response.write(bytes.subarray(0, pieceBytes));
  if (pieceCount === 1) response.end();
  else setTimeout(() => drip(bytes.subarray(pieceBytes), pieceCount - 1, response), 100);
}

/** As `git hash-object` does. */
function gitObjectName(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response
    .writeHead(status, { 'x-error-code': code, 'x-error-message': message })
    .end(JSON.stringify({ error: message }));
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
