import { carryOutNotice, type NoticeDeps } from '../enrolment/notices.js';
import { systemContext } from '../tenancy/context.js';
import type { Job } from './loop.js';

/** Longer than the longest call. */
const leaseMs = 60_000;

/** Tells those who vouched for challenges how the orders ended. */
export function notifyJudgesJob(deps: NoticeDeps): Job {
  return {
    name: 'notify-judges',
    everyMs: 1_000,
    async run() {
      const due = await deps.notices.claim(systemContext('worker:notices'), 16, leaseMs);
      const told = await Promise.allSettled(due.map((item) => carryOutNotice(item, deps)));
      // What broke stays claimed until its lease ends, and is then tried again.
      for (const one of told) if (one.status === 'rejected') deps.log.error({ err: one.reason }, 'a notice could not be carried out');
    },
  };
}
