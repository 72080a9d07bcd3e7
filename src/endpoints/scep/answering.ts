import type { Outcome } from '../../enrolment/outcome.js';
import { type RefusalCode, type RefusalReason, refusals } from '../../enrolment/refusal.js';
import type { EnrolmentService } from '../../enrolment/service.js';
import {
  type CertRepBody,
  encodeCertRep,
  isSelfSigned,
  type PkiStatus,
  type ReplyHeader,
  type ReplyRecipient,
  type ScepFailInfo,
  type ScepFault,
  scepFaults,
} from '../../protocol/scep/index.js';
import { randomOctets } from '../../runtime/random.js';
import type { ScepEndpoint } from '../../tenancy/directory.js';
import type { ClientFamily, WireMarks } from './client-family.js';
import { failInfoOf, reasonOf } from './fail-info.js';
import type { ScepSigner } from './ra-keys.js';
import type { ScepTrace } from './trace.js';

/** How a message came. */
export interface ScepCaller extends Omit<WireMarks, 'transactionId'> {
  readonly clientIp: string;
}

/** `orderId`: the order whose certificate the message carries, so that its delivery can be noted. */
export type ScepReply =
  | { readonly kind: 'certRep'; readonly message: Buffer; readonly status: PkiStatus; readonly orderId?: string }
  /** No transactionID could be read: there is nothing to put in a CertRep. */
  | { readonly kind: 'unreadable' }
  /** Nothing was recorded; the client should come again. */
  | { readonly kind: 'unavailable' };

/** One message being answered. */
export interface Exchange {
  readonly endpoint: ScepEndpoint;
  readonly caller: ScepCaller;
  readonly family: ClientFamily;
  readonly enrolment: EnrolmentService;
  readonly trace: ScepTrace;
  readonly header: ReplyHeader;
  /** Signs the answer: the key the request was encrypted for or its partner, else the first. */
  readonly raKey: ScepSigner;
}

/** What the core decided, as a CertRep; `unavailable` where the client should come again. */
export function answer(exchange: Exchange, recipient: ReplyRecipient | undefined, outcome: Outcome): ScepReply {
  switch (outcome.kind) {
    case 'issued': {
      // Only a CertPoll comes this far without a recipient: the certificate waits until the request itself is sent again.
      if (recipient === undefined) return failure(exchange, failInfoOf['key-undeliverable'], refusals['key-undeliverable']);
      return certRep(exchange, { status: 'SUCCESS', certificates: certificatesToSend(exchange.endpoint, outcome.certificate), recipient }, outcome.orderId);
    }
    case 'pending':
      return certRep(exchange, { status: 'PENDING' });
    case 'refused': {
      const { code } = outcome.refusal;
      exchange.trace.reason = code;
      if (code === 'unavailable') return { kind: 'unavailable' };
      return failure(exchange, failInfoOf[code], refusals[code]);
    }
  }
}

/** By default only the issued certificate: Apple pairs the first certificate it finds with its key, and Juniper wants no other. */
function certificatesToSend({ profile, caChain }: ScepEndpoint, issued: Buffer): readonly Buffer[] {
  const { chainInReply, includeRoot } = profile.policy.scep;
  if (!chainInReply) return [issued];
  const authorities = caChain.filter((authority, index) => index === 0 || includeRoot || !isSelfSigned(authority));
  return [issued, ...authorities.map((authority) => authority.der)];
}

/** Signs a CertRep (RFC 8894 §3.3.2) with a fresh senderNonce of 16 octets. */
export function certRep(exchange: Exchange, body: CertRepBody, orderId?: string): ScepReply {
  const senderNonce = randomOctets(16);
  const message = encodeCertRep(exchange.header, senderNonce, body, exchange.raKey);
  return { kind: 'certRep', message, status: body.status, ...(orderId === undefined ? {} : { orderId }) };
}

function failure(exchange: Exchange, failInfo: ScepFailInfo, text: string): ScepReply {
  const isTextSent = exchange.endpoint.profile.policy.scep.failInfoText;
  exchange.trace.failInfo = failInfo;
  return certRep(exchange, { status: 'FAILURE', failInfo, ...(isTextSent ? { failInfoText: text } : {}) });
}

/** Refuses before the core; `says` is the text for the device. */
export function refuse(exchange: Exchange, fault: ScepFault, says: string = scepFaults[fault.code].says): ScepReply {
  note(exchange, reasonOf[fault.code], fault.detail);
  return failure(exchange, scepFaults[fault.code].failInfo, says);
}

/** As `refuse`, for a reason of the core's. */
export function refuseAs(exchange: Exchange, code: RefusalCode, reason: RefusalReason, detail: string): ScepReply {
  note(exchange, reason, detail);
  return failure(exchange, failInfoOf[code], refusals[code]);
}

/** Told to the device as any envelope that cannot be decrypted; the reason is for the operator alone. */
export function refuseOpaquely(exchange: Exchange, detail: string): ScepReply {
  note(exchange, 'bad-proof-of-possession', detail);
  return failure(exchange, scepFaults.undecryptable.failInfo, scepFaults.undecryptable.says);
}

/** For the list of refusals. */
export function note(exchange: Pick<Exchange, 'endpoint' | 'caller' | 'family' | 'enrolment' | 'trace'>, reason: RefusalReason, detail: string): void {
  const { endpoint, caller, family, enrolment, trace } = exchange;
  trace.reason = reason;
  const { tenantId, id } = endpoint.profile;
  enrolment.noteRefusal({ reason, tenantId, profileId: id, source: caller.clientIp, clientFamily: family, detail });
}
