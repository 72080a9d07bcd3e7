import { lastDigestTime } from '../notification/digest-time.js';
import type { NotificationStore } from '../notification/ports.js';
import type { Clock } from '../runtime/clock.js';
import { gathering } from './gather-notifications.js';
import type { Job } from './loop.js';

export interface DigestDeps {
  readonly notifications: Pick<NotificationStore, 'hasRules' | 'rulesFor' | 'gatherDigest'>;
  readonly clock: Clock;
}

/** The week in figures, at the hour each rule wants it; a server that was down then makes up for it. */
export function weeklyDigestJob({ notifications, clock }: DigestDeps, options = gathering): Job {
  return {
    name: 'weekly-digest',
    everyMs: 300_000,
    async run() {
      if (!notifications.hasRules()) return;
      for (const rule of await notifications.rulesFor('weekly-digest')) {
        await notifications.gatherDigest(rule, lastDigestTime(rule.digest, clock.now()), options);
      }
    },
  };
}
