import type { Result } from '../../runtime/result.js';
import { choose, listOf } from './authorities.js';
import type { HttpClient } from './http.js';
import { readChain } from './remote.js';
import { createSession } from './session.js';
import type { TokenSource } from './token.js';
import { health, readJson } from './wire.js';

export interface TestStep {
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
  /** milliseconds */
  readonly ms: number;
}

export interface TestReport {
  readonly ok: boolean;
  readonly steps: readonly TestStep[];
}

interface Parts {
  readonly http: HttpClient;
  readonly tokens: TokenSource | undefined;
  readonly caId?: string | undefined;
  readonly profileId?: string | undefined;
  readonly timeoutMs: number;
}

/** Speaks to the engine step by step without asking for a certificate, and stops at the first step that fails. The right to issue is only proved by issuing. */
export async function testRemoteEngine(parts: Parts): Promise<TestReport> {
  const deadline = AbortSignal.timeout(parts.timeoutMs);
  const session = createSession(parts.http, parts.tokens);
  let caId = parts.caId ?? '';
  return runSteps([
    ['connection', async () => healthText(await parts.http({ method: 'GET', path: '/v1/health' }, deadline))],
    ['token', async () => tokenText(await parts.tokens?.get(deadline))],
    [
      'certification authority',
      async () => {
        const list = demand(listOf(await session({ method: 'GET', path: '/v1/cas' }, deadline)));
        const place = demand(choose(list, parts.caId, parts.profileId));
        caId = place.caId;
        return place.profileId === undefined ? `CA "${place.caId}"` : `CA "${place.caId}", profile "${place.profileId}"`;
      },
    ],
    [
      'chain',
      async () => {
        const answer = await session({ method: 'GET', path: `/v1/cas/${encodeURIComponent(caId)}/chain` }, deadline);
        if (answer.kind !== 'answered') throw new Error(answer.reason);
        return `${readChain(answer).length} certificates`;
      },
    ],
  ]);
}

/** Each step returns what to show, or throws an Error whose message is shown. */
export async function runSteps(steps: readonly (readonly [name: string, run: () => Promise<string>])[]): Promise<TestReport> {
  const done: TestStep[] = [];
  for (const [name, run] of steps) {
    const begun = performance.now();
    const result = await run().then(
      (message) => ({ ok: true, message }),
      (error: unknown) => ({ ok: false, message: error instanceof Error ? error.message : String(error) }),
    );
    done.push({ name, ...result, ms: Math.round(performance.now() - begun) });
    if (!result.ok) return { ok: false, steps: done };
  }
  return { ok: true, steps: done };
}

function demand<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function healthText(answer: Awaited<ReturnType<HttpClient>>): string {
  if (answer.kind !== 'answered') throw new Error(answer.reason);
  const body = readJson(health, answer.body);
  if (body === undefined) throw new Error(`This is no Crypto Engine: /v1/health answered HTTP ${answer.status}.`);
  if (body.status === 'DOWN') throw new Error('The Crypto Engine says that it is down.');
  return body.version === undefined ? body.status : `${body.status}, version ${body.version}`;
}

function tokenText(token: Result<string, string> | undefined): string {
  if (token === undefined) return 'No client id is set; calls go without a token.';
  demand(token);
  return 'The client id and secret are accepted.';
}
