import type { NewOrder } from '../../enrolment/ports.js';

/** Who asked for what, in the audit row of an order's first state; the tenant has a column of its own. `request`: the digest that tells a retransmission. */
export function originOf({ facts, profileId, transactionId, session, operation, contentHash }: NewOrder) {
  return { clientIp: facts.clientIp, profileId, transactionId, requester: String(session.requester), operation, request: contentHash.toString('hex') };
}
