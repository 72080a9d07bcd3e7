import type { Migration } from './migration.js';

/** Who may administer, and small values of the whole server. */
export const access: Migration = {
  name: '0006-access',
  statements: [
    `create table users (
      id uuid constraint users_pkey primary key,
      tenant_id uuid constraint users_tenant_id_fkey references tenants (id),
      username text not null constraint users_username_key unique,
      role text not null constraint users_role_check check (role in ('viewer', 'auditor', 'operator', 'admin', 'superadmin')),
      status text not null constraint users_status_check check (status in ('active', 'inactive')),
      password_hash text not null,
      version integer not null default 1,
      created_at timestamptz not null default now())`,

    `create table api_tokens (
      id uuid constraint api_tokens_pkey primary key,
      tenant_id uuid constraint api_tokens_tenant_id_fkey references tenants (id),
      name text not null,
      role text not null constraint api_tokens_role_check check (role in ('viewer', 'auditor', 'operator', 'admin', 'superadmin')),
      token_hash bytea not null constraint api_tokens_token_hash_key unique,
      expires_at timestamptz,
      last_used_at timestamptz,
      revoked_at timestamptz,
      created_at timestamptz not null default now())`,

    `create table settings (
      name text constraint settings_pkey primary key,
      value text not null,
      updated_at timestamptz not null default now())`,
  ],
};
