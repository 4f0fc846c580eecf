import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCheckpointConfig } from '../../../inference/index.ts';
import { modelDirectory } from '../../pulled-models.ts';
import { MOSHI_7B_CONFIG } from './moshi-7b-config.ts';
import { type PullDialogue, type PullOffer, type PullRequest, pullModel } from './pull.ts';
import { TestHub, type TestRepository } from './testing/test-hub.ts';

const NAME = 'someone/small-moshi';
const COMMIT = 'c0ffee'.padEnd(40, '0');
const MIMI = 'tokenizer-e351c8d8-checkpoint125.safetensors';
const TOKENIZER = 'tokenizer_spm_32k_3.model';
const LM = 'model.safetensors';
const LM_BYTES = 200_000;
const PATIENCE = { silenceMsMax: 300, fruitlessTriesMax: 3, pauseMs: 1 };

let cache: string;
let hub: TestHub;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'parley-pull-'));
  hub = await TestHub.start(repositoryWith({}));
});
afterEach(async () => {
  await hub[Symbol.asyncDispose]();
  await rm(cache, { recursive: true });
});

/** Bytes that differ along the file, so that a piece in the wrong place is another file. */
function bytesOf(count: number, seed: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: count }, (_, i) => (i * 31 + (i >> 8) * 7 + seed) & 0xff));
}

function repositoryWith({ files = {}, ...rest }: Partial<Omit<TestRepository, 'files'>> & { files?: object }) {
  const all: Record<string, Buffer | undefined> = {
    '.gitattributes': Buffer.from('*.safetensors filter=lfs\n'),
    'README.md': Buffer.from('# A model\n'),
    'optimizer.bin': bytesOf(5000, 9),
    'config.json': Buffer.from(JSON.stringify(MOSHI_7B_CONFIG)),
    [LM]: bytesOf(LM_BYTES, 1),
    [MIMI]: bytesOf(30_000, 2),
    [TOKENIZER]: bytesOf(900, 3),
    ...files,
  };
  const there = Object.entries(all).filter((entry): entry is [string, Buffer] => entry[1] !== undefined);
  return { name: NAME, commit: COMMIT, cardData: { license: 'cc-by-4.0' }, files: new Map(there), ...rest };
}

function agreeing(offers: PullOffer[] = [], answer = true): PullDialogue {
  return {
    agree: async (offer) => {
      offers.push(offer);
      return answer;
    },
    follow: (_what, _totalBytes, work) => work(() => undefined),
  };
}

function pull(request: Partial<PullRequest> = {}, dialogue = agreeing()) {
  const { signal } = new AbortController();
  const defaults = { repository: NAME, revision: 'main', endpoint: hub.url, token: undefined };
  return pullModel({ ...defaults, cacheDirectory: cache, signal, patience: PATIENCE, ...request }, dialogue);
}

const folder = () => join(cache, 'models', 'someone--small-moshi');
const finished = () => join(folder(), COMMIT);
const partial = (name = '') => join(folder(), `${COMMIT}.partial`, name);
const rangesOf = (path: string) =>
  hub.asked.filter((asked) => asked.from === 'store' && asked.path === `/${path}`).map(({ range }) => range);

async function expectWhole(directory: string | undefined, names = ['config.json', LM, MIMI, TOKENIZER]) {
  expect(directory).toBe(finished());
  expect((await readdir(finished())).toSorted()).toEqual(names.toSorted());
  for (const name of names) {
    const content = await readFile(join(finished(), name));
    expect(content.equals(hub.repository.files.get(name)!), name).toBe(true);
  }
  expect(await readdir(folder())).toEqual([COMMIT]);
}

describe('a pull', () => {
  it('brings the files that the runtime needs, and no other, once licence and size were agreed to', async () => {
    const offers: PullOffer[] = [];
    await expectWhole(await pull({}, agreeing(offers)));
    expect(offers).toMatchObject([
      { model: { license: 'cc-by-4.0', commit: COMMIT }, sizeBytes: LM_BYTES + 30_900, fileCount: 3, presentBytes: 0 },
    ]);
  });

  it('downloads nothing large when it is declined', async () => {
    expect(await pull({}, agreeing([], false))).toBeUndefined();
    expect(hub.asked.filter(({ from }) => from === 'store')).toEqual([]);
    await expect(stat(finished())).rejects.toThrow('ENOENT');
  });

  it('finds the shards that an index names, and files under names of their own', async () => {
    const names = {
      'lm.safetensors.index.json': Buffer.from('{"weight_map":{"a":"lm-1.safetensors","b":"lm-2.safetensors"}}'),
      'lm-1.safetensors': bytesOf(2000, 4),
      'lm-2.safetensors': bytesOf(3000, 5),
      'mimi.json': Buffer.from('{}'),
      'speech/mimi.safetensors': bytesOf(1500, 6),
      'words.model': bytesOf(1200, 7),
    };
    const config = {
      ...MOSHI_7B_CONFIG,
      moshi_name: 'lm.safetensors',
      mimi_name: 'speech/mimi.safetensors',
      mimi_config_name: 'mimi.json',
      tokenizer_name: 'words.model',
    };
    hub.repository = repositoryWith({ files: { ...names, 'config.json': Buffer.from(JSON.stringify(config)) } });
    expect(await pull()).toBe(finished());
    const there = await readdir(finished(), { recursive: true });
    expect(there.toSorted()).toEqual(['config.json', 'speech', ...Object.keys(names)].toSorted());
  });

  it("writes Moshi 7B's configuration where the repository has none, as the first ones have", async () => {
    hub.repository = repositoryWith({ files: { 'config.json': undefined } });
    await pull();
    expect(readCheckpointConfig(finished()).lm).toMatchObject({ dim: 4096, layerCount: 32, agentCodebookCount: 8 });
  });

  it.each([
    [
      { license: 'other', license_name: 'open-model', license_link: 'https://x.org' },
      'other (open-model, https://x.org)',
    ],
    [{ license: ['mit', 'apache-2.0'] }, 'mit, apache-2.0'],
    [{ license: 'evil\u001b[2J' }, 'evil[2J'],
    [{ license: 7 }, undefined],
    [undefined, undefined],
  ])('reads the licence of the card %j as %s', async (cardData, license) => {
    hub.repository = repositoryWith({ cardData });
    const offers: PullOffer[] = [];
    await pull({}, agreeing(offers, false));
    expect(offers[0]!.model.license).toBe(license);
  });

  it('asks the hub alone with the token, and not the store that it redirects to', async () => {
    hub.repository = repositoryWith({ token: 'secret' });
    await expectWhole(await pull({ token: 'secret' }));
    const tokens = new Set(hub.asked.map(({ from, authorization }) => `${from}: ${authorization}`));
    expect([...tokens].toSorted()).toEqual(['hub: Bearer secret', 'store: undefined']);
  });
});

describe('a pull over a bad connection', () => {
  it('goes on where the connection broke', async () => {
    hub.fault = (name, tryIndex) => (name === LM && tryIndex < 5 ? { breakAt: 30_000 * (tryIndex + 1) } : undefined);
    await expectWhole(await pull());
    const ranges = rangesOf(LM);
    expect(ranges).toHaveLength(6);
    expect(ranges[0]).toBeUndefined();
    for (const range of ranges.slice(1)) expect(range).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it('gives up a connection that falls silent, and goes on', async () => {
    hub.fault = (name, tryIndex) => (name === LM && tryIndex === 0 ? { silentAt: 50_000 } : undefined);
    await expectWhole(await pull());
    expect(rangesOf(LM)).toEqual([undefined, 'bytes=50000-']);
  });

  it('waits for a slow server as long as something comes', async () => {
    hub.fault = (name) => (name === LM ? { pieceCount: 6 } : undefined);
    await expectWhole(await pull());
    expect(rangesOf(LM)).toEqual([undefined]);
  });

  it.each([403, 429, 500, 503])('asks again when the store refuses with %i', async (status) => {
    hub.fault = (name, tryIndex) => (name === LM && tryIndex === 0 ? { status } : undefined);
    await expectWhole(await pull());
  });

  it('begins anew with a server that knows no ranges', async () => {
    hub.fault = (name, tryIndex) =>
      name === LM ? { ignoresRange: true, ...(tryIndex === 0 && { breakAt: 9000 }) } : {};
    await expectWhole(await pull());
  });

  it.each([
    ['the page of a proxy', { page: '<html>Please log in' }],
    ['another piece of the file', { startAt: 7 }],
  ])('keeps what came when the rest is %s', async (_, fault) => {
    hub.fault = (name, tryIndex) => (name === LM ? (tryIndex === 0 ? { breakAt: 40_000 } : fault) : undefined);
    await expect(pull()).rejects.toMatchObject({ code: 'HUB_ANSWER_INVALID', message: expect.stringContaining(LM) });
    const { size } = await stat(partial(`${LM}.part`));
    hub.fault = () => undefined;
    await expectWhole(await pull());
    expect(rangesOf(LM).at(-1)).toBe(`bytes=${size}-`);
  });

  it('ends when nothing new comes, keeps what came, and the next pull goes on there without asking', async () => {
    hub.fault = (name) => (name === LM ? { breakAt: 70_000 } : undefined);
    await expect(pull()).rejects.toMatchObject({ code: 'DOWNLOAD_INTERRUPTED', message: expect.stringContaining(LM) });
    const { size } = await stat(partial(`${LM}.part`));
    expect(size).toBeGreaterThan(0);
    expect(size).toBeLessThanOrEqual(70_000);
    hub.fault = () => undefined;
    hub.asked.length = 0;
    const offers: PullOffer[] = [];
    await expectWhole(await pull({}, agreeing(offers)));
    expect(offers).toMatchObject([{ presentBytes: size + 30_900 }]);
    expect(rangesOf(LM)).toEqual([`bytes=${size}-`]);
    expect(rangesOf(MIMI)).toEqual([]);
  });

  it('ends at once when its signal says so, and keeps what came', async () => {
    hub.fault = (name) => (name === LM ? { silentAt: 60_000 } : undefined);
    const ending = new AbortController();
    const dialogue: PullDialogue = {
      ...agreeing(),
      follow: (_what, _total, work) =>
        work((file, doneBytes) => {
          if (file.name === LM && doneBytes === 60_000) ending.abort(new Error('ended by a signal'));
        }),
    };
    const patience = { ...PATIENCE, silenceMsMax: 60_000 };
    await expect(pull({ signal: ending.signal, patience }, dialogue)).rejects.toMatchObject({
      code: 'DOWNLOAD_INTERRUPTED',
    });
    expect((await stat(partial(`${LM}.part`))).size).toBe(60_000);
  });
});

describe('a pull of wrong bytes', () => {
  it.each([
    ['large file', LM, 100_000],
    ['small file', TOKENIZER, 10],
  ])('is refused, and a second one brings the right ones: a %s', async (_, name, flipAt) => {
    hub.fault = (asked) => (asked === name ? { flipAt } : undefined);
    await expect(pull()).rejects.toMatchObject({ code: 'DOWNLOAD_CORRUPT', message: expect.stringContaining(name) });
    expect(await readdir(partial())).not.toContain(name);
    hub.fault = () => undefined;
    await expectWhole(await pull());
  });

  it('is refused when more comes than was stated', async () => {
    hub.fault = (name) => (name === LM ? { surplus: 'x' } : undefined);
    await expect(pull()).rejects.toMatchObject({ code: 'DOWNLOAD_CORRUPT' });
    hub.fault = () => undefined;
    await expectWhole(await pull());
  });

  it('finds the damage in what an earlier pull left, and mends it', async () => {
    await mkdir(partial(), { recursive: true });
    await writeFile(partial(`${LM}.part`), bytesOf(50_000, 77));
    await writeFile(partial(`${MIMI}.part`), bytesOf(40_000, 77));
    await writeFile(partial(TOKENIZER), bytesOf(900, 77));
    await expect(pull()).rejects.toMatchObject({ code: 'DOWNLOAD_CORRUPT', message: expect.stringContaining(LM) });
    await expectWhole(await pull());
  });
});

describe('a model that was pulled', () => {
  it('is found by its name, in the commit that was pulled last', async () => {
    expect(() => modelDirectory(NAME, cache)).toThrow('MODEL_NOT_PULLED');
    await pull();
    const other = 'beef'.padEnd(40, '0');
    hub.repository = repositoryWith({ commit: other });
    await pull();
    await utimes(finished(), 1000, 1000);
    expect(modelDirectory(NAME, cache)).toBe(join(folder(), other));
    hub.repository = repositoryWith({});
    await pull({ revision: COMMIT });
    expect(modelDirectory(NAME, cache)).toBe(finished());
    expect(modelDirectory(cache, cache)).toBe(cache);
  });

  it('is checked when it is pulled again, and only what is damaged comes again', async () => {
    await pull();
    hub.asked.length = 0;
    await expectWhole(await pull());
    expect(hub.asked).toMatchObject([{ from: 'hub' }]);
    await writeFile(join(finished(), MIMI), bytesOf(30_000, 77));
    await expectWhole(await pull());
    expect([rangesOf(MIMI), rangesOf(LM)]).toEqual([[undefined], []]);
  });
});

describe('a pull that cannot be', () => {
  it.each([
    ['a name that is none', { repository: 'moshiko' }, 'MODEL_NAME_INVALID'],
    ['a name that leaves the folder', { repository: '../x' }, 'MODEL_NAME_INVALID'],
    ['a model that is not there', { repository: 'no/one' }, 'MODEL_UNKNOWN'],
    ['a model that is not there, with a token', { repository: 'no/one', token: 't' }, 'MODEL_UNKNOWN'],
    ['a revision that is not there', { revision: 'v9/x' }, 'MODEL_UNKNOWN'],
    ['an endpoint that is no URL', { endpoint: 'huggingface.co' }, 'HUB_ENDPOINT_INVALID'],
    ['an endpoint where nobody listens', { endpoint: 'http://127.0.0.1:9' }, 'HUB_UNREACHABLE'],
  ])('says so: %s', async (_, request, code) => {
    await expect(pull(request)).rejects.toMatchObject({ code });
    await expect(stat(folder())).rejects.toThrow('ENOENT');
  });

  it.each([
    ['gated, without a token', { token: 'secret' }, {}, 'MODEL_GATED'],
    ['gated, with a token that may not', { token: 'secret' }, { token: 'other' }, 'MODEL_GATED'],
    ['without Mimi', { files: { [MIMI]: undefined } }, {}, 'MODEL_INCOMPLETE'],
    [
      'with a configuration that is no JSON',
      { files: { 'config.json': Buffer.from('{') } },
      {},
      'CHECKPOINT_CONFIG_INVALID',
    ],
    [
      'of another kind',
      { files: { 'config.json': Buffer.from('{"model_type":"tts"}') } },
      {},
      'CHECKPOINT_CONFIG_INVALID',
    ],
    [
      'with names outside of it',
      { files: { 'config.json': Buffer.from('{"mimi_name":"../mimi"}'), '../mimi': bytesOf(2000, 1) } },
      {},
      'MODEL_INCOMPLETE',
    ],
    ['too large for the disk', { statedBytes: new Map([[LM, 2 ** 52]]) }, {}, 'CACHE_DISK_FULL'],
  ])('says so before anything large is fetched: a model %s', async (_, repository, request, code) => {
    hub.repository = repositoryWith(repository);
    const offers: PullOffer[] = [];
    await expect(pull(request, agreeing(offers))).rejects.toMatchObject({ code });
    expect(offers).toEqual([]);
    expect(hub.asked.filter(({ from }) => from === 'store')).toEqual([]);
  });

  it.each([
    [401, 'invalid', 'HUB_TOKEN_REFUSED'],
    [401, undefined, 'MODEL_GATED'],
    [403, 'invalid', 'MODEL_GATED'],
    [404, undefined, 'MODEL_INCOMPLETE'],
    [400, undefined, 'HUB_ANSWER_INVALID'],
    [503, undefined, 'DOWNLOAD_INTERRUPTED'],
  ])('reads a bare %i to the token %s as %s', async (status, token, code) => {
    hub.fault = () => ({ status });
    await expect(pull({ token })).rejects.toMatchObject({ code });
  });

  it('says so when what answers is no hub', async () => {
    const server = createServer((_request, response) => response.end('<html>Welcome')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(pull({ endpoint: `http://127.0.0.1:${port}/` })).rejects.toMatchObject({ code: 'HUB_ANSWER_INVALID' });
    server.closeAllConnections();
    server.close();
  });

  it('says that another process pulls the same commit; a lock that a dead one left is no hindrance', async () => {
    await mkdir(folder(), { recursive: true });
    await writeFile(`${finished()}.lock`, String(process.ppid));
    await expect(pull()).rejects.toMatchObject({ code: 'MODEL_PULL_BUSY' });
    await writeFile(`${finished()}.lock`, '4194305');
    await expectWhole(await pull());
  });
});
