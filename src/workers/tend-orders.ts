import type { EnrolmentDeps } from '../enrolment/service.js';
import { systemContext } from '../tenancy/context.js';
import type { Job } from './loop.js';

/** Takes orders from dead nodes (their lease is over) and ends those that waited too long. */
export function tendOrdersJob(deps: EnrolmentDeps): Job {
  return {
    name: 'tend-orders',
    everyMs: 1_000,
    async run() {
      const context = systemContext('worker:tend');
      const reaped = await deps.orders.reapLeases(context);
      if (reaped > 0) deps.log.warn({ orders: reaped }, 'CA calls whose node is gone are now uncertain');
      const surplus = await deps.orders.revokeSurplus(context);
      if (surplus > 0) deps.log.warn({ certificates: surplus }, 'certificates that came for orders which ended without them are revoked');
      const expired = await deps.orders.expire(context);
      if (expired > 0) deps.log.warn({ orders: expired }, 'orders waited too long and have expired');
    },
  };
}

/** Forgets transactions whose time for retransmissions is over, and challenges long expired. */
export function forgetTransactionsJob(deps: EnrolmentDeps): Job {
  return {
    name: 'forget-transactions',
    everyMs: 60_000,
    async run() {
      const context = systemContext('worker:tend');
      await deps.orders.forgetTransactions(context);
      await deps.challenges.forget(context);
    },
  };
}
