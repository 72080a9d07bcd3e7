import type { Migration } from './migration.js';

/**
 * The order of all audit events over all nodes, made by a sealer a moment after they were committed: no request ever waits for it, and no
 * row of `audit_events` is written twice. The columns that were once meant for it there were never filled.
 */
export const auditChain: Migration = {
  name: '0035-audit-chain',
  statements: [
    'alter table audit_events drop column chain_seq, drop column prev_hash, drop column hash',

    // Neighbours of one boot that were sealed together: rows seq_from.. of the boot are events first..last of the chain. `head`: the chain's hash after the last.
    `create table audit_runs (
      first bigint constraint audit_runs_pkey primary key,
      last bigint not null,
      boot_id uuid not null,
      seq_from bigint not null,
      head bytea not null,
      sealed_at timestamptz not null default now(),
      constraint audit_runs_boot_key unique (boot_id, seq_from),
      constraint audit_runs_last_check check (last >= first))`,

    // How far each boot is sealed; a row of its own, since whoever writes events holds the one in audit_boots.
    `create table audit_sealed (
      boot_id uuid constraint audit_sealed_pkey primary key,
      seq bigint not null) with (fillfactor = 50)`,

    // The Merkle tree: 256 hashes to a tile; level 0 holds those of the events, each further level those of whole tiles below.
    `create table audit_tiles (
      level integer not null,
      index bigint not null,
      hashes bytea not null,
      constraint audit_tiles_pkey primary key (level, index))`,

    // Signed notes. What is kept of them elsewhere binds all events up to `size`.
    `create table audit_checkpoints (
      size bigint constraint audit_checkpoints_pkey primary key,
      note text not null,
      signed_at timestamptz not null)`,

    `create table audit_keys (
      id text constraint audit_keys_pkey primary key,
      origin text not null,
      public_key bytea not null,
      ciphertext bytea not null,
      created_at timestamptz not null default now())`,
  ],
};
