import type { StoredTransaction } from '../../enrolment/ports.js';
import type { TransactionQuery } from '../../enrolment/service.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { requesterOf } from './authenticate.js';
import type { VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import { type CmpSession, decodeSession, type NonceState } from './session.js';

/** The transaction that a certConf or pollReq continues. */
export interface RunningTransaction {
  readonly stored: StoredTransaction;
  readonly session: CmpSession;
  readonly query: TransactionQuery;
}

/**
 * Finds the transaction if the same credential began it (RFC 9483 section 3.2); another one learns no more than
 * the kind of its protection, and leaves it untouched (rows CMP-059, CMP-202).
 */
export async function findRunning(exchange: VerifiedExchange): Promise<Result<RunningTransaction, Fault>> {
  const { endpoint, header, peer, deps } = exchange;
  const query: TransactionQuery = { protocol: 'cmp', transactionId: header.transactionID.toString('hex'), requester: requesterOf(peer) };
  const stored = await deps.enrolment.findTransaction(endpoint.profile, query);
  if (stored !== undefined) return ok({ stored, session: decodeSession(stored.session), query });
  const begun = await deps.enrolment.findSession(endpoint.profile, query.transactionId);
  if (begun === undefined) return fail(fault('not-awaited', 'unknown transaction'));
  // RFC 9483 section 3.2: one kind of protection for all messages of a transaction, and then the same credential.
  if (begun.protection !== peer.kind) return fail(fault('protection-kind', `the transaction was begun with ${begun.protection}`));
  return fail(fault('other-credential', 'the transaction was begun with another credential'));
}

/** RFC 9483 section 3.5: a new senderNonce, and our last one as recipNonce. */
export function checkNonces(exchange: VerifiedExchange, session: NonceState): Result<true, Fault> {
  const { senderNonce, recipNonce } = exchange.header;
  if (senderNonce.equals(session.requestNonce) || session.pollNonce?.equals(senderNonce) === true) return fail(fault('sender-nonce', 'reused'));
  return recipNonce?.equals(session.nonce) === true ? ok(true) : fail(fault('recip-nonce'));
}
