import type { Migration } from './migration.js';

/** RA keys that share their work or come from elsewhere, and a CA of the embedded engine that takes over from another. */
export const rollover: Migration = {
  name: '0014-rollover',
  statements: [
    `alter table ra_keys
      add column usage text not null default 'both' constraint ra_keys_usage_check check (usage in ('both', 'sign', 'encrypt')),
      add column origin text not null default 'generated' constraint ra_keys_origin_check check (origin in ('generated', 'imported')),
      add column keep_until timestamptz`,
    `alter table engine_cas
      add column state text not null default 'active' constraint engine_cas_state_check check (state in ('next', 'active', 'retired')),
      add column activates_at timestamptz,
      add constraint engine_cas_activates_check check (state <> 'next' or activates_at is not null)`,
    // Of two nodes that prepare at once one succeeds.
    "create unique index engine_cas_next_key on engine_cas (state) where state = 'next'",
  ],
};
