import type { Workload, WorkloadReader } from '../enrolment/workload.js';
import type { Job } from './loop.js';

/** How long one answer serves all jobs of this process, in milliseconds. */
const keptMs = 200;

/** Lets jobs run only while there is work of their kind: each looks for it in its own way, which costs the database far more than one look for all. */
export function whenThereIs(workload: WorkloadReader): (kind: keyof Workload, job: Job) => Job {
  let known: Promise<Workload> | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  const read = (): Promise<Workload> => {
    const now = performance.now();
    if (known === undefined || now - askedAt >= keptMs) {
      askedAt = now;
      known = workload.read();
    }
    return known;
  };
  return (kind, job) => ({
    ...job,
    async run(stopping) {
      if ((await read())[kind]) await job.run(stopping);
    },
  });
}
