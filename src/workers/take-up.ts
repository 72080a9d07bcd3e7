import type { DueKind, DueOrder } from '../enrolment/ports.js';
import type { EnrolmentDeps } from '../enrolment/service.js';
import type { SystemContext } from '../tenancy/context.js';
import type { Hands, Taken } from './hands.js';

/** Orders asked for at a time. */
const atOnce = 32;

export interface DueWork {
  readonly context: SystemContext;
  readonly kind: DueKind;
  readonly hands: Hands;
  work(order: DueOrder): Promise<Taken>;
}

/** Takes up what is due, oldest first, until there is no more or every connector has its hands full; waits for none of it. */
export async function takeUp({ context, kind, hands, work }: DueWork, { orders, issuers }: EnrolmentDeps, stopping?: AbortSignal): Promise<void> {
  while (stopping?.aborted !== true) {
    // Those in hand that have not begun are still due.
    const limit = atOnce + hands.count;
    const due = await orders.due(context, kind, limit, [...(issuers.held?.() ?? []), ...hands.closed()]);
    const taken = due.filter((order) => hands.take(order, () => work(order)));
    if (due.length < limit || taken.length === 0) return;
  }
}
