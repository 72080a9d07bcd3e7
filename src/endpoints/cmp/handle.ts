import {
  decodePkiBody,
  decodePkiMessage,
  type InfoTypeAndValue,
  isRequestType,
  type PkiBody,
  type PkiMessage,
  responseTypes,
} from '../../protocol/cmp/index.js';
import { isOutage } from '../../runtime/outage.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { CmpEndpoint } from '../../tenancy/directory.js';
import { secondsSince, verifySeconds } from '../figures.js';
import { messageTurns } from '../turns.js';
import { declineAnnouncement, isAnnouncement } from './announcement.js';
import { answerKemRequest } from './answer-kem-request.js';
import { authenticate, type Peer } from './authenticate.js';
import { type CheckedHeader, checkHeader } from './check-header.js';
import { confirmCertificate } from './confirm-certificate.js';
import { crossCertify } from './cross-certify.js';
import { answerInTime } from './delayed.js';
import { type CmpContext, type CmpDeps, type CmpReply, type Exchange, refuse, reject, send, type VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import { answerGeneralMessage } from './general.js';
import { answeringPeer, demandCipherText } from './kem-answers.js';
import { findSigner, isSignerMissing, keySourcesOf } from './key-sources.js';
import { serveNested } from './nested.js';
import { fitsLabel } from './operation-label.js';
import { pollCertificate } from './poll-certificate.js';
import { type Choice, chooseEndpoint } from './profile-choice.js';
import { answerDecryption, requestCertificate } from './request-certificate.js';
import { keepPassphrase } from './revocation-passphrase.js';
import { revokeCertificates } from './revoke.js';
import { hasMlDsa, verifyMlDsaOf } from './verify-ahead.js';

/**
 * One CMP message and its reply, whatever carries them: read -> choose the profile -> check the header -> verify the protection ->
 * serve. Never throws; an outage is answered with systemUnavail, everything else thrown with systemFailure, and logged once here.
 */
export async function handleCmpMessage(endpoint: CmpEndpoint, bytes: Buffer, context: CmpContext, deps: CmpDeps): Promise<CmpReply> {
  const unread: Exchange = { endpoint, nonceSuffix: '', message: undefined, context, deps, now: deps.clock.now() };
  const decoded = decodePkiMessage(bytes);
  if (!decoded.ok) return refuse(unread, undefined, fault('malformed', decoded.error.message));
  const message = decoded.value;
  const choice = chooseEndpoint(message.header, endpoint, context.chooseProfile);
  const { nonceSuffix, endpoint: chosen } = choice.ok ? choice.value : unread;
  const exchange = { endpoint: chosen, nonceSuffix, message, context, deps, now: unread.now };
  if (context.trace !== undefined) context.trace.exchange = exchange;
  if (isAnnouncement(message.bodyType)) return declineAnnouncement(exchange);
  return answerAnyway(exchange, undefined, () => answer(exchange, choice));
}

const verifying = verifySeconds({ protocol: 'cmp' });

async function answer(exchange: Exchange & { readonly message: PkiMessage }, choice: Result<Choice, Fault>): Promise<CmpReply> {
  const { endpoint, message, now } = exchange;
  const policy = endpoint.profile.policy.cmp;
  const header = checkHeader(message, policy, now);
  // Also under a bad header, so that the error can be protected where the peer is known (RFC 9483 section 3.6.4).
  const startedAt = performance.now();
  if (hasMlDsa(message, endpoint.profile)) await verifyMlDsaOf(message, exchange);
  const peer = await authenticate(message, policy, keySourcesOf(exchange, isSignerMissing(exchange) ? await findSigner(exchange) : undefined));
  const verifyingSeconds = secondsSince(startedAt);
  verifying.observe(verifyingSeconds);
  // A signature by the largest keys took as long as a dozen ordinary messages; its proof of possession may take as long again.
  if (verifyingSeconds > 0.004) await messageTurns.takeLater();
  if (!header.ok) return refuse(exchange, peer.ok ? peer.value : undefined, header.error);
  if (!peer.ok && policy.kemBasedMac && isUnprotectedQuestion(message)) return answerKemRequest({ ...exchange, message }, header.value);
  if (!peer.ok) return message.bodyType === 'error' ? acknowledge(exchange, undefined) : refuse(exchange, undefined, peer.error);
  const verified: VerifiedExchange = { header: header.value, peer: peer.value, ...exchange, message: named(message, header.value) };
  if (policy.kemAnswers !== 'off') return answerAnyway(exchange, peer.value, () => serveByKem(verified, choice));
  return serveChosen(verified, choice);
}

function serveChosen(exchange: VerifiedExchange, choice: Result<Choice, Fault>): CmpReply | Promise<CmpReply> {
  if (!choice.ok) return refuseProfile(exchange, choice.error);
  const { revPassphrase } = exchange.header;
  return answerAnyway(exchange, exchange.peer, () => (revPassphrase === undefined ? serve(exchange) : serveWithPassphrase(exchange, revPassphrase)));
}

/** RFC 9810 appendix B: who cannot keep it must say so; the rest is not looked at then. */
async function serveWithPassphrase(exchange: VerifiedExchange, item: InfoTypeAndValue): Promise<CmpReply> {
  const kept = await keepPassphrase(exchange, item);
  return kept.ok ? serve({ ...exchange, acknowledged: kept.value }) : refuse(exchange, exchange.peer, kept.error);
}

async function serveByKem(exchange: VerifiedExchange, choice: Result<Choice, Fault>): Promise<CmpReply> {
  const peer = await answeringPeer(exchange);
  if (peer.ok) return serveChosen({ ...exchange, peer: peer.value }, choice);
  return peer.error === 'demanded' ? demandCipherText(exchange) : refuse(exchange, exchange.peer, peer.error);
}

/** A request for a certificate under a certProfile that is not here is rejected as any request with a bad wish, other messages by `error` (RFC 9483 section 3.6.2). */
function refuseProfile(exchange: VerifiedExchange, found: Fault): CmpReply {
  const { bodyType } = exchange.message;
  if (!isRequestType(bodyType)) return refuse(exchange, exchange.peer, found);
  return reject(exchange, responseTypes[bodyType], bodyType === 'p10cr' ? -1 : 0, found);
}

function isUnprotectedQuestion({ bodyType, header, protection }: PkiMessage): boolean {
  return bodyType === 'genm' && header.protectionAlg === undefined && protection === undefined;
}

/** The answer repeats the transactionID that a device left to us. */
function named(message: PkiMessage, header: CheckedHeader): PkiMessage {
  return message.header.transactionID === undefined ? { ...message, header } : message;
}

/** Only a verified message gets here: what it asks decides. */
async function serve(exchange: VerifiedExchange): Promise<CmpReply> {
  const { endpoint, peer, message, context } = exchange;
  // A device that signs waits for a signature, and the RA certificate is still being issued.
  if (peer.kind === 'signature' && endpoint.raKeys.length === 0) return { status: 503, retryAfterSeconds: 5 };
  if (context.isDuplicate === true) return refuse(exchange, peer, fault('transaction-in-use'));
  const body = readBody(exchange);
  if (!body.ok) return refuse(exchange, peer, body.error);
  switch (body.value.type) {
    case 'ir':
    case 'cr':
    case 'kur':
    case 'p10cr':
      return requestCertificate(exchange, body.value);
    case 'ccr':
      return crossCertify(exchange, body.value.messages);
    case 'rr':
      return revokeCertificates(exchange, body.value.details);
    case 'genm':
      return answerInTime(exchange, answerGeneralMessage(exchange, body.value.items));
    case 'certConf':
      return confirmCertificate(exchange, body.value.statuses);
    case 'pollReq':
      return pollCertificate(exchange, body.value.certReqIds);
    case 'popdecr':
      return answerDecryption(exchange, body.value.content);
    case 'nested':
      return serveNested(exchange, body.value.content, handleCmpMessage);
    case 'error':
      return acknowledge(exchange, peer);
    default:
      return refuse(exchange, peer, fault('body-type', message.bodyType));
  }
}

function readBody(exchange: VerifiedExchange): Result<PkiBody, Fault> {
  const { message, context } = exchange;
  if (!fitsLabel(message.bodyType, context.label)) return fail(fault('label', `${message.bodyType} at ${context.label}`));
  const body = decodePkiBody(message);
  return body.ok ? ok(body.value) : fail(fault('malformed', body.error.message));
}

/** RFC 9810 section 5.3.21: an error is answered by pkiconf. It changes nothing: anyone may have sent an unprotected one. */
function acknowledge(exchange: Exchange, peer: Peer | undefined): CmpReply {
  return send(exchange, peer, { body: { type: 'pkiconf' } });
}

async function answerAnyway(exchange: Exchange, peer: Peer | undefined, work: () => Promise<CmpReply>): Promise<CmpReply> {
  try {
    return await work();
  } catch (error) {
    exchange.deps.log.error({ err: error, profileId: exchange.endpoint.profile.id }, 'a CMP message could not be handled');
    return refuse(exchange, peer, fault(isOutage(error) ? 'unavailable' : 'failure'));
  }
}
