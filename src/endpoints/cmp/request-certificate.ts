import type { Outcome } from '../../enrolment/outcome.js';
import type { TransactionQuery } from '../../enrolment/service.js';
import { responseTypes } from '../../protocol/cmp/index.js';
import { ok } from '../../runtime/result.js';
import type { CmpEndpoint } from '../../tenancy/directory.js';
import { type Peer, requesterOf, type SigningPeer } from './authenticate.js';
import { checkAuthority } from './check-authority.js';
import { allowances, type CheckedRequest, checkRequest, type RequestBody } from './check-request.js';
import { namedTime } from './confirmation-time.js';
import { acceptDecryption, challengeDecryption, isChallengeWanted } from './decryption-challenge.js';
import { type CmpReply, refuse, reject, send, type VerifiedExchange } from './exchange.js';
import { fault } from './fault.js';
import { kemSession } from './kem-answers.js';
import { freshNonce } from './reply.js';
import { requestSeveral, type SeveralRequests } from './request-several.js';
import { type CmpSession, decodeSession, type KeyDelivery } from './session.js';
import { signerKey } from './signer-memory.js';
import { toAnswer, toEnrolmentRequest } from './translate.js';
import { isUnusual, prepareRequest } from './unusual-request.js';

/** ir, cr, kur, p10cr (RFC 9483 section 4.1): check, hand to the core, answer as the core decided. */
export async function requestCertificate(exchange: VerifiedExchange, body: RequestBody): Promise<CmpReply> {
  const { endpoint, peer, header } = exchange;
  // RFC 9483 section 4.1.3: a key update is protected by the key of the certificate it updates.
  if (body.type === 'kur' && peer.kind === 'mac') return refuse(exchange, peer, fault('protection-kind', 'kur'));
  const mayVouch = hasAuthorities(exchange) ? await checkAuthority(exchange, body) : noVouching;
  if (!mayVouch.ok) return refuse(exchange, peer, mayVouch.error);
  const session = newSession(exchange, body);
  if (isSeveral(exchange, body)) return requestSeveral(exchange, body, session, mayVouch.value);
  if (isUnusual(body)) return requestUnusual(exchange, body, session, mayVouch.value);
  const checked = checkRequest(body, header, peer, endpoint.caChain[0]?.subject, allowances(exchange, mayVouch.value));
  if (!checked.ok) return reject(exchange, responseTypes[body.type], session.certReqId, checked.error);
  return enrol(exchange, checked.value, session);
}

/** One whose key was made here, or is no key that signs. A confirmation always follows: it is the proof of possession, or ends the keeping of the private key. */
async function requestUnusual(exchange: VerifiedExchange, body: RequestBody, session: CmpSession, mayVouch: boolean): Promise<CmpReply> {
  const { endpoint, header, peer } = exchange;
  const type = responseTypes[body.type];
  const prepared = await prepareRequest(exchange, body);
  if (!prepared.ok) return reject(exchange, type, session.certReqId, prepared.error);
  const { body: whole, judgePossession, delivery } = prepared.value;
  const allowed = { ...allowances(exchange, mayVouch), ...(judgePossession && { judgePossession }) };
  const checked = checkRequest(whole, header, peer, endpoint.caChain[0]?.subject, allowed);
  if (!checked.ok) return reject(exchange, type, session.certReqId, checked.error);
  if (isChallengeWanted(whole) && !(await isProven(exchange))) return challengeDecryption(exchange, whole);
  return enrol(exchange, checked.value, withDelivery(session, delivery, endpoint.profile.policy.cmp.confirmWaitSeconds));
}

/** A retransmission of a request whose challenge was answered meanwhile: the certificate is there, or under way. */
async function isProven(exchange: VerifiedExchange): Promise<boolean> {
  const { endpoint, deps, peer, header } = exchange;
  const query = { protocol: 'cmp' as const, transactionId: header.transactionID.toString('hex'), requester: requesterOf(peer) };
  return (await deps.enrolment.findTransaction(endpoint.profile, query)) !== undefined;
}

/** popdecr (RFC 9810 section 5.2.8.3.3): the request that was kept is now proven, and served as if it had just come with its proof. */
export async function answerDecryption(exchange: VerifiedExchange, content: Buffer): Promise<CmpReply> {
  const { endpoint, header, peer } = exchange;
  const accepted = await acceptDecryption(exchange, content);
  if (!accepted.ok) {
    const { type } = accepted.error;
    return type === undefined ? refuse(exchange, peer, accepted.error) : reject(exchange, type, 0, accepted.error);
  }
  const { body, message, implicitConfirm } = accepted.value;
  // Nonces and times are those of this message; what is asked for, and its hash, those of the request.
  const asked = { ...exchange, message, header: { ...header, known: { ...header.known, implicitConfirm } } };
  const session = newSession(asked, body);
  const mayVouch = hasAuthorities(exchange) ? await checkAuthority(asked, body) : noVouching;
  if (!mayVouch.ok) return refuse(exchange, peer, mayVouch.error);
  const allowed = { ...allowances(exchange, mayVouch.value), judgePossession: () => ok(true as const) };
  const checked = checkRequest(body, asked.header, peer, endpoint.caChain[0]?.subject, allowed);
  if (!checked.ok) return reject(exchange, responseTypes[body.type], session.certReqId, checked.error);
  return enrol(exchange, checked.value, session, asked);
}

function withDelivery(session: CmpSession, delivery: KeyDelivery, confirmWait: number): CmpSession {
  if (delivery.isEncrypted === undefined && delivery.keyPackage === undefined) return session;
  const { keepUnconfirmed: _, ...rest } = session;
  return { ...rest, ...delivery, implicitConfirm: false, confirmWait };
}

/** `asked`: the message that holds the request, where this one only proves it. */
async function enrol(exchange: VerifiedExchange, checked: CheckedRequest, session: CmpSession, asked = exchange): Promise<CmpReply> {
  const { endpoint, peer, header, deps, now } = exchange;
  const request = toEnrolmentRequest(asked, checked, session);
  const { trace } = exchange.context;
  const outcome = await deps.enrolment.enrol(endpoint.profile, request);
  if (trace !== undefined && outcome.kind === 'refused') trace.reason = outcome.refusal.code;
  // After an implicit confirmation nothing follows, save a retransmission with its certificates.
  if (peer.kind === 'signature' && !(session.implicitConfirm && outcome.kind === 'issued'))
    deps.signers.remember(signerKey(endpoint.profile.id, header.transactionID), peer.certificate);
  const recorded = await recordedSession(exchange, request, outcome, session);
  const answer = toAnswer(outcome, recorded, endpoint, now);
  return send(exchange, peer, answer.reply, answer.delivered);
}

const noVouching = ok(false);

function hasAuthorities({ endpoint }: VerifiedExchange): boolean {
  return endpoint.profile.policy.cmp.registrationAuthorities.length > 0;
}

function isSeveral({ endpoint }: VerifiedExchange, body: RequestBody): body is SeveralRequests {
  return endpoint.profile.policy.cmp.severalRequests && body.type !== 'p10cr' && body.messages.length > 1;
}

async function recordedSession(exchange: VerifiedExchange, query: TransactionQuery, outcome: Outcome, session: CmpSession): Promise<CmpSession> {
  if (outcome.kind === 'refused') return session;
  return outcome.kind === 'issued' && !session.implicitConfirm ? namedTime(exchange, query, outcome) : decodeSession(outcome.session);
}

/** A vendor's device, or an RA: its certificate is in no table of ours, where the next node could find it. */
function isForeign(peer: Peer, { caChain }: CmpEndpoint): peer is SigningPeer {
  return peer.kind === 'signature' && caChain[0]?.subject.der.equals(peer.certificate.issuer.der) !== true;
}

function newSession(exchange: VerifiedExchange, body: RequestBody): CmpSession {
  const { header, peer, endpoint, nonceSuffix } = exchange;
  const policy = endpoint.profile.policy.cmp;
  const implicitConfirm = header.known.implicitConfirm && policy.implicitConfirm;
  return {
    type: body.type,
    pvno: header.pvno,
    certReqId: body.type === 'p10cr' ? -1 : 0,
    protection: peer.kind,
    implicitConfirm,
    nonce: freshNonce(nonceSuffix),
    requestNonce: header.senderNonce,
    polls: 0,
    ...(!implicitConfirm && { confirmWait: policy.confirmWaitSeconds }),
    ...(policy.unconfirmed === 'keep' && { keepUnconfirmed: true }),
    ...kemSession(peer),
    ...(isForeign(peer, endpoint) && { signer: peer.certificate.der.toString('base64') }),
  };
}
