import type { EnrolmentDeps } from '../enrolment/service.js';
import { systemContext } from '../tenancy/context.js';
import type { Job } from './loop.js';

type Parts = Pick<EnrolmentDeps, 'orders' | 'clock' | 'log'>;

/**
 * Ends waits for confirmations that did not come in time (RFC 9483 section 4.1.1: then the certificate counts as refused). `now`: the time
 * that all nodes agree on, so that one whose own clock is ahead revokes nothing early; the node's clock where absent.
 */
export function endConfirmationsJob(deps: Parts, now: () => Promise<Date> = async () => deps.clock.now()): Job {
  return {
    name: 'end-confirmations',
    everyMs: 1_000,
    async run() {
      const missed = await deps.orders.endConfirmations(systemContext('worker:confirm'), await now());
      if (missed > 0) deps.log.warn({ certificates: missed }, 'certificates were not confirmed by their devices in time');
    },
  };
}
