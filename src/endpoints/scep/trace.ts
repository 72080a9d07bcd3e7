import { hash } from 'node:crypto';
import type { RefusalCode, RefusalReason } from '../../enrolment/refusal.js';
import { certificateFingerprint } from '../../pkix/index.js';
import { type PkiStatus, type RequestType, type ScepFailInfo, type ScepRequest, transactionIdText } from '../../protocol/scep/index.js';
import type { Log } from '../../runtime/log.js';
import { boundPairs } from '../../runtime/metrics.js';
import type { ScepEndpoint } from '../../tenancy/directory.js';
import { requests, secondsSince } from '../figures.js';
import type { ScepOperation } from './query.js';

/** What becomes known of one message while it is answered; counted and logged once it is (row SCEP-159). Holds no challenge. */
export interface ScepTrace {
  /** Octets of the transactionID. */
  transactionId: Buffer | undefined;
  request: ScepRequest | undefined;
  /** DER. */
  csr: Buffer | undefined;
  failInfo: ScepFailInfo | undefined;
  /** Why it was refused. */
  reason: RefusalCode | RefusalReason | undefined;
}

export function newTrace(): ScepTrace {
  return { transactionId: undefined, request: undefined, csr: undefined, failInfo: undefined, reason: undefined };
}

/** `unreadable`: HTTP 400; `unavailable`: 503; `failed`: 500. */
export type MessageStatus = PkiStatus | 'unreadable' | 'unavailable' | 'failed';

const none = '';
const messages = boundPairs((type: RequestType | 'unknown', outcome: MessageStatus | ScepFailInfo) => {
  const isFailInfo = outcome.startsWith('bad');
  const [status, failInfo] = isFailInfo ? ['FAILURE', outcome] : [outcome, none];
  return requests({ protocol: 'scep', operation: 'PKIOperation', type, status, failInfo });
});

const others = boundPairs((operation: ScepOperation | 'unknown', status: 'ok' | 'refused') =>
  requests({ protocol: 'scep', operation, type: none, status, failInfo: none }),
);

/** An operation that carries no message. */
export function countOperation(operation: ScepOperation | 'unknown', httpStatus: number): void {
  others(operation, httpStatus < 400 ? 'ok' : 'refused').add();
}

interface Answered {
  readonly endpoint: ScepEndpoint;
  readonly clientIp: string;
  /** `performance.now()` when the message came. */
  readonly startedAt: number;
  readonly log: Log;
}

/** Counts a message and tells of it in one line. */
export function tellMessage(trace: ScepTrace, status: MessageStatus, answered: Answered): void {
  const type = trace.request?.type ?? 'unknown';
  messages(type, trace.failInfo ?? status).add();
  if (!answered.log.isLevelEnabled('info')) return;
  const { endpoint, clientIp, startedAt, log } = answered;
  const { request, csr, failInfo, reason, transactionId } = trace;
  const line = {
    tenantId: endpoint.profile.tenantId,
    profileId: endpoint.profile.id,
    transactionId: transactionId === undefined ? undefined : transactionIdText(transactionId),
    messageType: request?.type ?? request?.messageType ?? 'unknown',
    signer: request === undefined ? undefined : certificateFingerprint(request.signer.der).toString('hex'),
    csr: csr === undefined ? undefined : hash('sha256', csr, 'hex'),
    status,
    failInfo,
    reason,
    ms: Math.round(secondsSince(startedAt) * 1_000_000) / 1000,
    clientIp,
  };
  log.info(line, 'SCEP message');
}
