import type { Migration } from './migration.js';

/** Requests that never became an order, folded: a flood from one source is one row with a count. */
export const refusals: Migration = {
  name: '0005-refusals',
  statements: [
    `create table refusals (
      id uuid constraint refusals_pkey primary key,
      reason text not null,
      tenant_id uuid,
      profile_id uuid,
      source text not null,
      client_family text not null,
      detail text not null,
      count bigint not null,
      first_seen timestamptz not null,
      last_seen timestamptz not null,
      constraint refusals_fold_key unique nulls not distinct (reason, profile_id, source))`,
    'create index refusals_last_seen_idx on refusals (last_seen)',
  ],
};
