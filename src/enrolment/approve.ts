import { fail, ok, type Result } from '../runtime/result.js';
import { type TenantContext, tenantContext } from '../tenancy/context.js';
import { type Order, type OrderState, refusedStates } from './order.js';

/** What an administrator's decision needs of the store; each is one transaction with its audit event, in the name of the context's actor. */
export interface OrderDecisions {
  /** Moves the order if it is in one of `from`; false when it is not. `crlReason`: CRLReason number (RFC 5280 section 5.3.1). */
  move(context: TenantContext, orderId: string, from: readonly OrderState[], to: OrderState, reason: string, crlReason?: number): Promise<boolean>;
  /** Wants a certificate on hold released (`removeFromCrl`) or revoked for good; false when it is not on hold, or under way. */
  changeHeld(context: TenantContext, orderId: string, certificateId: string, reason: string, crlReason: number): Promise<boolean>;
  /** A failed or rejected order has been seen to; false when there is none to acknowledge. */
  acknowledge(context: TenantContext, orderId: string): Promise<boolean>;
}

/** The order is not, or no longer, in one of these states. */
export interface WrongState {
  readonly expected: readonly OrderState[];
}

export type Decided = Result<true, WrongState>;

/** Lets a waiting order go to its CA: the next run of the issuing job takes it, and the device learns the rest when it polls. */
export function approveOrder(order: Order, actor: string, note: string, orders: OrderDecisions): Promise<Decided> {
  return decide(order, actor, ['AWAITING_APPROVAL'], (context, from) => orders.move(context, order.id, from, 'ACCEPTED', note));
}

/** Ends a waiting order. The reason is for operators; the device learns at its next poll that it was rejected (RFC 8894 section 2.5.1). */
export function denyOrder(order: Order, actor: string, reason: string, orders: OrderDecisions): Promise<Decided> {
  return decide(order, actor, ['AWAITING_APPROVAL'], (context, from) => orders.move(context, order.id, from, 'REJECTED', reason));
}

/** Takes a failed order from the card of those that nobody has looked at yet. */
export function acknowledgeOrder(order: Order, actor: string, orders: OrderDecisions): Promise<Decided> {
  return decide(order, actor, refusedStates, (context) => orders.acknowledge(context, order.id));
}

/** Wants the certificate of an order revoked; the revocation job carries it to the CA and closes the order. */
export function revokeIssued(order: Order, actor: string, reason: string, crlReason: number, orders: OrderDecisions): Promise<Decided> {
  const revocable = ['ISSUED', 'DELIVERED', 'CONFIRMED'] as const;
  return decide(order, actor, revocable, (context, from) => orders.move(context, order.id, from, 'REVOKE_WANTED', reason, crlReason));
}

async function decide(
  order: Order,
  actor: string,
  expected: readonly OrderState[],
  write: (context: TenantContext, from: readonly OrderState[]) => Promise<boolean>,
): Promise<Decided> {
  return (await write(tenantContext(order.tenantId, actor), expected)) ? ok(true) : fail({ expected });
}
