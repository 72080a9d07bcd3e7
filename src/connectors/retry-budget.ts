import type { Ticks } from './breaker.js';

/** Bounds how many calls are repeats, so that a CA that struggles is not asked ever more. */
export interface RetryBudget {
  /** A call for an order that was never called for. */
  noteFirst(): void;
  /** Takes one repeat from the budget; false when there is none. */
  take(): boolean;
}

/** A tenth of the first calls, and one each second, so that what waits after an outage is worked off without new orders too. */
const perFirst = 0.1;
const perSecond = 1;
const most = 50;

export function createRetryBudget(now: Ticks): RetryBudget {
  let tokens = most;
  let at = now();

  function earn(amount: number): void {
    tokens = Math.min(most, tokens + amount);
  }

  return {
    noteFirst: () => earn(perFirst),
    take() {
      const time = now();
      earn(((time - at) / 1_000) * perSecond);
      at = time;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
