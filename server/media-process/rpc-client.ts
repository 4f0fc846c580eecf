import { EventEmitter } from 'node:events';
import { ServerError } from '../errors.ts';
import {
  type AnswerOf,
  type Ask,
  METHODS,
  type Method,
  NOTICES,
  type Notice,
  type NoticeOf,
  type ParamsOf,
  TellSchema,
} from './messages.ts';

/** What the media process refused: its code is of media/, inference/ or the server. */
export class RemoteError extends Error {
  readonly code: string;
  constructor(code: string, detail: string) {
    super(`${code}: ${detail}`);
    this.name = 'RemoteError';
    this.code = code;
  }
}

interface Pending {
  readonly method: Method;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export type NoticeEvents = { [N in Notice]: [payload: NoticeOf<N>] };

/** The control plane's end of the channel to one media process. */
export class RpcClient extends EventEmitter<NoticeEvents> {
  readonly #send: (ask: Ask) => void;
  readonly #answerMsMax: number;
  readonly #pending = new Map<number, Pending>();
  #id = 0;
  #closed: Error | undefined;

  constructor(send: (ask: Ask) => void, answerMsMax: number) {
    super();
    this.#send = send;
    this.#answerMsMax = answerMsMax;
  }

  /** @throws {RemoteError} what the media process answered; {ServerError} `RPC_TIMEOUT`, `MEDIA_PROCESS_FAILED` */
  ask<M extends Method>(method: M, params: ParamsOf<M>): Promise<AnswerOf<M>> {
    if (this.#closed) return Promise.reject(this.#closed);
    const id = ++this.#id;
    return new Promise<AnswerOf<M>>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new ServerError('RPC_TIMEOUT', `${method} was not answered within ${this.#answerMsMax} ms`));
      }, this.#answerMsMax);
      this.#pending.set(id, { method, resolve: resolve as (value: never) => void, reject, timer });
      this.#send({ type: 'ask', id, method, params });
    });
  }

  /** Takes one message of the media process. @throws {ServerError} `RPC_INVALID` */
  receive(message: unknown): void {
    const parsed = TellSchema.safeParse(message);
    if (!parsed.success) throw new ServerError('RPC_INVALID', parsed.error.message);
    const tell = parsed.data;
    if (tell.type === 'notice') {
      const payload = NOTICES[tell.notice].safeParse(tell.payload);
      if (!payload.success) throw new ServerError('RPC_INVALID', `${tell.notice}: ${payload.error.message}`);
      // The schema of this very notice has just been applied.
      this.emit(tell.notice, payload.data as never);
      return;
    }
    const pending = this.#pending.get(tell.id);
    if (!pending) return; // Its timeout came first.
    this.#pending.delete(tell.id);
    clearTimeout(pending.timer);
    if (tell.type === 'error') {
      pending.reject(new RemoteError(tell.code, tell.detail));
      return;
    }
    const value = METHODS[pending.method].value.safeParse(tell.value);
    if (value.success) pending.resolve(value.data as never);
    else pending.reject(new ServerError('RPC_INVALID', `${pending.method}: ${value.error.message}`));
  }

  /** Rejects what is pending, and everything asked from now on. */
  end(error: Error): void {
    this.#closed ??= error;
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#pending.clear();
  }
}
