import type { DelayedAnswerStore } from '../../enrolment/delayed-answers.js';

/** Answers that may be given out later, by another node; and how long a connection is held before that. */
export interface Delaying {
  readonly store: DelayedAnswerStore;
  readonly patienceMs: number;
}
