import type { AddressGuard } from '../address-guard.js';
import { createOutbound } from '../outbound.js';

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

export function createHttpCaller(settings: CallerSettings): { readonly call: HttpCaller; readonly close: () => void } {
  const outbound = createOutbound({ ...settings, maxAnswerBytes });
  const call: HttpCaller = async (asked, deadline) => {
    const outcome = await outbound.send(asked, deadline);
    return outcome.kind === 'answered' ? outcome : { kind: 'unanswered', reason: outcome.reason };
  };
  return { call, close: outbound.close };
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
