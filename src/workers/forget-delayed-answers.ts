import type { DelayedAnswerStore } from '../enrolment/delayed-answers.js';
import { systemContext } from '../tenancy/context.js';
import type { Job } from './loop.js';

/** Forgets answers that no device will come for any more. */
export function forgetDelayedAnswersJob(answers: DelayedAnswerStore): Job {
  return {
    name: 'forget-delayed-answers',
    everyMs: 60_000,
    async run() {
      await answers.forget(systemContext('worker:tend'));
    },
  };
}
