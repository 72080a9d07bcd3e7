import type { Migration } from './migration.js';

/** The PKCS#10 of an open order holds its challenge: it stands apart from the rest of the request, sealed to its row. */
export const sealedRequest: Migration = {
  name: '0021-sealed-request',
  statements: ['alter table order_work add column pkcs10 bytea'],
};
