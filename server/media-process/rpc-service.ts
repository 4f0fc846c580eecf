import { fixOf } from '../error-catalogue.ts';
import {
  type AnswerOf,
  AskSchema,
  METHODS,
  type Method,
  type Notice,
  type NoticeOf,
  type ParamsOf,
  type Tell,
} from './messages.ts';

export type Handlers = { [M in Method]: (params: ParamsOf<M>) => Promise<AnswerOf<M>> };
export type Notify = <N extends Notice>(notice: N, payload: NoticeOf<N>) => void;

export interface RpcService {
  readonly handlers: Handlers;
  readonly send: (tell: Tell) => void;
  /** Told of errors without a code of ours, where their stack still is. */
  readonly onDefect: (error: unknown) => void;
}

/** Answers one message of the control plane; never rejects. */
export async function answerAsk(message: unknown, { handlers, send, onDefect }: RpcService): Promise<void> {
  const ask = AskSchema.safeParse(message);
  // Without an id there is nobody to answer; the one who asked runs into its timeout.
  if (!ask.success) return;
  const { id, method } = ask.data;
  const params = METHODS[method].params.safeParse(ask.data.params);
  if (!params.success) {
    send({ type: 'error', id, code: 'RPC_INVALID', detail: `${method}: ${params.error.message}` });
    return;
  }
  try {
    // The schema of this very method has just been applied.
    const handle = handlers[method] as (params: unknown) => Promise<unknown>;
    send({ type: 'value', id, value: await handle(params.data) });
  } catch (error) {
    const code = codeOf(error);
    if (code === 'INTERNAL') onDefect(error);
    const message = error instanceof Error ? error.message : String(error);
    send({ type: 'error', id, code, detail: message.replace(`${code}: `, '') });
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && fixOf(code) !== undefined ? code : 'INTERNAL';
}
