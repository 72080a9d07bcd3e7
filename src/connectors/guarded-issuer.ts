import type { Issuer, IssuerAnswer, LookupAnswer } from '../enrolment/ports.js';
import type { Breaker, CallEnd } from './breaker.js';
import type { RetryBudget } from './retry-budget.js';

const ends = {
  issued: 'answered',
  pending: 'answered',
  refused: 'answered',
  found: 'answered',
  none: 'answered',
  notSent: 'definite',
  uncertain: 'uncertain',
  unknown: 'uncertain',
} as const satisfies Record<(IssuerAnswer | LookupAnswer)['kind'], CallEnd>;

/** The same issuer, whose calls tell the connector's breaker how they ended. Whether one may go out is asked before its order is claimed. */
export function guarded(issuer: Issuer, breaker: Breaker, budget: RetryBudget): Issuer {
  if (issuer.local !== undefined) return issuer;
  const noted = async <Answer extends IssuerAnswer | LookupAnswer>(work: () => Promise<Answer>): Promise<Answer> => {
    try {
      const answer = await work();
      breaker.note(ends[answer.kind]);
      return answer;
    } catch (error) {
      breaker.note('uncertain');
      throw error;
    }
  };
  return {
    ...issuer,
    mayCall(call) {
      if (breaker.openedBecause() !== undefined) return breaker.mayCall();
      if (call === 'repeat') return budget.take();
      if (call === 'first') budget.noteFirst();
      return true;
    },
    issue: (...asked) => noted(() => issuer.issue(...asked)),
    lookup: (...asked) => noted(() => issuer.lookup(...asked)),
  };
}
