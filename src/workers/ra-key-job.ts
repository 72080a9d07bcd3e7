import { systemContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import type { Job } from './loop.js';
import type { RaKeyDeps } from './ra-key-room.js';
import { ensureRaKeys } from './ra-keys.js';

const sweepMs = 3_600_000;
const waitingMs = 15_000;
const longestWaitMs = 3_600_000;
const atOnce = 4;

/** When a profile without an answer is tried again. */
interface Retry {
  readonly at: number;
  readonly refusals: number;
}

/**
 * Looks at every active profile when the configuration changed (a new profile gets its key within a second) and once an hour;
 * profiles whose CA has not answered are tried again after 15 seconds, refused ones after 1, 2, 4 ... 60 minutes.
 */
export function raKeyJob(deps: RaKeyDeps): Job {
  const retries = new Map<string, Retry>();
  let epoch: number | undefined;
  let sweptAt = Number.NEGATIVE_INFINITY;

  async function tend(profile: Profile, now: number): Promise<void> {
    const before = retries.get(profile.id);
    if (before !== undefined && before.at > now) return;
    const outcome = await ensureRaKeys(profile, deps).catch((error: unknown) => {
      deps.log.error({ err: error, profileId: profile.id }, 'The RA keys of a profile could not be tended.');
      return 'waiting' as const;
    });
    if (outcome === 'ready') retries.delete(profile.id);
    else retries.set(profile.id, retryAfter(outcome, before, now));
  }

  return {
    name: 'ra-keys',
    everyMs: 500,
    async run() {
      const now = deps.clock.now().getTime();
      const current = await deps.profiles.configEpoch();
      const isRetryDue = [...retries.values()].some((retry) => retry.at <= now);
      if (current === epoch && now - sweptAt < sweepMs && !isRetryDue) return;
      const all = await deps.profiles.all(systemContext('worker:ra-keys'));
      const active = all.filter((profile) => profile.status === 'active');
      for (const id of retries.keys()) if (!active.some((profile) => profile.id === id)) retries.delete(id);
      await forEachAtOnce(active, (profile) => tend(profile, now));
      epoch = current;
      sweptAt = now;
    },
  };
}

function retryAfter(outcome: 'waiting' | 'refused', before: Retry | undefined, now: number): Retry {
  const refusals = before?.refusals ?? 0;
  if (outcome === 'waiting') return { at: now + waitingMs, refusals };
  return { at: now + Math.min(60_000 * 2 ** refusals, longestWaitMs), refusals: refusals + 1 };
}

/** A few at a time, so that one slow CA does not hold up the others. */
async function forEachAtOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
