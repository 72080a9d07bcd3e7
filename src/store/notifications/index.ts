import { sql } from 'kysely';
import type { MailDesk, MailQueue, NotificationStore, RuleStore } from '../../notification/ports.js';
import type { Boot } from '../audit.js';
import { type Connection, transact } from '../connection/connection.js';
import { noteConnector } from './connectors.js';
import { gatherDigest } from './digest.js';
import { gatherEvents } from './events.js';
import { gatherCredentials, gatherExpiring } from './expiring.js';
import { closeDue } from './gatherings.js';
import type { Interest } from './interest.js';
import { mailDesk, mailQueue } from './mails.js';
import { activeRules, ruleStore } from './rules.js';

export interface NotificationRoom {
  readonly notificationRules: RuleStore;
  readonly notifications: NotificationStore;
  readonly mails: MailQueue & MailDesk;
}

/** `boot` is the one that follows orders with `interest`. */
export function notificationRoom(connection: Connection, boot: Boot, interest: Interest): NotificationRoom {
  return {
    notificationRules: ruleStore(connection, boot, interest),
    notifications: {
      hasRules: () => interest.hasAny(),
      reload: () => interest.load(connection.kysely),
      rulesFor: (kind) => transact(connection, (trx) => activeRules(trx, sql`r.events ? ${kind}`)),
      gather: (limit, options) => gatherEvents(connection, limit, options),
      gatherExpiring: (rule, options) => gatherExpiring(connection, rule, options),
      gatherCredentials: (rule, credentials, options) => gatherCredentials(connection, rule, credentials, options),
      gatherDigest: (rule, at, options) => gatherDigest(connection, rule, at, options),
      close: (limit, compose) => closeDue(connection, limit, compose),
      noteConnector: (news) => noteConnector(connection, interest, news),
    },
    mails: { ...mailQueue(connection, boot), ...mailDesk(connection, boot) },
  };
}
