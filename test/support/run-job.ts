import type { Job } from '../../src/workers/loop.js';

/** One run of a job, with everything that it began and did not wait for. */
export async function runJob(job: Job): Promise<void> {
  await job.run();
  await job.idle?.();
}
