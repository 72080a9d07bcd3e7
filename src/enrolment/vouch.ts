import { hash } from 'node:crypto';
import { nameToText } from '../pkix/index.js';
import type { ChallengeQuestion, Verdict } from '../tenancy/challenge-judge.js';
import type { Profile } from '../tenancy/profile.js';
import type { Grant } from './identify.js';
import type { Outcome } from './outcome.js';
import type { Checked } from './policy.js';
import type { NewOrder } from './ports.js';
import type { EnrolmentRequest } from './request.js';
import type { EnrolmentDeps } from './service.js';

/** Asks whoever judges the challenges of this profile. No transaction of the database is open meanwhile; without a verdict nobody is let in (row AB-19). */
export async function vouch(
  profile: Profile,
  request: EnrolmentRequest,
  grant: Grant,
  checked: Checked,
  order: NewOrder,
  { judge, guesses }: EnrolmentDeps,
): Promise<Verdict> {
  const { challenge } = request.evidence;
  const { pkcs10 } = request.wanted;
  if (judge === undefined || profile.protocol !== 'scep' || challenge === undefined || pkcs10 === undefined) {
    return { kind: 'unavailable', reason: 'nobody judges challenges here' };
  }
  const question: ChallengeQuestion = {
    requestId: copyKey(order),
    transactionId: request.transactionId,
    operation: grant.operation,
    challenge,
    subject: nameToText(checked.subject),
    sans: checked.sans.map((san) => `${san.type}:${san.text}`),
    pkcs10,
    clientIp: request.facts.clientIp,
    clientFamily: request.facts.clientFamily,
    isSuspect: guesses.isSuspect(profile.id, request.facts.clientIp),
  };
  return judge.judge(profile, question);
}

/** The same for every copy of a request. */
export function copyKey({ dedupeKey, contentHash }: Pick<NewOrder, 'dedupeKey' | 'contentHash'>): string {
  return hash('sha256', Buffer.concat([dedupeKey, contentHash]), 'hex');
}

/** Runs `work` once for all who come with the same key while it is under way. */
export type Flights = (key: string, work: () => Promise<Outcome>) => Promise<Outcome>;

export function createFlights(): Flights {
  const underWay = new Map<string, Promise<Outcome>>();
  return (key, work) => {
    const joined = underWay.get(key);
    if (joined !== undefined) return joined;
    const flight = work().finally(() => underWay.delete(key));
    underWay.set(key, flight);
    return flight;
  };
}
