import type { Migration } from './migration.js';

const roles = "('minter', 'viewer', 'auditor', 'operator', 'admin', 'superadmin')";

/** Challenges made for one device each, and the role of those who may do nothing but make them. */
export const challenges: Migration = {
  name: '0009-challenges',
  statements: [
    // An order that would use a challenge more often than allowed fails on challenges_used_check, and nothing of it is written.
    `create table challenges (
      id uuid constraint challenges_pkey primary key,
      tenant_id uuid not null,
      profile_id uuid not null,
      mac bytea not null constraint challenges_mac_key unique,
      subject text,
      sans jsonb,
      device_id text,
      max_uses integer not null,
      used integer not null default 0,
      expires_at timestamptz not null,
      created_at timestamptz not null default now(),
      constraint challenges_used_check check (used between 0 and max_uses))`,
    'create index challenges_expires_at_idx on challenges (expires_at)',

    'alter table users drop constraint users_role_check',
    `alter table users add constraint users_role_check check (role in ${roles})`,
    'alter table api_tokens drop constraint api_tokens_role_check',
    `alter table api_tokens add constraint api_tokens_role_check check (role in ${roles})`,
  ],
};
