import { carryOutRevocation } from '../enrolment/revoke.js';
import type { EnrolmentDeps } from '../enrolment/service.js';
import { systemContext } from '../tenancy/context.js';
import type { Job } from './loop.js';

const leaseMs = 60_000;

/** Carries wanted revocations to their CAs. */
export function revokeCertificatesJob(deps: EnrolmentDeps): Job {
  return {
    name: 'revoke-certificates',
    everyMs: 500,
    async run() {
      const due = await deps.revocations.claim(systemContext('worker:revoke'), 16, leaseMs);
      await Promise.all(due.map((item) => carryOutRevocation(item, deps)));
    },
  };
}
