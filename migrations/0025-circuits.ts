import type { Migration } from './migration.js';

/** CAs that are taken for down: every process reads it each second, and one of them may make one call until the next `probe_after`. */
export const circuits: Migration = {
  name: '0025-circuits',
  statements: [
    `create table connector_circuits (
      connector_id uuid constraint connector_circuits_pkey primary key
        constraint connector_circuits_connector_id_fkey references connectors on delete cascade,
      opened_at timestamptz not null default now(),
      reason text not null,
      probe_after timestamptz not null)`,
  ],
};
