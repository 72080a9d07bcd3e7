import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { SessionStore } from '../tenancy/session.js';
import type { SignInLimits } from '../tenancy/sign-in-limit.js';
import type { Job } from './loop.js';

export interface EndSessionsDeps {
  readonly sessions: Pick<SessionStore, 'forget'>;
  readonly limits: Pick<SignInLimits, 'forget'>;
  readonly idleMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Removes sessions that ended by themselves, which nobody can use already, and counters of failed tries whose time is over. */
export function endSessionsJob({ sessions, limits, idleMs, clock, log }: EndSessionsDeps): Job {
  return {
    name: 'end-sessions',
    everyMs: 600_000,
    async run() {
      const [ended, counters] = [await sessions.forget(clock.now(), idleMs), await limits.forget(clock.now())];
      if (ended + counters > 0) log.info({ sessions: ended, counters }, 'sessions that ended by themselves were removed');
    },
  };
}
