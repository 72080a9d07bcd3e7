import type { EnrolmentDeps } from '../enrolment/service.js';
import { lookUpOrder } from '../enrolment/settle.js';
import { systemContext } from '../tenancy/context.js';
import { createHands } from './hands.js';
import type { Job } from './loop.js';
import { takeUp } from './take-up.js';

/** Beside the calls that a connector lets out for issuing. */
const perConnector = 16;

/** Finds out what became of uncertain calls and of requests that wait in a CA's own queue. */
export function lookUpOrdersJob(deps: EnrolmentDeps): Job {
  const context = systemContext('worker:lookup');
  const [uncertain, pending] = [createHands(perConnector, deps.log), createHands(perConnector, deps.log)];
  return {
    name: 'look-up-orders',
    everyMs: 500,
    async run(stopping) {
      await takeUp({ context, kind: 'lookup', hands: uncertain, work: (order) => lookUpOrder(order, deps) }, deps, stopping);
      await takeUp({ context, kind: 'poll', hands: pending, work: (order) => lookUpOrder(order, deps) }, deps, stopping);
    },
    idle: async () => void (await Promise.all([uncertain.idle(), pending.idle()])),
  };
}
