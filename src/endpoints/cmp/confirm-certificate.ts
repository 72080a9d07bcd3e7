import type { CertStatus } from '../../protocol/cmp/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { checkStatus } from './cert-status.js';
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
  const { stored, session, query } = running.value;
  const nonces = checkNonces(exchange, session);
  if (!nonces.ok) return refuse(exchange, peer, nonces.error);
  if (session.furtherIds !== undefined && !session.implicitConfirm) return confirmSeveral(exchange, session, statuses);
  if (session.implicitConfirm || stored.certificate === null) return refuse(exchange, peer, fault('not-awaited'));
  const isStrict = endpoint.profile.policy.cmp.conduct === 'strict';
  if (isStrict && header.known.implicitConfirm) return refuse(exchange, peer, fault('general-info-contradictory', 'implicitConfirm in certConf'));
  const isAccepted = checkStatuses(statuses, session, header.pvno, stored.certificate, isStrict);
  if (!isAccepted.ok) return refuse(exchange, peer, isAccepted.error);
  const confirmation = await deps.enrolment.confirm(endpoint.profile, stored, isAccepted.value);
  // RFC 9810 section 8: a private key made here is kept no longer than until its device has it.
  if (session.keyPackage !== undefined) await deps.enrolment.updateSession(endpoint.profile, query, { keyPackage: '' });
  const situation = confirmationFault[confirmation];
  return situation === undefined ? send(exchange, peer, { body: { type: 'pkiconf' } }) : refuse(exchange, peer, fault(situation, confirmation));
}

/** True when the certificate is accepted. An empty list refuses it (RFC 9810 section 5.3.18). */
function checkStatuses(statuses: readonly CertStatus[], session: CmpSession, pvno: number, certificate: Buffer, isStrict: boolean): Result<boolean, Fault> {
  const [status, ...further] = statuses;
  if (status === undefined) return ok(false);
  if (further.length > 0) return fail(fault('cert-status', `${statuses.length} certificates`));
  // p10cr: -1, but OpenSSL before 3.0.9 sends 0 (RFC 9483 section 4.1.4 with erratum 8806).
  if ((isStrict || status.certReqId !== 0) && status.certReqId !== session.certReqId) return fail(fault('cert-req-id', String(status.certReqId)));
  return checkStatus(status, pvno, certificate);
}
