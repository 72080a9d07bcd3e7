import type { OrderState } from '../../enrolment/order.js';
import type { Pending } from '../../enrolment/outcome.js';
import type { PollRep } from '../../protocol/cmp/index.js';
import { namedTime } from './confirmation-time.js';
import { type CmpReply, refuse, send, type VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import { pollRevocation } from './poll-revocation.js';
import { pollSeveral } from './poll-several.js';
import { freshNonce } from './reply.js';
import { type CmpSession, encodePoll } from './session.js';
import { checkNonces, findRunning, type RunningTransaction } from './transaction.js';
import { toAnswer } from './translate.js';

/** A device that keeps to checkAfter for a week polls about 2,100 times. */
export const maxPolls = 10_000;
const checkAfter = { min: 1, max: 86_400 };
const closed: ReadonlySet<OrderState> = new Set(['CONFIRMED', 'REVOKE_WANTED', 'REVOKED']);

/** pollReq (RFC 9483 section 4.4): pollRep while the order waits, then the answer to the request itself. */
export async function pollCertificate(exchange: VerifiedExchange, certReqIds: readonly number[]): Promise<CmpReply> {
  const { endpoint, peer, deps, now } = exchange;
  const running = await findRunning(exchange);
  if (!running.ok) return refuse(exchange, peer, running.error);
  if (running.value.stored.session.type === 'rr') return pollRevocation(exchange, running.value, certReqIds);
  if (running.value.session.furtherIds !== undefined) return pollSeveral(exchange, running.value, certReqIds);
  const { stored, query } = running.value;
  const [certReqId, ...further] = certReqIds;
  if (certReqId === undefined || further.length > 0 || !isAwaited(certReqId, running.value.session)) return refuse(exchange, peer, fault('cert-req-id'));
  const isRepeated = isRetransmission(exchange, running.value.session);
  const nonces = checkNonces(exchange, running.value.session);
  if (!isRepeated && !nonces.ok) return refuse(exchange, peer, nonces.error);
  if (!isRepeated && closed.has(stored.order.state)) return refuse(exchange, peer, fault('not-awaited', stored.order.state));
  if (running.value.session.polls >= maxPolls) return refuse(exchange, peer, fault('polled-too-often'));
  const session = isRepeated ? running.value.session : await moveOn(exchange, running.value);
  const outcome = await deps.enrolment.poll(endpoint.profile, query);
  if (outcome.kind === 'pending')
    return send(exchange, peer, { body: { type: 'pollRep', entries: [pollRep(certReqId, outcome)] }, senderNonce: session.nonce });
  const isUnconfirmed = outcome.kind === 'issued' && !session.implicitConfirm;
  const named = isUnconfirmed ? { ...(await namedTime(exchange, query, outcome)), nonce: session.nonce } : session;
  const answer = toAnswer(outcome, named, endpoint, now);
  return send(exchange, peer, answer.reply, answer.delivered);
}

/** 0, the only request there is; for p10cr -1, though clients poll by 0 as well (row CMP-148). */
function isAwaited(certReqId: number, session: CmpSession): boolean {
  return certReqId === 0 || certReqId === session.certReqId;
}

/** The last pollReq over again, because its answer was lost. */
export function isRetransmission(exchange: VerifiedExchange, session: CmpSession): boolean {
  const { senderNonce, recipNonce } = exchange.header;
  if (session.pollNonce === undefined || session.previousNonce === undefined) return false;
  return senderNonce.equals(session.pollNonce) && recipNonce?.equals(session.previousNonce) === true;
}

export interface PollKind {
  /** The last one over again. */
  readonly isRepeated: boolean;
  readonly fault?: Fault;
}

export function pollKind(exchange: VerifiedExchange, session: CmpSession): PollKind {
  if (isRetransmission(exchange, session)) return { isRepeated: true };
  const nonces = checkNonces(exchange, session);
  return nonces.ok ? { isRepeated: false } : { isRepeated: false, fault: nonces.error };
}

/** Records the nonces of this poll: whatever follows must repeat the new one. */
export async function moveOn(exchange: VerifiedExchange, running: RunningTransaction): Promise<CmpSession> {
  const { endpoint, header, deps, nonceSuffix } = exchange;
  const { session, query } = running;
  const next: CmpSession = {
    ...session,
    nonce: freshNonce(nonceSuffix),
    previousNonce: session.nonce,
    pollNonce: header.senderNonce,
    polls: session.polls + 1,
  };
  await deps.enrolment.updateSession(endpoint.profile, query, encodePoll(next));
  return next;
}

const reasons = {
  approval: 'The request waits for the approval of an administrator.',
  issuance: 'The certification authority is working on the request.',
} as const;

/** What is awaited of whom, and when to ask again (RFC 9810 section 5.3.22). */
export function pollRep(certReqId: number, { checkAfterSeconds, waitsFor }: Pick<Pending, 'checkAfterSeconds' | 'waitsFor'>): PollRep {
  const seconds = Math.min(checkAfter.max, Math.max(checkAfter.min, Math.ceil(checkAfterSeconds)));
  return { certReqId, checkAfter: seconds, ...(waitsFor && { reason: [reasons[waitsFor]] }) };
}

export function waiting(certReqId: number, seconds: number, session: CmpSession) {
  const entry = pollRep(certReqId, { checkAfterSeconds: seconds });
  return { body: { type: 'pollRep' as const, entries: [entry] }, senderNonce: session.nonce };
}
