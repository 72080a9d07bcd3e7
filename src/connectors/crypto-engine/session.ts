import { setTimeout as sleep } from 'node:timers/promises';
import { retryAfterOf } from './answers.js';
import type { HttpAnswer, HttpClient, HttpOutcome, HttpRequest } from './http.js';
import type { TokenSource } from './token.js';

const attempts = 3;
const firstPauseMs = 200;
/** Longer waits are the caller's: a call must not sit on its place in the queue. */
const longestPauseMs = 2_000;
/** Answers after which the same request, under the same Idempotency-Key, may be sent again. */
const repeatable: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Calls with a token and retries, all within one deadline. */
export type Session = (request: HttpRequest, deadline: AbortSignal) => Promise<HttpOutcome>;

/**
 * Sends with a bearer token; a token that the engine no longer takes is replaced once. Connection failures and 429, 502, 503,
 * 504 are tried up to three times with random pauses, a short Retry-After is honoured. A gateway's 502 or
 * 504 leaves open whether the engine acted, so nothing after it says `notSent`.
 */
export function createSession(http: HttpClient, tokens: TokenSource | undefined): Session {
  async function authorised(request: HttpRequest, deadline: AbortSignal): Promise<HttpOutcome> {
    if (tokens === undefined) return http(request, deadline);
    const token = await tokens.get(deadline);
    if (!token.ok) return { kind: 'notSent', reason: token.error };
    const headers = { ...request.headers, authorization: `Bearer ${token.value}` };
    const answer = await http({ ...request, headers }, deadline);
    if (answer.kind === 'answered' && answer.status === 401) tokens.drop(token.value);
    return answer;
  }

  async function withFreshToken(request: HttpRequest, deadline: AbortSignal): Promise<HttpOutcome> {
    const answer = await authorised(request, deadline);
    const isStale = tokens !== undefined && answer.kind === 'answered' && answer.status === 401;
    return isStale ? authorised(request, deadline) : answer;
  }

  return async (request, deadline) => {
    let isMaybeDone = false;
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await withFreshToken(request, deadline);
      const isLast = attempt === attempts || !isRepeatable(outcome) || !(await pause(attempt, outcome, deadline));
      if (isLast) return isMaybeDone ? doubted(outcome) : outcome;
      isMaybeDone ||= outcome.kind === 'answered' && (outcome.status === 502 || outcome.status === 504);
    }
  };
}

function doubted(outcome: HttpOutcome): HttpOutcome {
  return outcome.kind === 'answered' ? { ...outcome, mayBeDone: true } : { kind: 'lost', reason: outcome.reason };
}

function isRepeatable(outcome: HttpOutcome): boolean {
  return outcome.kind === 'notSent' || (outcome.kind === 'answered' && repeatable.has(outcome.status));
}

/** False when the engine asks for a longer pause than a call waits, or the deadline comes first. */
async function pause(attempt: number, outcome: HttpOutcome, deadline: AbortSignal): Promise<boolean> {
  const asked = outcome.kind === 'answered' ? retryAfterMs(outcome) : undefined;
  if (asked !== undefined && asked > longestPauseMs) return false;
  try {
    await sleep(asked ?? Math.random() * firstPauseMs * 2 ** attempt, undefined, { signal: deadline });
    return true;
  } catch {
    return false;
  }
}

function retryAfterMs(answer: HttpAnswer): number | undefined {
  const seconds = retryAfterOf(answer);
  return seconds === undefined ? undefined : seconds * 1000;
}
