import type { StoredTransaction } from '../../enrolment/ports.js';
import type { TransactionQuery } from '../../enrolment/service.js';
import { requesterOf } from './authenticate.js';
import type { VerifiedExchange } from './exchange.js';
import { type CmpSession, decodeSession } from './session.js';

/**
 * A message that asks for several certificates becomes as many orders. The first stands under the transactionID and keeps the nonces of
 * the transaction and the certReqIds of the others; those stand under the transactionID with their certReqId behind a point.
 */
export interface Member {
  readonly certReqId: number;
  readonly query: TransactionQuery;
}

export function firstMember(exchange: VerifiedExchange, certReqId: number): Member {
  return { certReqId, query: { protocol: 'cmp', transactionId: exchange.header.transactionID.toString('hex'), requester: requesterOf(exchange.peer) } };
}

export function furtherMember({ query }: Member, certReqId: number): Member {
  return { certReqId, query: { ...query, transactionId: `${query.transactionId}.${certReqId}` } };
}

/** All of a transaction, the first one first. */
export function membersOf(exchange: VerifiedExchange, session: CmpSession): readonly Member[] {
  const first = firstMember(exchange, session.certReqId);
  return [first, ...(session.furtherIds ?? []).map((certReqId) => furtherMember(first, certReqId))];
}

export interface FoundMember extends Member {
  readonly stored: StoredTransaction;
  readonly session: CmpSession;
}

/** Those that became orders. */
export async function findMembers(exchange: VerifiedExchange, members: readonly Member[]): Promise<readonly FoundMember[]> {
  const { endpoint, deps } = exchange;
  const found = await Promise.all(members.map(({ query }) => deps.enrolment.findTransaction(endpoint.profile, query)));
  return members.flatMap((member, index) => {
    const stored = found[index];
    return stored === undefined ? [] : [{ ...member, stored, session: decodeSession(stored.session) }];
  });
}
