import type { Migration } from './migration.js';

/** The embedded engine's CAs and what they issued. */
export const cryptoEngine: Migration = {
  name: '0007-crypto-engine',
  statements: [
    `create table engine_cas (
      id text constraint engine_cas_pkey primary key,
      certificate bytea not null,
      ciphertext bytea not null,
      parent_id text not null,
      created_at timestamptz not null default now())`,

    // A certificate that also stands in certificates is not stored twice: certificate_id points there.
    `create table engine_certificates (
      ca_id text not null,
      serial text not null,
      ref text not null constraint engine_certificates_ref_key unique,
      certificate bytea,
      certificate_id uuid,
      not_after timestamptz not null,
      revoked_at timestamptz,
      reason integer,
      constraint engine_certificates_pkey primary key (ca_id, serial),
      constraint engine_certificates_certificate_check check (certificate is not null or certificate_id is not null))`,
    // Only revoked certificates are ever listed.
    'create index engine_certificates_revoked_idx on engine_certificates (ca_id, revoked_at) where revoked_at is not null',

    `create table engine_crl_numbers (
      ca_id text constraint engine_crl_numbers_pkey primary key,
      number bigint not null)`,
  ],
};
