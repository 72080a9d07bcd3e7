import { timingSafeEqual } from 'node:crypto';
import { parseCertificate } from '../../pkix/index.js';
import { type CertStatus, certHash } from '../../protocol/cmp/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { confirmSeveral } from './confirm-several.js';
import { type CmpReply, refuse, send, type VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import type { CmpSession } from './session.js';
import { checkNonces, findRunning } from './transaction.js';
import { confirmationFault } from './translate.js';

/** certConf (RFC 9483 section 4.1.1): the device's word on its certificate; answered by pkiconf, also when it refuses. */
export async function confirmCertificate(exchange: VerifiedExchange, statuses: readonly CertStatus[]): Promise<CmpReply> {
  const { endpoint, peer, header, deps } = exchange;
  const running = await findRunning(exchange);
  if (!running.ok) return refuse(exchange, peer, running.error);
  const { stored, session } = running.value;
  const nonces = checkNonces(exchange, session);
  if (!nonces.ok) return refuse(exchange, peer, nonces.error);
  if (session.furtherIds !== undefined && !session.implicitConfirm) return confirmSeveral(exchange, session, statuses);
  if (session.implicitConfirm || stored.certificate === null) return refuse(exchange, peer, fault('not-awaited'));
  const isAccepted = checkStatuses(statuses, session, header.pvno, stored.certificate);
  if (!isAccepted.ok) return refuse(exchange, peer, isAccepted.error);
  const confirmation = await deps.enrolment.confirm(endpoint.profile, stored, isAccepted.value);
  const situation = confirmationFault[confirmation];
  return situation === undefined ? send(exchange, peer, { body: { type: 'pkiconf' } }) : refuse(exchange, peer, fault(situation, confirmation));
}

/** True when the certificate is accepted. An empty list refuses it (RFC 9810 section 5.3.18). */
function checkStatuses(statuses: readonly CertStatus[], session: CmpSession, pvno: number, certificate: Buffer): Result<boolean, Fault> {
  const [status, ...further] = statuses;
  if (status === undefined) return ok(false);
  if (further.length > 0) return fail(fault('cert-status', `${statuses.length} certificates`));
  // p10cr: -1, but OpenSSL before 3.0.9 sends 0 (RFC 9483 section 4.1.4 with erratum 8806).
  if (status.certReqId !== 0 && status.certReqId !== session.certReqId) return fail(fault('cert-req-id', String(status.certReqId)));
  return checkStatus(status, pvno, certificate);
}

/** True when this certificate is accepted; its certReqId has been looked at. */
export function checkStatus(status: CertStatus, pvno: number, certificate: Buffer): Result<boolean, Fault> {
  if (status.hashAlg !== undefined && pvno < 3) return fail(fault('cert-status', 'hashAlg needs pvno 3'));
  const hash = checkHash(status, certificate);
  return hash.ok ? checkVerdict(status) : hash;
}

function checkHash(status: CertStatus, certificate: Buffer): Result<true, Fault> {
  const parsed = parseCertificate(certificate);
  if (!parsed.ok) throw parsed.error;
  const expected = certHash(parsed.value, status.hashAlg);
  if (!expected.ok) return fail(fault('cert-hash', 'unknown hash'));
  const isSame = status.certHash.length === expected.value.length && timingSafeEqual(status.certHash, expected.value);
  return isSame ? ok(true) : fail(fault('cert-hash'));
}

/** "statusInfo absent" means accepted; only accepted and rejection may stand there (RFC 9483 section 4.1.1). */
function checkVerdict(status: CertStatus): Result<boolean, Fault> {
  const { statusInfo } = status;
  if (statusInfo === undefined) return ok(true);
  if (statusInfo.status === 'rejection') return ok(false);
  if (statusInfo.status !== 'accepted') return fail(fault('cert-status', statusInfo.status));
  return statusInfo.failInfo === undefined ? ok(true) : fail(fault('cert-status', 'accepted with failInfo'));
}
