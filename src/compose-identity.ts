import type { IdentityParts } from './admin/index.js';
import type { Config } from './config.js';
import type { Clock } from './runtime/clock.js';
import type { Log } from './runtime/log.js';
import type { Store } from './store/store.js';
import { endSessionsJob } from './workers/end-sessions.js';
import type { Job } from './workers/loop.js';

export interface IdentityRoom {
  readonly identity: IdentityParts;
  readonly job: Job;
}

/** Who signs in, how long it lasts, and the job that forgets it. */
export function createIdentityRoom(config: Config, store: Store, clock: Clock, log: Log): IdentityRoom {
  const { users, totp, sessions, signInLimits: limits, access: tokens } = store;
  const times = { idleMs: config.sessionIdleMinutes * 60_000, absoluteMs: config.sessionHours * 3_600_000 };
  return {
    identity: { users, totp, sessions, limits, tokens, times, totpRoles: config.totpRoles },
    job: endSessionsJob({ sessions, limits, idleMs: times.idleMs, clock, log }),
  };
}
