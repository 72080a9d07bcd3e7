import type { Migration } from './migration.js';

/**
 * The audit trail. `node_seq` counts without a gap for each boot of a node: the counter is a row that the writing transaction
 * raises, so that a rolled back transaction takes its numbers back. `chain_seq`, `prev_hash` and `hash` are filled by a sequencer
 * afterwards: no request ever waits for a chain shared by all nodes.
 */
export const audit: Migration = {
  name: '0004-audit',
  statements: [
    // Written with every transaction of its node: half-empty pages keep those updates off the index.
    `create table audit_boots (
      boot_id uuid constraint audit_boots_pkey primary key,
      node_id text not null,
      started_at timestamptz not null default now(),
      last_seq bigint not null default 0) with (fillfactor = 50)`,

    `create table audit_events (
      boot_id uuid not null,
      node_seq bigint not null,
      node_id text not null,
      at timestamptz not null,
      tenant_id uuid,
      actor text not null,
      action text not null,
      object text not null,
      outcome text not null constraint audit_events_outcome_check check (outcome in ('success', 'failure')),
      details text not null,
      chain_seq bigint,
      prev_hash bytea,
      hash bytea,
      constraint audit_events_pkey primary key (boot_id, node_seq))`,
    // The trail itself, and the history of one thing.
    'create index audit_events_at_idx on audit_events (at, boot_id, node_seq)',
    'create index audit_events_object_idx on audit_events (object)',
  ],
};
