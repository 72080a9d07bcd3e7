import type { CertificateRequest, IssuerAnswer, LookupAnswer } from '../../enrolment/ports.js';
import { parseCertificate } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { faultAnswer } from '../fault-answer.js';
import { timeOfRef } from '../order-ref.js';
import type { EjbcaClient } from './client.js';
import { type Enrolled, type EnrolPlace, enrolByPkcs10, enrolByPublicKey, isByPkcs10 } from './enrol.js';
import type { EjbcaFault } from './faults.js';
import type { Lanes } from './lanes.js';
import type { Found, Search } from './search.js';
import { type UsernameRule, usernameFor } from './username.js';

export interface IssueDeps {
  readonly client: EjbcaClient;
  readonly search: Search;
  readonly lanes: Lanes;
  readonly place: EnrolPlace;
  readonly rule: UsernameRule;
  readonly timeoutMs: number;
  /** Told of every certificate that was issued. */
  noteIssued(enrolled: Enrolled, username: string): void;
  /** Whether the search shows what this process saw issued. */
  isSearchProven(deadline: AbortSignal): Promise<Result<true, string>>;
}

/** Sets the clock of the CA against ours: a certificate may seem to be issued this much before it was asked for. */
const clockSkewMs = 300_000;

/**
 * The end entity to issue for. A renewal stays with the one that its certificate belongs to, also when that is older than Gatehouse or was
 * named by another rule; a certificate that EJBCA does not know, or shows no name with, leaves the rule.
 */
async function usernameOf(ref: string, request: CertificateRequest, deps: IssueDeps, deadline: AbortSignal): Promise<Result<string, EjbcaFault>> {
  const ruled = usernameFor(ref, request, deps.rule);
  if (request.renews === undefined) return ok(ruled);
  const known = await deps.search.byCertificate(request.renews, deadline);
  return known.ok ? ok(known.value?.username ?? ruled) : known;
}

export async function issue(ref: string, request: CertificateRequest, deps: IssueDeps): Promise<IssuerAnswer> {
  const deadline = AbortSignal.timeout(deps.timeoutMs);
  const username = await usernameOf(ref, request, deps, deadline);
  // Nothing but a search has been sent, whatever became of it.
  if (!username.ok) return { kind: 'notSent', reason: username.error.reason };
  const enrolled = await deps.lanes(username.value, () => enrolInTurn(username.value, request, deps, deadline));
  if (!enrolled.ok) return faultAnswer(enrolled.error);
  deps.noteIssued(enrolled.value, username.value);
  return { kind: 'issued', certificate: enrolled.value.certificate };
}

async function enrolInTurn(username: string, request: CertificateRequest, deps: IssueDeps, deadline: AbortSignal): Promise<Result<Enrolled, EjbcaFault>> {
  if (deadline.aborted) return fail({ code: 'busy', verdict: 'notSent', reason: 'Another request for the same end entity took too long.' });
  const first = await enrolOnce(username, request, deps, deadline);
  return !first.ok && first.error.code === 'ee-state' ? enrolOnce(username, request, deps, deadline) : first;
}

function enrolOnce(username: string, request: CertificateRequest, deps: IssueDeps, deadline: AbortSignal): Promise<Result<Enrolled, EjbcaFault>> {
  const { client, place } = deps;
  if (request.pkcs10 !== undefined && isByPkcs10(request)) return enrolByPkcs10(client, place, username, request.pkcs10, deadline);
  return enrolByPublicKey(client, place, username, request, deadline);
}

/**
 * EJBCA knows no ref of ours: what it issued for an order is the newest certificate of the end entity with the order's key, not older than
 * the order. Only a search that is known to show what EJBCA issues may say that there is none.
 */
export async function lookup(ref: string, publicKey: Buffer, request: CertificateRequest | undefined, deps: IssueDeps): Promise<LookupAnswer> {
  if (request === undefined) return { kind: 'unknown', reason: 'EJBCA finds certificates by their end entity, which only the request names.' };
  const deadline = AbortSignal.timeout(deps.timeoutMs);
  const username = await usernameOf(ref, request, deps, deadline);
  if (!username.ok) return { kind: 'unknown', reason: username.error.reason };
  const made = timeOfRef(ref);
  const since = made === undefined ? undefined : new Date(made.getTime() - clockSkewMs);
  for (const name of new Set([username.value, usernameFor(ref, request, deps.rule)])) {
    const found = await deps.search.byUsername(name, since, deadline);
    if (!found.ok) return { kind: 'unknown', reason: found.error.reason };
    const certificate = newestWith(publicKey, found.value, since);
    if (certificate !== undefined) return { kind: 'found', certificate };
  }
  const proven = await deps.isSearchProven(deadline);
  return proven.ok ? { kind: 'none' } : { kind: 'unknown', reason: proven.error };
}

/** CAs date certificates back by minutes, up to a day. */
const backdatedMs = 86_400_000;

function newestWith(publicKey: Buffer, found: readonly Found[], since: Date | undefined): Buffer | undefined {
  const candidates = found.flatMap(({ der, changedAt = 0 }) => {
    const parsed = parseCertificate(der);
    return parsed.ok && parsed.value.publicKey.spki.equals(publicKey) ? [{ der, changedAt, notBefore: parsed.value.notBefore.getTime() }] : [];
  });
  const recent = candidates.filter(({ notBefore }) => since === undefined || notBefore >= since.getTime() - backdatedMs);
  return recent.sort((left, right) => right.notBefore - left.notBefore || right.changedAt - left.changedAt)[0]?.der;
}
