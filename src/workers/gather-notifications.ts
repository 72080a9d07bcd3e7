import { composeMail } from '../notification/content.js';
import type { GatherOptions, NotificationStore } from '../notification/ports.js';
import type { Job } from './loop.js';

export interface GatherDeps {
  readonly notifications: Pick<NotificationStore, 'hasRules' | 'gather' | 'close'>;
  /** Where operators go. */
  readonly consoleUrl: string;
}

/** Long enough for a handful of devices that fail together, short enough for whoever waits for an approval. */
export const gathering: GatherOptions = { gatherMs: 10_000 };
const atOnce = 500;
const mailsAtOnce = 20;

/** Brings what happened to the rules that want to hear of it, and makes mails of what was gathered. Asks nothing of the database while there is no rule. */
export function gatherNotificationsJob({ notifications, consoleUrl }: GatherDeps, options = gathering): Job {
  return {
    name: 'gather-notifications',
    everyMs: 1_000,
    async run() {
      if (!notifications.hasRules()) return;
      while ((await notifications.gather(atOnce, options)) === atOnce);
      await notifications.close(mailsAtOnce, (gathered, occasion) => composeMail(gathered, { ...occasion, consoleUrl }));
    },
  };
}
