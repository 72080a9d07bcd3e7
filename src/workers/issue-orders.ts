import type { EnrolmentDeps } from '../enrolment/service.js';
import { issueOrder } from '../enrolment/settle.js';
import { systemContext } from '../tenancy/context.js';
import { createHands } from './hands.js';
import type { Job } from './loop.js';
import { takeUp } from './take-up.js';

/** As many as the connector lets out at once, and some that wait for their turn. */
const perConnector = 64;

/**
 * Sends ACCEPTED orders to their CAs: those whose device no longer waits, and those put back for another try. Repeats have hands of their
 * own, since they may have to wait while others need not.
 */
export function issueOrdersJob(deps: EnrolmentDeps): Job {
  const context = systemContext('worker:issue');
  const [first, repeat] = [createHands(perConnector, deps.log), createHands(perConnector, deps.log)];
  return {
    name: 'issue-orders',
    everyMs: 250,
    async run(stopping) {
      await takeUp({ context, kind: 'issue', hands: first, work: ({ orderId }) => issueOrder(orderId, deps, 'first', stopping) }, deps, stopping);
      await takeUp({ context, kind: 'repeat', hands: repeat, work: ({ orderId }) => issueOrder(orderId, deps, 'repeat', stopping) }, deps, stopping);
    },
    idle: async () => void (await Promise.all([first.idle(), repeat.idle()])),
  };
}
