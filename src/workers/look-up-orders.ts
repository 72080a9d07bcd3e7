import type { EnrolmentDeps } from '../enrolment/service.js';
import { lookUpOrder } from '../enrolment/settle.js';
import { systemContext } from '../tenancy/context.js';
import type { Job } from './loop.js';

/** Finds out what became of uncertain calls and of requests that wait in a CA's own queue. */
export function lookUpOrdersJob(deps: EnrolmentDeps): Job {
  return {
    name: 'look-up-orders',
    everyMs: 500,
    async run() {
      const context = systemContext('worker:lookup');
      const held = deps.issuers.held?.();
      const uncertain = await deps.orders.due(context, 'lookup', 32, held);
      const pending = await deps.orders.due(context, 'poll', 32, held);
      await Promise.all([...uncertain, ...pending].map((order) => lookUpOrder(order, deps)));
    },
  };
}
