import type { Clock } from '../runtime/clock.js';
import { counter } from '../runtime/metrics.js';

const failures = counter('gatehouse_challenge_failures_total', 'Challenges and MACs that were wrong, expired or used up')({});

/** Counts failed credentials by profile and source. It never stands in the way of a valid one: a whole fleet may come from one address. */
export interface GuessThrottle {
  /** Notes a failed request of one who showed nothing better; false when this source has lately had too many to be worth a record each. */
  note(profileId: string, source: string, isCredentialWrong?: boolean): boolean;
  /** Whether this source has lately had that many. Never a reason to refuse it, only to put others before it. */
  isSuspect(profileId: string, source: string): boolean;
}

export interface GuessLimits {
  readonly perMinute: number;
  readonly burst: number;
  /** Sources remembered; beyond it the one longest quiet is forgotten. */
  readonly maxSources: number;
}

export const defaultGuessLimits: GuessLimits = { perMinute: 5, burst: 10, maxSources: 20_000 };

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** A token bucket per profile and source, in the memory of this process. */
export function createGuessThrottle(clock: Clock, limits: GuessLimits = defaultGuessLimits): GuessThrottle {
  const buckets = new Map<string, Bucket>();
  const { perMinute, burst, maxSources } = limits;
  const tokensNow = (key: string, now: number): number => {
    const { tokens, at } = buckets.get(key) ?? { tokens: burst, at: now };
    return Math.min(burst, tokens + (Math.max(0, now - at) / 60_000) * perMinute);
  };
  return {
    isSuspect: (profileId, source) => tokensNow(`${profileId} ${source}`, clock.now().getTime()) < 1,
    note(profileId, source, isCredentialWrong = true) {
      if (isCredentialWrong) failures.add();
      const key = `${profileId} ${source}`;
      const now = clock.now().getTime();
      const refilled = tokensNow(key, now);
      const isCounted = refilled >= 1;
      // Written last again, so that the map's first key is the source longest quiet.
      buckets.delete(key);
      buckets.set(key, { tokens: isCounted ? refilled - 1 : refilled, at: now });
      const [oldest] = buckets.size > maxSources ? buckets.keys() : [];
      if (oldest !== undefined) buckets.delete(oldest);
      return isCounted;
    },
  };
}
