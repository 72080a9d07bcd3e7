import type { Clock } from '../../runtime/clock.js';
import type { CmpProfile } from '../../tenancy/profile.js';
import { sourceOf } from './source-of.js';

/** Messages a profile takes within a minute, of one source and of all; in the memory of this process. */
export interface RateLimit {
  /** Undefined when the message may come; else after how many seconds the next one may. */
  delayOf(profile: CmpProfile, address: string): number | undefined;
}

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** Beyond so many sources the one longest quiet is forgotten. */
const maxBuckets = 50_000;

/** Token buckets that hold what a minute may bring. Profiles without limits cost nothing. */
export function createRateLimit(clock: Clock): RateLimit {
  const buckets = new Map<string, Bucket>();
  const take = (key: string, perMinute: number): number | undefined => {
    const now = clock.now().getTime();
    const { tokens, at } = buckets.get(key) ?? { tokens: perMinute, at: now };
    const filled = Math.min(perMinute, tokens + (Math.max(0, now - at) / 60_000) * perMinute);
    buckets.delete(key);
    buckets.set(key, { tokens: filled >= 1 ? filled - 1 : filled, at: now });
    if (buckets.size > maxBuckets) buckets.delete(buckets.keys().next().value as string);
    return filled >= 1 ? undefined : Math.ceil(((1 - filled) * 60) / perMinute);
  };
  return {
    delayOf({ id, policy }, address) {
      const { perSource, perProfile } = policy.cmp.rateLimit;
      const own = perSource === null ? undefined : take(`${id} ${sourceOf(address)}`, perSource);
      return own ?? (perProfile === null ? undefined : take(id, perProfile));
    },
  };
}
