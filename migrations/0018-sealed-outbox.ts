import type { Migration } from './migration.js';

/** What of a message must not stand in clear, sealed to its row: the request of an order whose end someone outside is to hear. */
export const sealedOutbox: Migration = {
  name: '0018-sealed-outbox',
  statements: ['alter table outbox add column sealed bytea'],
};
