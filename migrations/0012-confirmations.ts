import type { Migration } from './migration.js';

/**
 * Until when a device may confirm its certificate, in milliseconds since 1970: so that the certificates nobody confirmed are found
 * without a search. Taken from the session by the database itself, which costs an enrolment less than a column to be written; the index
 * holds only what still waits, so that SCEP and implicit confirmation never touch it.
 */
export const confirmations: Migration = {
  name: '0012-confirmations',
  statements: [
    `alter table transactions add column confirm_until bigint generated always as ((session->>'confirmUntil')::bigint) stored`,
    'create index transactions_confirm_idx on transactions (confirm_until) where confirm_until is not null',
  ],
};
