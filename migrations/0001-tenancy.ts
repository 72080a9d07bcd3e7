import type { Migration } from './migration.js';

/** Tenants, what they configure, and the secrets of it (sealed before they get here). */
export const tenancy: Migration = {
  name: '0001-tenancy',
  statements: [
    `create table tenants (
      id uuid constraint tenants_pkey primary key,
      name text not null,
      slug text not null constraint tenants_slug_key unique,
      status text not null constraint tenants_status_check check (status in ('active', 'inactive')),
      version integer not null default 1,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now())`,

    `create table connectors (
      id uuid constraint connectors_pkey primary key,
      tenant_id uuid not null constraint connectors_tenant_id_fkey references tenants (id),
      type text not null constraint connectors_type_check check (type in ('ejbca', 'crypto-engine', 'smtp')),
      name text not null,
      description text not null,
      status text not null constraint connectors_status_check check (status in ('active', 'inactive')),
      config jsonb not null,
      version integer not null default 1,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now())`,
    'create index connectors_tenant_id_idx on connectors (tenant_id)',

    `create table connector_secrets (
      connector_id uuid not null constraint connector_secrets_connector_id_fkey references connectors (id) on delete cascade,
      name text not null,
      tenant_id uuid not null constraint connector_secrets_tenant_id_fkey references tenants (id),
      ciphertext bytea not null,
      updated_at timestamptz not null default now(),
      constraint connector_secrets_pkey primary key (connector_id, name))`,

    // endpoint_path is unique as written: devices send it byte for byte, and two paths that differ in case are two paths.
    `create table profiles (
      id uuid constraint profiles_pkey primary key,
      tenant_id uuid not null constraint profiles_tenant_id_fkey references tenants (id),
      connector_id uuid not null constraint profiles_connector_id_fkey references connectors (id),
      protocol text not null constraint profiles_protocol_check check (protocol in ('scep', 'cmp')),
      name text not null,
      endpoint_path text not null,
      legacy_paths jsonb not null,
      description text not null,
      status text not null constraint profiles_status_check check (status in ('active', 'inactive')),
      policy jsonb not null,
      overrides jsonb not null,
      public_base_url text,
      challenge_mode text constraint profiles_challenge_mode_check check (challenge_mode in ('static', 'one-time')),
      challenge_mac bytea,
      challenge_updated_at timestamptz,
      is_default boolean not null default false,
      version integer not null default 1,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint profiles_endpoint_path_key unique (protocol, endpoint_path))`,
    'create index profiles_tenant_id_idx on profiles (tenant_id)',
    'create index profiles_connector_id_idx on profiles (connector_id)',
    // /.well-known/cmp without a name can mean one profile only.
    'create unique index profiles_default_key on profiles (protocol) where is_default',

    `create table shared_secrets (
      id uuid constraint shared_secrets_pkey primary key,
      tenant_id uuid not null constraint shared_secrets_tenant_id_fkey references tenants (id),
      profile_id uuid not null constraint shared_secrets_profile_id_fkey references profiles (id) on delete cascade,
      reference text not null,
      ciphertext bytea not null,
      status text not null constraint shared_secrets_status_check check (status in ('active', 'retiring', 'revoked')),
      expires_at timestamptz,
      created_at timestamptz not null default now(),
      constraint shared_secrets_reference_key unique (profile_id, reference))`,

    // A destroyed key leaves its row, without the key.
    `create table ra_keys (
      id uuid constraint ra_keys_pkey primary key,
      tenant_id uuid not null constraint ra_keys_tenant_id_fkey references tenants (id),
      profile_id uuid not null constraint ra_keys_profile_id_fkey references profiles (id) on delete cascade,
      purpose text not null constraint ra_keys_purpose_check check (purpose in ('scep', 'cmp')),
      state text not null constraint ra_keys_state_check check (state in ('next', 'active', 'retiring', 'destroyed')),
      ciphertext bytea,
      spki bytea not null,
      certificate bytea,
      chain jsonb not null,
      created_at timestamptz not null default now(),
      constraint ra_keys_ciphertext_check check (state = 'destroyed' or ciphertext is not null))`,
    'create index ra_keys_profile_id_idx on ra_keys (profile_id)',

    // One row. Every change of the tables above raises it first, which also puts such changes in a queue: checks across rows
    // (legacy paths, users of a connector) see no change half made.
    `create table config_epoch (
      is_only boolean not null default true constraint config_epoch_pkey primary key constraint config_epoch_is_only_check check (is_only),
      epoch bigint not null)`,
    'insert into config_epoch (epoch) values (1)',
  ],
};
