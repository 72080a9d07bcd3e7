import { setTimeout as sleep } from 'node:timers/promises';
import { type BodyType, decodePkiBody, decodePkiMessage, type PkiBody, type PkiMessage } from '../protocol/cmp/index.js';
import { fail, ok } from '../runtime/result.js';
import { invalid, type Step } from './cmp-fault.js';
import type { ExchangeFetch } from './exchange-fetch.js';

/** Carries one message to a server and brings its answer; `deadline` is a time of `Date.now()`. */
export type Transport = (message: Buffer, deadline: number) => Step<Buffer>;

/**
 * HTTP as RFC 9811 says: POST, application/pkixcmp, and answers of status 200 only. Redirections are not followed. A server that is away for
 * now, and says for how long (503 with Retry-After), is sent the same message again after that, if the deadline leaves the time.
 */
export function httpTransport(url: string, exchange: ExchangeFetch = fetch): Transport {
  return async (message, deadline) => {
    for (;;) {
      const answer = await post(exchange, url, message, deadline);
      if (!answer.ok) return answer;
      const { status, retryAfterMs, bytes } = answer.value;
      if (status === 200) return ok(bytes);
      if (status !== 503 || retryAfterMs === undefined || Date.now() + retryAfterMs >= deadline) return fail({ kind: 'http', status });
      await sleep(retryAfterMs);
    }
  };
}

interface Answer {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  readonly bytes: Buffer;
}

async function post(exchange: ExchangeFetch, url: string, message: Buffer, deadline: number): Step<Answer> {
  const headers = { 'content-type': 'application/pkixcmp', 'user-agent': 'gatehouse' };
  const signal = AbortSignal.timeout(Math.max(1, deadline - Date.now()));
  try {
    const response = await exchange(url, { method: 'POST', body: new Uint8Array(message), headers, redirect: 'error', signal });
    const bytes = Buffer.from(await response.arrayBuffer());
    return ok({ status: response.status, retryAfterMs: secondsIn(response.headers.get('retry-after')), bytes });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError') return fail({ kind: 'timeout' });
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return fail({ kind: 'unreachable', text: cause });
  }
}

/** Retry-After in seconds, as milliseconds; its form as a date is not looked at. At least a tenth of a second. */
function secondsIn(header: string | null): number | undefined {
  return header !== null && /^\d{1,4}$/.test(header) ? Math.max(100, Number(header) * 1_000) : undefined;
}

export type Observer = (direction: 'sending' | 'received', type: BodyType) => void;

/** What is needed to carry a message. */
export interface Carrier {
  readonly transport: Transport;
  readonly deadline: number;
  readonly observe?: Observer;
}

/** An answer as it came, its protection not looked at. */
export interface Carried {
  readonly message: PkiMessage;
  readonly body: PkiBody;
}

/** Sends a message and reads the answer; `observe` is told of both. */
export async function carry({ transport, deadline, observe }: Carrier, bytes: Buffer): Step<Carried> {
  const sent = observe && decodePkiMessage(bytes);
  if (sent?.ok) observe?.('sending', sent.value.bodyType);
  const received = await transport(bytes, deadline);
  if (!received.ok) return received;
  const message = decodePkiMessage(received.value);
  if (!message.ok) return invalid(message.error.message);
  observe?.('received', message.value.bodyType);
  const body = decodePkiBody(message.value);
  return body.ok ? ok({ message: message.value, body: body.value }) : invalid(body.error.message);
}
