import type { Result } from '../../runtime/result.js';
import { demand, runSteps, type Step, type StepBounds, type TestReport } from '../test-steps.js';
import { choose, listOf } from './authorities.js';
import type { HttpClient } from './http.js';
import { readChain } from './remote.js';
import { createSession } from './session.js';
import type { TokenSource } from './token.js';
import { health, readJson } from './wire.js';

interface Parts {
  readonly http: HttpClient;
  readonly tokens: TokenSource | undefined;
  readonly caId?: string | undefined;
  readonly profileId?: string | undefined;
}

/** Speaks to the engine step by step without asking for a certificate, and stops at the first step that fails. The right to issue is only proved by issuing. */
export async function testRemoteEngine(parts: Parts, bounds: StepBounds): Promise<TestReport> {
  const session = createSession(parts.http, parts.tokens);
  let caId = parts.caId ?? '';
  const steps: readonly Step[] = [
    ['connection', async (deadline) => healthText(await parts.http({ method: 'GET', path: '/v1/health' }, deadline))],
    ['token', async (deadline) => tokenText(await parts.tokens?.get(deadline))],
    [
      'certification authority',
      async (deadline) => {
        const list = demand(listOf(await session({ method: 'GET', path: '/v1/cas' }, deadline)));
        const place = demand(choose(list, parts.caId, parts.profileId));
        caId = place.caId;
        return place.profileId === undefined ? `CA "${place.caId}"` : `CA "${place.caId}", profile "${place.profileId}"`;
      },
    ],
    [
      'chain',
      async (deadline) => {
        const answer = await session({ method: 'GET', path: `/v1/cas/${encodeURIComponent(caId)}/chain` }, deadline);
        if (answer.kind !== 'answered') throw new Error(answer.reason);
        return `${readChain(answer).length} certificates`;
      },
    ],
  ];
  return runSteps(steps, bounds);
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
