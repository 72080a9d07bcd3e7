import { Agent, request } from 'undici';
import { type AddressGuard, guardedLookup, isHostAllowed, notAllowed } from '../address-guard.js';

export interface Call {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type CallOutcome =
  | { readonly kind: 'answered'; readonly status: number; readonly body: Buffer }
  /** No complete answer; whether the other side acted is not known. */
  | { readonly kind: 'unanswered'; readonly reason: string };

/** One call under the caller's deadline; never rejects, never follows redirects, never reads more than 64 KiB, speaks only to allowed addresses. */
export type HttpCaller = (call: Call, deadline: AbortSignal) => Promise<CallOutcome>;

export interface CallerSettings {
  /** PEM; the system's list when absent. */
  readonly trustedCa?: string | undefined;
  readonly concurrency: number;
  readonly guard: AddressGuard;
}

const maxAnswerBytes = 64 * 1024;
const connectMs = 5_000;

export function createHttpCaller({ trustedCa, concurrency, guard }: CallerSettings): { readonly call: HttpCaller; readonly close: () => void } {
  const ca = trustedCa === undefined ? {} : { ca: trustedCa };
  const agent = new Agent({
    connections: concurrency,
    maxResponseSize: maxAnswerBytes,
    connect: { ...ca, timeout: connectMs, lookup: guardedLookup(guard), minVersion: 'TLSv1.2' },
  });
  const call: HttpCaller = async ({ method, url, headers = {}, body }, deadline) => {
    const { hostname } = new URL(url);
    if (!isHostAllowed(guard, hostname)) return { kind: 'unanswered', reason: notAllowed(hostname).message };
    try {
      const options = { method, headers: { accept: 'application/json', ...headers }, body: body ?? null, signal: deadline, dispatcher: agent };
      const answer = await request(url, options);
      return { kind: 'answered', status: answer.statusCode, body: Buffer.from(await answer.body.arrayBuffer()) };
    } catch (error) {
      return { kind: 'unanswered', reason: reasonOf(error, hostname, deadline) };
    }
  };
  return { call, close: () => void agent.close().catch(() => undefined) };
}

/** In words that hold nothing of what was sent. */
function reasonOf(error: unknown, host: string, deadline: AbortSignal): string {
  if (deadline.aborted) return `${host} did not answer in time`;
  const { code, message = String(error) } = error as { code?: unknown; message?: string };
  const [line = ''] = message.split('\n');
  return `${host}: ${line}${typeof code === 'string' ? ` (${code})` : ''}`;
}

/** The JSON of an answer; undefined where it is none. */
export function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Text of the other side for our records: one line, bounded, and never the challenge it may repeat. */
export function foreignText(text: string, challenge = ''): string {
  const shown = challenge === '' ? text : text.replaceAll(challenge, '[challenge]');
  return shown
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 200);
}
