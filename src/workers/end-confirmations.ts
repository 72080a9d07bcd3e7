import type { EnrolmentDeps } from '../enrolment/service.js';
import { systemContext } from '../tenancy/context.js';
import type { Job } from './loop.js';

/** Ends waits for confirmations that did not come in time (RFC 9483 section 4.1.1: then the certificate counts as refused). */
export function endConfirmationsJob(deps: EnrolmentDeps): Job {
  return {
    name: 'end-confirmations',
    everyMs: 1_000,
    async run() {
      const missed = await deps.orders.endConfirmations(systemContext('worker:confirm'), deps.clock.now());
      if (missed > 0) deps.log.warn({ certificates: missed }, 'certificates were not confirmed by their devices in time');
    },
  };
}
