import { approveOrder, type Decided } from '../../enrolment/approve.js';
import { approveWithOthers, type FourEyesFault, needsFourEyes } from '../../enrolment/four-eyes.js';
import type { Order } from '../../enrolment/order.js';
import { ok } from '../../runtime/result.js';
import { tenantContext } from '../../tenancy/context.js';
import type { AdminParts } from '../ports.js';
import { Problem } from '../problem.js';

const refusals: Readonly<Record<FourEyesFault, string>> = {
  again: 'You approved this order already; it needs somebody else.',
  editor: 'You had a hand in this profile; its orders are approved by others.',
  'not-a-person': 'Orders of this profile are approved by users who are signed in: a token may be anybody.',
};

/** Lets a waiting order go, or notes one of the approvals it needs. A removed profile asks for no more than one. */
export async function approve(deps: AdminParts, order: Order, actor: string, reason: string): Promise<Decided> {
  const context = tenantContext(order.tenantId, actor);
  const { approvals } = deps;
  const policy = (await deps.profiles.find(context, order.protocol, order.profileId))?.policy.approval;
  const letGo = () => approveOrder(order, actor, reason, deps.orders);
  if (policy === undefined || approvals === undefined || !needsFourEyes(policy)) return letGo();
  const result = await approveWithOthers(order, context, reason, policy, approvals, letGo);
  if (result === 'noted') return ok(true);
  if (typeof result === 'string') throw new Problem('needs-others', { detail: refusals[result], members: { reason: result } });
  return result;
}
