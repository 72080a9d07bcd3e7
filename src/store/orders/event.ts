import type { OrderState } from '../../enrolment/order.js';
import type { Context } from '../../tenancy/context.js';
import type { AuditEntry } from '../audit.js';

const failures: readonly OrderState[] = ['REJECTED', 'FAILED', 'EXPIRED', 'STUCK'];

/** The audit row of an order that entered `state`; the order's timeline is read from these. */
export function stateEvent(context: Context & { tenantId: string }, orderId: string, state: OrderState, reason?: string, more: object = {}): AuditEntry {
  return {
    tenantId: context.tenantId,
    actor: context.actor,
    action: `order.${state.toLowerCase().replaceAll('_', '-')}`,
    object: `order:${orderId}`,
    outcome: failures.includes(state) ? 'failure' : 'success',
    details: reason === undefined ? { state, ...more } : { state, reason, ...more },
  };
}
