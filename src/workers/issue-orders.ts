import type { EnrolmentDeps } from '../enrolment/service.js';
import { issueOrder } from '../enrolment/settle.js';
import { systemContext } from '../tenancy/context.js';
import type { Job } from './loop.js';

/** Sends ACCEPTED orders to their CAs: those whose device no longer waits, and those put back for another try. */
export function issueOrdersJob(deps: EnrolmentDeps): Job {
  return {
    name: 'issue-orders',
    everyMs: 250,
    async run() {
      const due = await deps.orders.due(systemContext('worker:issue'), 'issue', 32, deps.issuers.held?.());
      await Promise.all(due.map((order) => issueOrder(order.orderId, deps, order.isRepeat ? 'repeat' : 'first')));
    },
  };
}
