import { hash } from 'node:crypto';
import type { RefusalCode } from '../../enrolment/refusal.js';
import { certificateFingerprint, serialHex } from '../../pkix/index.js';
import { type BodyType, type FailInfo, isRequestType, type PkiBody, type PkiStatus, type PkiStatusInfo } from '../../protocol/cmp/index.js';
import { Cursor } from '../../protocol/der/index.js';
import type { Log } from '../../runtime/log.js';
import { boundPairs } from '../../runtime/metrics.js';
import { requests, secondsSince } from '../figures.js';
import type { Peer } from './authenticate.js';
import type { CmpContext, CmpReply, Exchange } from './exchange.js';
import type { SituationName } from './fault.js';
import type { OperationLabel } from './operation-label.js';

/** What becomes known of one message while it is answered; counted and logged once it is (row CMP-220). Holds no secret. */
export interface CmpTrace {
  exchange: Exchange | undefined;
  /** Undefined when its protection was not verified. */
  peer: Peer | undefined;
  reply: PkiBody | undefined;
  /** Why it was refused. */
  reason: RefusalCode | SituationName | undefined;
}

function newTrace(): CmpTrace {
  return { exchange: undefined, peer: undefined, reply: undefined, reason: undefined };
}

/** The status in the reply where it has one, else the type of its body. `declined`: an announcement, HTTP 400; `unavailable`: 503. */
type MessageStatus = PkiStatus | BodyType | 'declined' | 'unavailable';

const counts = boundPairs((operation: OperationLabel | 'any', type: BodyType | 'unknown') =>
  boundPairs((status: MessageStatus, failInfo: FailInfo | '') => requests({ protocol: 'cmp', operation, type, status, failInfo })),
);

/** Handles a message with a trace of its own, and tells of it when it is answered. */
export async function traced(context: CmpContext, log: Log, handle: (context: CmpContext) => Promise<CmpReply>): Promise<CmpReply> {
  const startedAt = performance.now();
  const trace = newTrace();
  const reply = await handle({ trace, ...context });
  tellMessage(trace, reply.status, context.label, startedAt, log);
  return reply;
}

/** Counts a message and tells of it in one line; what a device wrote stands in JSON strings only, which hold no line breaks. */
function tellMessage(trace: CmpTrace, httpStatus: CmpReply['status'], label: OperationLabel | undefined, startedAt: number, log: Log): void {
  const { exchange, reply } = trace;
  const type = exchange?.message?.bodyType ?? 'unknown';
  const { status, failInfo } = outcomeOf(reply, httpStatus);
  counts(label ?? 'any', type)(status, failInfo).add();
  if (exchange === undefined || !log.isLevelEnabled('info')) return;
  log.info({ type, status, ...factsOf(exchange, trace), ...(failInfo !== '' && { failInfo }), ms: milliseconds(startedAt) }, 'CMP message');
}

function milliseconds(startedAt: number): number {
  return Math.round(secondsSince(startedAt) * 1_000_000) / 1000;
}

function outcomeOf(reply: PkiBody | undefined, httpStatus: CmpReply['status']): { readonly status: MessageStatus; readonly failInfo: FailInfo | '' } {
  if (httpStatus !== 200 || reply === undefined) return { status: httpStatus === 400 ? 'declined' : 'unavailable', failInfo: '' };
  const info = statusOf(reply);
  return info === undefined ? { status: reply.type, failInfo: '' } : { status: info.status, failInfo: info.failInfo?.[0] ?? '' };
}

function statusOf(reply: PkiBody): PkiStatusInfo | undefined {
  switch (reply.type) {
    case 'error':
      return reply.content.pKIStatusInfo;
    case 'ip':
    case 'cp':
    case 'kup':
    case 'ccp':
      return reply.content.response[0]?.status;
    case 'rp':
      return reply.content.status[0];
    default:
      return undefined;
  }
}

function factsOf(exchange: Exchange, { peer, reply, reason }: CmpTrace) {
  const { endpoint, message, context } = exchange;
  const { sender, senderKID, transactionID } = message?.header ?? {};
  return {
    tenantId: endpoint.profile.tenantId,
    profileId: endpoint.profile.id,
    transactionId: transactionID?.toString('hex'),
    sender: sender?.text,
    senderKID: senderKID?.toString('hex'),
    signer: peer?.kind === 'signature' ? certificateFingerprint(peer.certificate.der).toString('hex') : undefined,
    reference: peer?.kind === 'mac' ? peer.reference : undefined,
    // What was asked for: the CSR or the templates.
    request: message !== undefined && isRequestType(message.bodyType) ? hash('sha256', message.bodyDer, 'hex') : undefined,
    serial: reply === undefined ? undefined : issuedSerial(reply),
    reason,
    clientIp: context.clientIp,
  };
}

/** TBSCertificate ::= SEQUENCE { version [0] EXPLICIT, serialNumber INTEGER, ... } of a certificate of ours. */
function issuedSerial(reply: PkiBody): string | undefined {
  const [response] = reply.type === 'ip' || reply.type === 'cp' || reply.type === 'kup' ? reply.content.response : [];
  const certificate = response?.certifiedKeyPair?.certificate;
  if (certificate === undefined) return undefined;
  const fields = new Cursor(certificate).sequence().sequence();
  fields.explicit(0);
  return serialHex(fields.integer());
}
