import type { Clock } from '../../runtime/clock.js';
import { Problem } from '../problem.js';

/** Each test costs a key, a certificate of the CA and an order: a handful in a row, then one in a while. In the memory of this process. */
const burst = 5;
const refillMs = 12_000;
const maxProfiles = 10_000;

export interface Pace {
  /** Runs one test of a profile at a time; throws 429 while one is under way and when there were too many lately. */
  within<T>(profileId: string, work: () => Promise<T>): Promise<T>;
}

export function createPace(clock: Clock): Pace {
  const under = new Set<string>();
  const buckets = new Map<string, { readonly tokens: number; readonly at: number }>();
  const take = (key: string): number => {
    const now = clock.now().getTime();
    const { tokens, at } = buckets.get(key) ?? { tokens: burst, at: now };
    const filled = Math.min(burst, tokens + Math.max(0, now - at) / refillMs);
    buckets.delete(key);
    buckets.set(key, { tokens: filled >= 1 ? filled - 1 : filled, at: now });
    if (buckets.size > maxProfiles) buckets.delete(buckets.keys().next().value as string);
    return filled >= 1 ? 0 : Math.ceil(((1 - filled) * refillMs) / 1000);
  };
  return {
    async within(profileId, work) {
      if (under.has(profileId)) throw tooMany('A test of this profile is under way.', 5);
      const seconds = take(profileId);
      if (seconds > 0) throw tooMany(`Try again in ${seconds} seconds.`, seconds);
      under.add(profileId);
      try {
        return await work();
      } finally {
        under.delete(profileId);
      }
    },
  };
}

function tooMany(detail: string, seconds: number): Problem {
  return new Problem('too-many-attempts', { detail, headers: { 'retry-after': String(seconds) } });
}
