import type { Migration } from './migration.js';

/**
 * Users who sign in: their tenants and roles as lists, second factor, identity at an identity provider; their sessions, known by a hash of
 * the cookie; and counters of failed tries. A user without `tenant_ids` has the tenant of `tenant_id`, or every tenant where that is null.
 */
export const identity: Migration = {
  name: '0032-identity',
  statements: [
    `alter table users
      alter column password_hash drop not null,
      add column email text,
      add column display_name text not null default '',
      add column roles jsonb,
      add column tenant_ids jsonb,
      add column must_change_password boolean not null default false,
      add column password_changed_at timestamptz,
      add column totp_secret bytea,
      add column totp_confirmed_at timestamptz,
      add column totp_last_step bigint,
      add column backup_codes jsonb not null default '[]',
      add column identity_issuer text,
      add column identity_subject text,
      add column last_login_at timestamptz,
      add column updated_at timestamptz not null default now()`,
    'create unique index users_identity_key on users (identity_issuer, identity_subject) where identity_subject is not null',
    'alter table api_tokens add column permissions jsonb, add column created_by text',
    `create table sessions (
      id uuid constraint sessions_pkey primary key,
      token_hash bytea not null constraint sessions_token_hash_key unique,
      user_id uuid not null constraint sessions_user_id_fkey references users (id) on delete cascade,
      tenant_id uuid constraint sessions_tenant_id_fkey references tenants (id),
      method text not null constraint sessions_method_check check (method in ('password', 'oidc')),
      restriction text constraint sessions_restriction_check check (restriction in ('change-password', 'enrol-totp')),
      source text not null,
      user_agent text not null,
      sealed bytea,
      created_at timestamptz not null,
      last_used_at timestamptz not null,
      expires_at timestamptz not null)`,
    'create index sessions_user_id_idx on sessions (user_id)',
    'create index sessions_expires_at_idx on sessions (expires_at)',
    // Keyed by hashes: neither names nor addresses stand here.
    `create table sign_in_limits (
      key_hash bytea constraint sign_in_limits_pkey primary key,
      tries integer not null,
      blocked_until timestamptz,
      expires_at timestamptz not null)`,
    'create index sign_in_limits_expires_at_idx on sign_in_limits (expires_at)',
  ],
};
