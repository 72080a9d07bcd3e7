import type { Migration } from './migration.js';

/**
 * Certificates that a CA issued for us and that this database does not know: what it was told went with a failed-over standby or came not back
 * with a backup. `compared_until` goes back with them, so that the comparison begins where the database ends. The embedded engine notes when
 * it issued for clients of its API, so that these can compare too.
 */
export const unknownCertificates: Migration = {
  name: '0043-unknown-certificates',
  statements: [
    `create table ca_comparisons (
      connector_id uuid constraint ca_comparisons_pkey primary key constraint ca_comparisons_connector_id_fkey references connectors (id) on delete cascade,
      tenant_id uuid not null,
      compared_until timestamptz not null,
      next_at timestamptz not null,
      fence bigint not null default 0,
      last_error text)`,
    'create index ca_comparisons_next_idx on ca_comparisons (next_at)',
    `create table unknown_certificates (
      id uuid constraint unknown_certificates_pkey primary key,
      tenant_id uuid not null,
      connector_id uuid not null,
      certificate bytea not null,
      sha256 bytea not null,
      issuer text not null,
      serial text not null,
      subject text not null,
      not_before timestamptz not null,
      not_after timestamptz not null,
      is_ours boolean not null,
      state text not null constraint unknown_certificates_state_check check (state in ('FOUND', 'REVOKE_WANTED', 'REVOKED', 'KEPT')),
      reason text not null default '',
      found_at timestamptz not null default now(),
      decided_at timestamptz,
      next_attempt_at timestamptz,
      attempts integer not null default 0,
      last_error text,
      constraint unknown_certificates_sha256_key unique (sha256))`,
    'create index unknown_certificates_found_idx on unknown_certificates (tenant_id, found_at desc)',
    "create index unknown_certificates_wanted_idx on unknown_certificates (next_attempt_at) where state = 'REVOKE_WANTED'",
    'alter table engine_certificates add column issued_at timestamptz',
    'create index engine_certificates_issued_idx on engine_certificates (issued_at) where issued_at is not null',
  ],
};
