import type { Session } from '../../enrolment/order.js';
import type { Pending } from '../../enrolment/outcome.js';
import type { PollRep } from '../../protocol/cmp/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import { freshNonce } from './reply.js';
import { type CmpSession, decodeSession, encodePoll, type NonceState } from './session.js';
import { checkNonces, type RunningTransaction } from './transaction.js';

/** A device that keeps to checkAfter for a week polls about 2,100 times. */
export const maxPolls = 10_000;
const checkAfter = { min: 1, max: 86_400 };

/** The last pollReq over again, because its answer was lost. */
export function isRetransmission(exchange: VerifiedExchange, session: NonceState): boolean {
  const { senderNonce, recipNonce } = exchange.header;
  if (session.pollNonce === undefined || session.previousNonce === undefined) return false;
  return senderNonce.equals(session.pollNonce) && recipNonce?.equals(session.previousNonce) === true;
}

export interface PollKind {
  /** The last one over again. */
  readonly isRepeated: boolean;
  readonly fault?: Fault;
}

export function pollKind(exchange: VerifiedExchange, session: NonceState): PollKind {
  if (isRetransmission(exchange, session)) return { isRepeated: true };
  const nonces = checkNonces(exchange, session);
  return nonces.ok ? { isRepeated: false } : { isRepeated: false, fault: nonces.error };
}

/** The session after this poll. */
export function nextPoll<S extends NonceState>({ header, nonceSuffix }: VerifiedExchange, session: S): S {
  return { ...session, nonce: freshNonce(nonceSuffix), previousNonce: session.nonce, pollNonce: header.senderNonce, polls: session.polls + 1 };
}

/** That the conversation stands where this poll found it: the condition for moving it on. */
export function standing({ nonce }: NonceState): Session {
  return { nonce: nonce.toString('hex') };
}

/**
 * Records the nonces of this poll: whatever follows must repeat the new one. Where another node has just answered a copy of it, its nonce is
 * ours too; where it has answered another poll, this one comes too late.
 */
export async function moveOn(exchange: VerifiedExchange, running: RunningTransaction): Promise<Result<CmpSession, Fault>> {
  const { endpoint, deps } = exchange;
  const { session, query } = running;
  const next = nextPoll(exchange, session);
  if (await deps.enrolment.updateSession(endpoint.profile, query, encodePoll(next), standing(session))) return ok(next);
  const stored = await deps.enrolment.findTransaction(endpoint.profile, query);
  const moved = stored && decodeSession(stored.session);
  return moved !== undefined && isRetransmission(exchange, moved) ? ok(moved) : fail(fault('recip-nonce'));
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
