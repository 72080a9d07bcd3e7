import type { Migration } from './migration.js';

/** Who may call the embedded engine's own HTTP API, and the keys that sign its OCSP answers. */
export const engineClients: Migration = {
  name: '0020-engine-clients',
  statements: [
    // The secret carries 142 bits and more, so that a plain hash is enough.
    `create table engine_clients (
      id uuid constraint engine_clients_pkey primary key,
      client_id text not null constraint engine_clients_client_id_key unique,
      name text not null,
      scopes text[] not null,
      secret_hash bytea not null,
      created_at timestamptz not null default now(),
      secret_set_at timestamptz not null default now())`,

    // A key that follows another stands beside it until the other's certificate ends.
    `create table engine_ocsp_signers (
      ca_id text not null,
      serial text not null,
      certificate bytea not null,
      ciphertext bytea not null,
      not_after timestamptz not null,
      created_at timestamptz not null default now(),
      constraint engine_ocsp_signers_pkey primary key (ca_id, serial))`,
  ],
};
