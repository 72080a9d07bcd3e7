import { type RevocationAnswer, refusedForGood } from '../../enrolment/ports.js';
import { crlReasons, parseCertificate, serialHex } from '../../pkix/index.js';
import { fail, ok } from '../../runtime/result.js';
import type { EjbcaClient } from './client.js';
import { type EjbcaFault, faultIn } from './faults.js';
import { nameSpellings } from './names.js';
import { type Found, faultOfOutcome, type Search } from './search.js';
import { readJson, revocationAnswer } from './wire.js';

const certificateHold = 6;
const removeFromCrl = 8;

/** EJBCA's word for a CRLReason (RFC 5280 section 5.3.1): `keyCompromise` is KEY_COMPROMISE. */
export function reasonForEjbca(reason: number): string {
  const name = crlReasons[reason] ?? 'unspecified';
  if (name === 'removeFromCRL') return 'REMOVE_FROM_CRL';
  if (name === 'cACompromise') return 'CA_COMPROMISE';
  if (name === 'aACompromise') return 'AA_COMPROMISE';
  if (name === 'privilegeWithdrawn') return 'PRIVILEGES_WITHDRAWN';
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/**
 * Revokes, or releases a certificate on hold. What is revoked already counts as done, whatever the reason; EJBCA answers 409 also when the
 * revocation has just taken effect, so that its own record decides. A revocation that waits for EJBCA's approvers has not happened yet.
 */
export async function revoke(certificate: Buffer, reason: number, client: EjbcaClient, search: Search, deadline: AbortSignal): Promise<RevocationAnswer> {
  const parsed = parseCertificate(certificate);
  if (!parsed.ok) return refusedForGood('The certificate is malformed.');
  const known = await search.byCertificate(certificate, deadline);
  const record = known.ok ? known.value : undefined;
  if (record !== undefined && isSettled(record, reason)) return ok(true);
  const spellings = record?.issuerDn === undefined ? nameSpellings(parsed.value.issuer) : [record.issuerDn];
  const answer = await revokeUnder(spellings, serialHex(parsed.value.serial), reason, client, deadline);
  // A search that worked and found nothing, and no path that leads to it: EJBCA does not have it.
  const isUnknown = known.ok && record === undefined && answer.isNotFound === true;
  return !answer.ok && isUnknown ? refusedForGood(answer.error) : answer;
}

/** Nothing is left to do: not for a revocation of what is revoked, nor for a release of what is on no hold. */
function isSettled({ isRevoked, revocationReason }: Found, reason: number): boolean {
  if (isRevoked === undefined) return false;
  if (reason === removeFromCrl) return !isRevoked;
  if (!isRevoked) return false;
  return revocationReason !== certificateHold || reason === certificateHold;
}

/** The CA's name as EJBCA writes it is a setting of the CA: where it is not known, every spelling is tried. */
async function revokeUnder(
  spellings: readonly string[],
  serial: string,
  reason: number,
  client: EjbcaClient,
  deadline: AbortSignal,
): Promise<RevocationAnswer & { readonly isNotFound?: boolean }> {
  let first: EjbcaFault | undefined;
  let isNotFound = true;
  for (const issuer of spellings) {
    const path = `v1/certificate/${encodeURIComponent(issuer)}/${serial}`;
    const route = 'v1/certificate/*/*/revoke';
    const answer = await client.rest({ method: 'PUT', path: `${path}/revoke?reason=${reasonForEjbca(reason)}`, route }, deadline);
    if (answer.kind === 'answered' && answer.status === 200) return ok(true);
    if (answer.kind === 'answered' && answer.status === 202) return fail('The revocation waits for approval in EJBCA.');
    const fault = faultOfOutcome(answer);
    if (fault.code === 'already-revoked') return byItsStatus(path, reason, fault, client, deadline);
    first ??= fault;
    isNotFound &&= answer.kind === 'answered' && answer.status === 404;
    if (fault.verdict === 'refused' && answer.kind === 'answered' && answer.status === 422) return refusedForGood(fault.reason);
    const mayBeSpelling = answer.kind === 'answered' && (answer.status === 404 || answer.status === 400);
    if (!mayBeSpelling) break;
  }
  return { ...fail(first?.reason ?? 'EJBCA did not say what became of the revocation.'), isNotFound };
}

async function byItsStatus(path: string, reason: number, conflict: EjbcaFault, client: EjbcaClient, deadline: AbortSignal): Promise<RevocationAnswer> {
  const answer = await client.rest({ method: 'GET', path: `${path}/revocationstatus`, route: 'v1/certificate/*/*/revocationstatus' }, deadline);
  if (answer.kind !== 'answered') return fail(answer.reason);
  const status = answer.status === 200 ? readJson(revocationAnswer, answer.body) : undefined;
  if (status === undefined) return fail(faultIn(answer).reason);
  return status.revoked === (reason !== removeFromCrl) ? ok(true) : refusedForGood(conflict.reason);
}
