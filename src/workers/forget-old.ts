import type { Log } from '../runtime/log.js';
import type { Job } from './loop.js';

export interface ForgetDeps {
  readonly refusals: { forget(days: number): Promise<number> };
  readonly idempotency: { forget(): Promise<number> };
  readonly log: Log;
}

/** Forgets refusals that did not come again for so many days, and kept answers whose time is over. */
export function forgetOldJob({ refusals, idempotency, log }: ForgetDeps, refusalDays: number): Job {
  return {
    name: 'forget-old',
    everyMs: 3_600_000,
    async run() {
      const [forgotten, answers] = [await refusals.forget(refusalDays), await idempotency.forget()];
      if (forgotten + answers > 0) log.info({ refusals: forgotten, answers }, 'what is too old was forgotten');
    },
  };
}
