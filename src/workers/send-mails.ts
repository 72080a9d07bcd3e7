import type { NotificationStore } from '../notification/ports.js';
import { type SendDeps, sendDueMails } from '../notification/send-mails.js';
import type { Job } from './loop.js';

/** Hands over the mails that are due; nothing is asked while there is no rule that could have any. */
export function sendMailsJob(deps: SendDeps & { readonly notifications: Pick<NotificationStore, 'hasRules'> }): Job {
  return {
    name: 'send-mails',
    everyMs: 2_000,
    async run(stopping?: AbortSignal) {
      if (deps.notifications.hasRules()) await sendDueMails(deps, stopping);
    },
  };
}

/** Mails that are over stay in the list for this long. */
const keptDays = 90;

export function forgetMailsJob({ mails }: Pick<SendDeps, 'mails'>): Job {
  return { name: 'forget-mails', everyMs: 3_600_000, run: async () => void (await mails.forget(keptDays)) };
}
