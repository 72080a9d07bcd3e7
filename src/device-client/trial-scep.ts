import { setTimeout as sleep } from 'node:timers/promises';
import { nameToText } from '../pkix/index.js';
import type { ExchangeFetch } from './exchange-fetch.js';
import { type EnrolmentOptions, ScepClient, type ScepOutcome, transactionIdOf } from './scep.js';
import { certificateStep, type Said, type Trial, TrialSteps } from './trial.js';

export interface ScepTrial extends EnrolmentOptions {
  readonly url: string;
  readonly fetch: ExchangeFetch;
  /** Whether a pending order is polled, for ten seconds. */
  readonly isPatient: boolean;
}

const pollEveryMs = 1_000;
const exchangeMs = 10_000;
const patienceMs = 10_000;

/** What a SCEP device does from the first question to its certificate (RFC 8894 sections 2 and 3), told step by step; never rejects for what the server does. */
export async function tryScep({ url, fetch, isPatient, ...wanted }: ScepTrial): Promise<Trial> {
  const [steps, client] = [new TrialSteps(), new ScepClient({ url, fetch, timeoutMs: exchangeMs })];
  const capabilities = await steps.run('GetCACaps', () => client.capabilities(), said);
  if (capabilities === undefined) return { outcome: 'failed', steps: steps.all };
  const certificates = await steps.run(
    'GetCACert',
    () => client.certificates(),
    ({ ra, authorities }) => ({ ok: true, detail: `RA certificate ${nameToText(ra.subject)}; ${authorities.length} CA certificates.` }),
  );
  if (certificates === undefined) return { outcome: 'failed', steps: steps.all };
  const transactionId = transactionIdOf(wanted.key.publicKey);
  let outcome = await steps.run('PKCSReq', () => client.enrol(wanted), words);
  for (const until = performance.now() + patienceMs; isPatient && outcome?.kind === 'pending' && performance.now() + pollEveryMs < until; ) {
    const { pending } = outcome;
    await sleep(pollEveryMs);
    outcome = await steps.run('CertPoll', () => client.poll(pending), words);
  }
  if (outcome?.kind === 'issued') steps.add(certificateStep(outcome.certificate));
  return { outcome: outcome?.kind ?? 'failed', steps: steps.all, transactionId };
}

function said(capabilities: ReadonlySet<string>): Said {
  return { ok: true, detail: capabilities.size === 0 ? 'The server names no capabilities.' : `${[...capabilities].join(', ')}.` };
}

function words(outcome: ScepOutcome): Said {
  if (outcome.kind === 'issued') return { ok: true, detail: 'Answered with SUCCESS.' };
  if (outcome.kind === 'pending') return { ok: true, detail: 'Answered with PENDING: the order is not decided yet.' };
  return { ok: false, detail: `Answered with FAILURE, ${outcome.failInfo ?? 'without failInfo'}${outcome.text === undefined ? '' : `: ${outcome.text}`}` };
}
