import type { Outcome } from '../../enrolment/outcome.js';
import type { RefusalCode } from '../../enrolment/refusal.js';
import { refusals } from '../../enrolment/refusal.js';
import type { EnrolmentRequest, Evidence, Intent } from '../../enrolment/request.js';
import type { Confirmation } from '../../enrolment/service.js';
import { digestOf } from '../../pkix/index.js';
import {
  type CertResponse,
  confirmWaitTimeItem,
  type FailInfo,
  implicitConfirmItem,
  isGmac,
  type PkiBody,
  protectedPart,
  type RequestType,
  type ResponseType,
  responseTypes,
} from '../../protocol/cmp/index.js';
import type { CmpEndpoint } from '../../tenancy/directory.js';
import { type Peer, requesterOf } from './authenticate.js';
import type { CheckedRequest } from './check-request.js';
import { clientFamilyOf } from './client-family.js';
import { certifiedKeyPair } from './encrypted-key.js';
import { type Delivery, errorBody, rejectionBody, type VerifiedExchange } from './exchange.js';
import type { SituationName } from './fault.js';
import type { Reply } from './reply.js';
import { type CmpSession, encodeSession } from './session.js';

/** What CMP calls each reason of the core. */
export const failInfoOf = {
  'not-authorised': 'notAuthorized',
  'credential-invalid': 'badMessageCheck',
  'token-invalid': 'notAuthorized',
  'challenge-unchecked': 'systemUnavail',
  'signer-not-trusted': 'signerNotTrusted',
  'signer-expired': 'signerNotTrusted',
  'signer-revoked': 'certRevoked',
  'signer-superseded': 'certRevoked',
  'signer-unproven': 'notAuthorized',
  'renewal-too-early': 'badRequest',
  'renewal-unconfirmed': 'badRequest',
  'renewal-other-name': 'badCertTemplate',
  'proof-of-possession': 'badPOP',
  'key-type': 'badAlg',
  'key-size': 'badCertTemplate',
  'key-malformed': 'badCertTemplate',
  'key-reused': 'badCertTemplate',
  'key-of-another': 'badCertTemplate',
  'key-undeliverable': 'badCertTemplate',
  'subject-missing': 'badCertTemplate',
  'subject-binding': 'notAuthorized',
  'subject-not-allowed': 'notAuthorized',
  'subject-incomplete': 'badCertTemplate',
  'san-not-allowed': 'notAuthorized',
  'san-type': 'badCertTemplate',
  'too-many-names': 'badCertTemplate',
  'name-malformed': 'badCertTemplate',
  'extension-malformed': 'badCertTemplate',
  'ca-certificate': 'notAuthorized',
  'reserved-purpose': 'notAuthorized',
  'transaction-in-use': 'transactionIdInUse',
  'transaction-unknown': 'badRequest',
  'certificate-unknown': 'badCertId',
  'certificate-revoked': 'certRevoked',
  'certificate-unnamed': 'addInfoNotAvailable',
  'revocation-reason': 'badDataFormat',
  'revocation-reason-doubled': 'badRequest',
  'hold-not-served': 'badRequest',
  'not-on-hold': 'badRequest',
  'confirmation-unexpected': 'badRequest',
  'already-confirmed': 'certConfirmed',
  'ca-refused': 'badRequest',
  'ca-policy': 'badCertTemplate',
  'ca-duplicate': 'duplicateCertReq',
  'ca-key': 'badAlg',
  'ca-proof': 'badPOP',
  'account-held': 'duplicateCertReq',
  'order-rejected': 'notAuthorized',
  'order-failed': 'systemFailure',
  'order-expired': 'systemUnavail',
  unavailable: 'systemUnavail',
} as const satisfies Record<RefusalCode, FailInfo>;

/** Reasons that concern the message or its signer, not what is asked for: answered by `error` (RFC 9483 section 3.6.2). */
const errors: ReadonlySet<RefusalCode> = new Set([
  'credential-invalid',
  'signer-not-trusted',
  'signer-expired',
  'transaction-in-use',
  'transaction-unknown',
  'order-expired',
]);

export function isMessageFault(code: RefusalCode): boolean {
  return errors.has(code);
}

const intentOf = { ir: 'initial', cr: 'additional', p10cr: 'additional', kur: 'renewal' } as const satisfies Record<RequestType, Intent>;

/** A checked request in the words of the core. */
export function toEnrolmentRequest(
  exchange: VerifiedExchange,
  request: CheckedRequest,
  session: CmpSession,
  content = protectedPart(exchange.message.headerDer, exchange.message.bodyDer),
): EnrolmentRequest {
  const { header, peer, context } = exchange;
  const { publicKey, subject, extensions, notAfter, pkcs10 } = request;
  return {
    protocol: 'cmp',
    intent: intentOf[session.type],
    transactionId: header.transactionID.toString('hex'),
    requester: requesterOf(peer),
    // Header and body: only the same message over again is a retransmission, anything else under its transactionID is refused.
    content,
    evidence: { ...evidenceOf(peer), ...(request.registration && { registration: request.registration }) },
    wanted: { publicKey, subject, extensions, ...(notAfter && { notAfter }), ...(pkcs10 && { pkcs10 }) },
    facts: { clientIp: context.clientIp, clientFamily: clientFamilyOf(context), keyType: publicKey.name, digest: digestName(exchange), cipher: '' },
    session: encodeSession(session),
  };
}

export function evidenceOf(peer: Peer): Evidence {
  if (peer.kind === 'mac')
    return {
      secret: {
        id: peer.secretId,
        reference: peer.reference,
        ...(peer.limits && { limits: peer.limits }),
        ...(peer.revokes !== undefined && { revokes: peer.revokes }),
      },
    };
  return { signer: { certificate: peer.certificate, others: peer.others } };
}

function digestName(exchange: VerifiedExchange): string {
  const { peer, header } = exchange;
  if (peer.kind === 'mac') return isGmac(peer.parameters.mac) ? peer.parameters.mac : `hmac-${peer.parameters.mac}`;
  return (header.protectionAlg && digestOf(header.protectionAlg)) ?? 'none';
}

export interface Answer {
  readonly reply: Reply;
  readonly delivered?: Delivery;
}

/** The answer to a request, or to the poll for it. */
export function toAnswer(outcome: Outcome, session: CmpSession, endpoint: CmpEndpoint, now: Date): Answer {
  const type = responseTypes[session.type];
  switch (outcome.kind) {
    case 'issued':
      return { reply: issuedReply(outcome, session, endpoint, now), delivered: { orderId: outcome.orderId, isConfirmed: session.implicitConfirm } };
    case 'pending':
      return { reply: { body: certRep(type, { certReqId: session.certReqId, status: { status: 'waiting' } }), senderNonce: session.nonce } };
    case 'refused':
      return { reply: { body: refusedBody(outcome.refusal.code, type, session.certReqId), senderNonce: session.nonce } };
  }
}

function refusedBody(code: RefusalCode, type: ResponseType, certReqId: number): PkiBody {
  return errors.has(code) ? errorBody(failInfoOf[code], refusals[code]) : rejectionBody(type, certReqId, failInfoOf[code], refusals[code]);
}

function certRep(type: ResponseType, response: CertResponse, caPubs?: readonly Buffer[]): PkiBody {
  return { type, content: { response: [response], ...(caPubs && { caPubs }) } };
}

type IssuedOutcome = Extract<Outcome, { kind: 'issued' }>;

/** The final answer says whether a confirmation is awaited (RFC 9483 section 4.1.1), and until when. */
function issuedReply(outcome: IssuedOutcome, session: CmpSession, endpoint: CmpEndpoint, now: Date): Reply {
  const { caPubs } = endpoint.profile.policy.cmp;
  const type = responseTypes[session.type];
  const status = { status: outcome.isModified ? ('grantedWithMods' as const) : ('accepted' as const) };
  const response = { certReqId: session.certReqId, status, certifiedKeyPair: certifiedKeyPair(outcome.certificate, session) };
  // RFC 9483 section 4.1.1: caPubs only in ip, only trust anchors that the deployment allows to be taken from it.
  const anchors = type === 'ip' && caPubs && endpoint.caChain.length > 0 ? endpoint.caChain.map((item) => item.der) : undefined;
  const more = session.implicitConfirm
    ? { generalInfo: [implicitConfirmItem] }
    : { messageTime: now, generalInfo: [confirmWaitTimeItem(new Date(session.confirmUntil ?? now))] };
  return { body: certRep(type, response, anchors), senderNonce: session.nonce, more, withChain: true };
}

/** What a confirmation came to: answered by pkiconf, or a fault. */
export const confirmationFault = {
  confirmed: undefined,
  rejected: undefined,
  already: undefined,
  closed: 'already-confirmed',
  unexpected: 'not-awaited',
} as const satisfies Record<Confirmation, SituationName | undefined>;
