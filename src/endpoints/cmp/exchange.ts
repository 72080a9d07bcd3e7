import type { RevocationPassphrases } from '../../enrolment/revocation-passphrase.js';
import type { EnrolmentService } from '../../enrolment/service.js';
import type { BodyType, CertResponse, FailInfo, InfoTypeAndValue, MacKeys, PkiBody, PkiMessage, PkiStatus, ResponseType } from '../../protocol/cmp/index.js';
import type { Clock } from '../../runtime/clock.js';
import type { Log } from '../../runtime/log.js';
import type { CmpEndpoint } from '../../tenancy/directory.js';
import type { CmpProfile } from '../../tenancy/profile.js';
import type { Peer } from './authenticate.js';
import type { CheckedHeader } from './check-header.js';
import { type ClientTraits, clientFamilyOf } from './client-family.js';
import type { Delaying } from './delaying.js';
import { type Fault, situations } from './fault.js';
import type { CipherTextMemory } from './kem-answers.js';
import type { LockOut } from './lock-out.js';
import type { OperationLabel } from './operation-label.js';
import type { ChooseProfile } from './profile-choice.js';
import { buildReply, type Reply } from './reply.js';
import type { SignerMemory } from './signer-memory.js';
import type { CmpTrace } from './trace.js';

export interface CmpDeps {
  readonly enrolment: EnrolmentService;
  readonly clock: Clock;
  readonly log: Log;
  readonly macKeys: MacKeys;
  readonly signers: SignerMemory;
  /** Where absent, nobody looks for cipher texts that come twice. */
  readonly cipherTexts?: CipherTextMemory;
  /** Where absent, guesses are not counted. */
  readonly lockOut?: LockOut;
  /** Where absent, none are kept. */
  readonly passphrases?: RevocationPassphrases;
  /** Where absent, every answer is waited for. */
  readonly delaying?: Delaying;
}

/** What the transport knows of a message. */
export interface CmpContext extends ClientTraits {
  readonly clientIp: string;
  readonly label?: OperationLabel;
  /** It came by TLS. */
  readonly isSecure?: boolean;
  /** Set where the path names no profile. */
  readonly chooseProfile?: ChooseProfile;
  /** How many nested messages this one is in. */
  readonly depth?: number;
  /** Another message of the same batch has this transactionID. */
  readonly isDuplicate?: boolean;
  /** Filled with what becomes known of the message. */
  readonly trace?: CmpTrace;
}

/** `delivered`: to be noted with the core once the reply has gone out. */
export type CmpReply =
  | { readonly status: 200; readonly bytes: Buffer; readonly delivered?: readonly Delivered[] }
  /** An announcement, which has no answer. */
  | { readonly status: 400 }
  /** Nothing could be answered in a way the device could verify. */
  | { readonly status: 503; readonly retryAfterSeconds: number };

export interface Delivered extends Delivery {
  readonly profile: CmpProfile;
}

export interface Delivery {
  readonly orderId: string;
  /** No confirmation will follow. */
  readonly isConfirmed: boolean;
}

/** One message under way. */
export interface Exchange {
  readonly endpoint: CmpEndpoint;
  readonly nonceSuffix: string;
  readonly message: PkiMessage | undefined;
  readonly context: CmpContext;
  readonly deps: CmpDeps;
  readonly now: Date;
  /** What was taken from the header of the message, and is acknowledged in that of the answer. */
  readonly acknowledged?: InfoTypeAndValue;
}

/** One message whose header and protection were verified. */
export interface VerifiedExchange extends Exchange {
  readonly message: PkiMessage;
  readonly header: CheckedHeader;
  readonly peer: Peer;
}

export function send(exchange: Exchange, peer: Peer | undefined, reply: Reply, delivered?: Delivery): CmpReply {
  const { trace } = exchange.context;
  if (trace !== undefined) {
    trace.exchange = exchange;
    trace.peer = peer;
    trace.reply = reply.body;
  }
  const bytes = buildReply(exchange.endpoint, exchange.message?.header, peer, acknowledging(exchange, reply));
  return { status: 200, bytes, ...(delivered && { delivered: [{ profile: exchange.endpoint.profile, ...delivered }] }) };
}

function acknowledging({ acknowledged }: Exchange, reply: Reply): Reply {
  if (acknowledged === undefined) return reply;
  return { ...reply, more: { ...reply.more, generalInfo: [...(reply.more?.generalInfo ?? []), acknowledged] } };
}

/** As `send`, for a reply that delivers several certificates. */
export function sendAll(exchange: Exchange, peer: Peer | undefined, reply: Reply, deliveries: readonly Delivery[]): CmpReply {
  const { profile } = exchange.endpoint;
  const sent = send(exchange, peer, reply);
  return sent.status === 200 ? { ...sent, delivered: deliveries.map((delivery) => ({ profile, ...delivery })) } : sent;
}

/** Faults of header, protection and what follows a request are `error` messages (RFC 9483 section 3.6.2). */
export function refuse(exchange: Exchange, peer: Peer | undefined, found: Fault): CmpReply {
  note(exchange, found);
  const { failInfo, says } = situations[found.situation];
  return send(exchange, peer, { body: errorBody(failInfo, says) });
}

/** Faults in what a request asks for are rejections in ip, cp or kup (RFC 9483 section 3.6.2). */
export function reject(exchange: VerifiedExchange, type: ResponseType, certReqId: number, found: Fault): CmpReply {
  note(exchange, found);
  const { failInfo, says } = situations[found.situation];
  return send(exchange, exchange.peer, { body: rejectionBody(type, certReqId, failInfo, says) });
}

export function errorBody(failInfo: FailInfo, text: string): PkiBody {
  return { type: 'error', content: { pKIStatusInfo: negative('rejection', failInfo, text) } };
}

export function rejectionBody(type: ResponseType, certReqId: number, failInfo: FailInfo, text: string): PkiBody {
  return { type, content: { response: [rejectionOf(certReqId, failInfo, text)] } };
}

export function rejectionOf(certReqId: number, failInfo: FailInfo, text: string): CertResponse {
  return { certReqId, status: negative('rejection', failInfo, text) };
}

function negative(status: PkiStatus, failInfo: FailInfo, text: string) {
  return { status, statusString: [text], failInfo: [failInfo] };
}

export function note(exchange: Exchange, found: Fault): void {
  const { endpoint, context, deps, message } = exchange;
  const { tenantId, id } = endpoint.profile;
  const { reason, says } = situations[found.situation];
  if (context.trace !== undefined) context.trace.reason = found.situation;
  const what: BodyType | 'message' = message?.bodyType ?? 'message';
  const detail = `${what}: ${says}${found.detail === '' ? '' : ` (${found.detail})`}`;
  deps.enrolment.noteRefusal({ reason, tenantId, profileId: id, source: context.clientIp, clientFamily: clientFamilyOf(context), detail });
}
