import type { RefusalCode } from '../../enrolment/refusal.js';
import { refusals } from '../../enrolment/refusal.js';
import type { NamedCertificate, RevocationOutcome, RevocationVerdict } from '../../enrolment/request-revocation.js';
import { serialHex } from '../../pkix/index.js';
import { type PkiBody, type PkiStatusInfo, protectedPart, type RevDetails } from '../../protocol/cmp/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { requesterOf } from './authenticate.js';
import { isDescribedBy, reasonOf } from './check-revocation.js';
import { clientFamilyOf } from './client-family.js';
import { type CmpReply, errorBody, refuse, send, type VerifiedExchange } from './exchange.js';
import { fault, type SituationName, situations } from './fault.js';
import { kemSession } from './kem-answers.js';
import { freshNonce } from './reply.js';
import { type CmpSession, decodeSession, encodeSession } from './session.js';
import { signerKey } from './signer-memory.js';
import { evidenceOf, failInfoOf } from './translate.js';

/** More in one message are a load, not a request. */
const maxDetails = 20;

/** rr (RFC 9483 section 4.2): check, hand to the core, answer one status for each certificate named. */
export async function revokeCertificates(exchange: VerifiedExchange, details: readonly RevDetails[]): Promise<CmpReply> {
  const { endpoint, peer, header, message, context, deps, now } = exchange;
  const { revocation, conduct } = endpoint.profile.policy.cmp;
  if (!revocation.serve) return refuse(exchange, peer, fault('body-type', 'rr'));
  // RFC 9483 section 4.2: protected by the certificate to be revoked; a secret only where the profile says so.
  if (peer.kind === 'mac' && !revocation.bySecret && peer.revokes === undefined) return refuse(exchange, peer, fault('protection-kind', 'rr'));
  if (header.known.implicitConfirm && conduct === 'strict') return refuse(exchange, peer, fault('general-info-contradictory', 'implicitConfirm in rr'));
  if (details.length > (revocation.several ? maxDetails : 1)) return rejectAll(exchange, details.length, 'several-requests');
  const session = newSession(exchange);
  const outcome = await deps.enrolment.revoke(endpoint.profile, {
    protocol: 'cmp',
    transactionId: header.transactionID.toString('hex'),
    requester: requesterOf(peer),
    content: protectedPart(message.headerDer, message.bodyDer),
    evidence: evidenceOf(peer),
    certificates: details.map(namedIn),
    clientIp: context.clientIp,
    clientFamily: clientFamilyOf(context),
    session: { ...encodeSession(session), type: 'rr', askedAt: now.getTime() },
  });
  if (peer.kind === 'signature') deps.signers.remember(signerKey(endpoint.profile.id, header.transactionID), peer.certificate);
  // A retransmission gets the nonce of the first answer, so that polls after either copy verify.
  const nonce = outcome.kind === 'refused' ? session.nonce : decodeSession(outcome.session).nonce;
  return answerRevocation(exchange, outcome, nonce);
}

/** The answer to an rr, or to the poll for it; one that waits is an `error` with status waiting (RFC 9483 section 4.4). */
export function answerRevocation(exchange: VerifiedExchange, outcome: RevocationOutcome, nonce: Buffer): CmpReply {
  const { peer } = exchange;
  if (outcome.kind === 'refused') {
    const { code } = outcome.refusal;
    return send(exchange, peer, { body: isErrorCode(code) ? errorBody(failInfoOf[code], refusals[code]) : rp([code]), senderNonce: nonce });
  }
  if (outcome.kind === 'pending') return send(exchange, peer, { body: waitingBody(), senderNonce: nonce });
  return send(exchange, peer, { body: rp(outcome.verdicts), senderNonce: nonce });
}

/** Faults of the signer and the transaction are `error` messages; that this one may not do this is said in the rp (RFC 9483 section 3.6.2). */
function isErrorCode(code: RefusalCode): boolean {
  return code !== 'not-authorised';
}

function rp(verdicts: readonly RevocationVerdict[]): PkiBody {
  return { type: 'rp', content: { status: verdicts.map(statusOf) } };
}

/** "accepted" without failInfo, or "rejection" (RFC 9483 section 4.2). */
function statusOf(verdict: RevocationVerdict): PkiStatusInfo {
  if (verdict === 'revoked') return { status: 'accepted' };
  return { status: 'rejection', statusString: [refusals[verdict]], failInfo: [failInfoOf[verdict]] };
}

function rejectAll(exchange: VerifiedExchange, count: number, situation: SituationName): CmpReply {
  const { failInfo, says } = situations[situation];
  const status = { status: 'rejection', statusString: [says], failInfo: [failInfo] } as const;
  return send(exchange, exchange.peer, { body: { type: 'rp', content: { status: Array.from({ length: count }, () => status) } } });
}

function waitingBody(): PkiBody {
  return { type: 'error', content: { pKIStatusInfo: { status: 'waiting', statusString: ['The revocation is under way.'] } } };
}

/** The session of a transaction of one answer: -1 stands for the whole message (RFC 9483 section 4.4). */
function newSession({ header, peer, nonceSuffix }: VerifiedExchange): CmpSession {
  const { pvno, senderNonce } = header;
  const nonce = freshNonce(nonceSuffix);
  return { type: 'ir', pvno, certReqId: -1, protection: peer.kind, implicitConfirm: true, nonce, requestNonce: senderNonce, polls: 0, ...kemSession(peer) };
}

function namedIn(details: RevDetails): Result<NamedCertificate, RefusalCode> {
  const { issuer, serialNumber } = details.certDetails;
  if (issuer === undefined || serialNumber === undefined) return fail('certificate-unnamed');
  const reason = reasonOf(details);
  if (!reason.ok) return reason;
  return ok({ issuer, serial: serialHex(serialNumber), reason: reason.value, describes: (certificate) => isDescribedBy(certificate, details.certDetails) });
}
