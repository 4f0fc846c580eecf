import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { EvaluationError } from './errors.ts';
import { inWords } from './words.ts';

const SCRIPT = join(import.meta.dirname, 'recognise.py');
const TRAINING_PYTHON = join(import.meta.dirname, '../../inference/train/venv/bin/python');
/** Loading the weights takes seconds, on a busy machine ten. */
const READY_MS_MAX = 120_000;

const ReplySchema = z.object({
  id: z.int(),
  text: z.string().optional(),
  pieces: z.array(z.array(z.int())).optional(),
  error: z.string().optional(),
});
type Reply = z.infer<typeof ReplySchema>;

/**
 * @param given path of an interpreter, from the command line or the environment.
 * @returns the interpreter of the recogniser; undefined where there is none, so that the text is to be judged.
 */
export function findPython(given: string | undefined): string | undefined {
  return given ?? (existsSync(TRAINING_PYTHON) ? TRAINING_PYTHON : undefined);
}

/** An independent recogniser, Whisper tiny.en, in a Python process of its own that lives as long as this. */
export class Ear implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<Reply>>();
  #lastId = 0;
  #failure: EvaluationError | undefined;

  private constructor(python: string) {
    this.#child = spawn(python, ['-u', SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.on('error', (cause) => this.#fail(`${python}: ${cause.message}`));
    this.#child.on('exit', (code, signal) => this.#fail(`${python} ended with ${code ?? signal}`));
    // What was being written when it died is told by its end.
    this.#child.stdin!.on('error', () => undefined);
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#take(line));
  }

  /** @throws EvaluationError `RECOGNISER_FAILED` */
  static async start(python: string): Promise<Ear> {
    const ear = new Ear(python);
    const timer = setTimeout(() => ear.#fail(`${python} was not ready in time`), READY_MS_MAX);
    try {
      await ear.#ask({});
    } catch (error) {
      await ear[Symbol.asyncDispose]();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    return ear;
  }

  /** @param pcm mono at 24 kHz. @returns what is said there, in lower-case words. */
  async hear(pcm: Float32Array): Promise<string> {
    const { text } = await this.#ask({
      pcm: Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength).toString('base64'),
    });
    return inWords(text ?? '');
  }

  /** @returns for each word of a text its pieces in a SentencePiece model, as the training cuts it. */
  async pieces(tokenizer: string, text: string): Promise<number[][]> {
    return (await this.#ask({ tokenizer, text })).pieces ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin!.end();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) return;
    await new Promise((resolve) => this.#child.once('exit', resolve));
  }

  #ask(request: Readonly<Record<string, string>>): Promise<Reply> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = ++this.#lastId;
    const reply = Promise.withResolvers<Reply>();
    this.#waiting.set(id, reply);
    this.#child.stdin!.write(`${JSON.stringify({ id, ...request })}\n`);
    return reply.promise;
  }

  #take(line: string): void {
    let reply: Reply;
    try {
      reply = ReplySchema.parse(JSON.parse(line));
    } catch (cause) {
      this.#fail(`it wrote ${line.slice(0, 100)}: ${(cause as Error).message}`);
      return;
    }
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.error === undefined) waiting?.resolve(reply);
    else waiting?.reject(new EvaluationError('RECOGNISER_FAILED', reply.error));
  }

  #fail(detail: string): void {
    this.#failure ??= new EvaluationError('RECOGNISER_FAILED', detail);
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
    this.#child.kill();
  }
}
