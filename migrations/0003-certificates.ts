import type { Migration } from './migration.js';

/** Certificates issued through Gatehouse. Unpartitioned, since (issuer, serial) must be unique over all time. */
export const certificates: Migration = {
  name: '0003-certificates',
  statements: [
    `create table certificates (
      id uuid constraint certificates_pkey primary key,
      tenant_id uuid not null,
      profile_id uuid,
      order_id uuid,
      connector_id uuid not null,
      der bytea not null,
      sha256 bytea not null constraint certificates_sha256_key unique,
      issuer_hash bytea not null,
      issuer text not null,
      serial text not null,
      subject text not null,
      sans jsonb not null,
      key_hash bytea not null,
      not_before timestamptz not null,
      not_after timestamptz not null,
      status text not null default 'valid' constraint certificates_status_check check (status in ('valid', 'revoked', 'superseded')),
      superseded_by uuid,
      revoked_at timestamptz,
      created_at timestamptz not null default now(),
      constraint certificates_serial_key unique (issuer_hash, serial))`,
    'create index certificates_tenant_idx on certificates (tenant_id, id)',
  ],
};
