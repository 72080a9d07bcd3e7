import type { TenantContext } from '../tenancy/context.js';
import type { Policy } from '../tenancy/policy.js';
import type { Decided } from './approve.js';
import type { Order } from './order.js';

/** One who let an order pass. */
export interface Approval {
  /** `user:<id>` */
  readonly actor: string;
  readonly reason: string;
  readonly at: Date;
}

/**
 * `noted`: one of several approvals, the order waits for the others. `again`: the same person twice. `editor`: had a hand in the profile.
 * `absent`: the order does not wait for approval, or not any more.
 */
export type NotedApproval = 'enough' | 'noted' | 'again' | 'editor' | 'absent';

/** Approvals of orders that one person alone must not let pass. */
export interface ApprovalStore {
  /** Notes the approval of the context's actor, with its audit event, under a lock of the order. */
  note(context: TenantContext, orderId: string, reason: string, rule: { readonly approvers: number; readonly notEditors: boolean }): Promise<NotedApproval>;
  list(context: TenantContext, orderId: string): Promise<readonly Approval[]>;
}

/** `not-a-person`: a token may be anybody's, also the same person's again. */
export type FourEyesFault = 'again' | 'editor' | 'not-a-person';

type Approvals = Policy['approval'];

/** True when one person alone must not let orders of this policy pass. */
export function needsFourEyes({ approvers, notEditors }: Approvals): boolean {
  return approvers > 1 || notEditors;
}

/** Notes one approval, and lets the order go when it was the last it needed; `approve` does that. */
export async function approveWithOthers(
  order: Order,
  context: TenantContext,
  reason: string,
  policy: Approvals,
  approvals: ApprovalStore,
  approve: () => Promise<Decided>,
): Promise<Decided | FourEyesFault | 'noted'> {
  if (!context.actor.startsWith('user:')) return 'not-a-person';
  const noted = await approvals.note(context, order.id, reason, policy);
  // An order that is not waiting is refused by `approve` itself, in the words it has for that.
  return noted === 'enough' || noted === 'absent' ? approve() : noted;
}
