import { type CompareDeps, compareWithCa, revokeUnknown } from '../enrolment/compare-with-ca.js';
import { systemContext } from '../tenancy/context.js';
import type { Job } from './loop.js';

/** Longer than it takes to read a day of a CA's list, page by page. */
const leaseMs = 600_000;

/** Each CA once an hour; at once after the database has gone back in time, since the time of its next comparison went back with it. */
export function compareWithCasJob(deps: CompareDeps): Job {
  return {
    name: 'compare-with-cas',
    everyMs: 5_000,
    async run(stopping) {
      for (const due of await deps.unknownCertificates.claimDue(systemContext('worker:compare'), 4, leaseMs)) await compareWithCa(due, deps, stopping);
      await revokeUnknown(deps, leaseMs);
    },
  };
}
