import type { Migration } from './migration.js';

/**
 * Answers of the admin API, kept for their Idempotency-Key where every process finds them. `answer` is sealed, since it may hold a secret
 * that is shown once; while it is null the request is under way, until `claimed_until` at most: its process may be gone.
 */
export const idempotencyKeys: Migration = {
  name: '0013-idempotency-keys',
  statements: [
    `create table idempotency_keys (
      key_hash bytea constraint idempotency_keys_pkey primary key,
      tenant_id uuid,
      actor text not null,
      request_hash text not null,
      claim_id uuid not null,
      claimed_until timestamptz not null,
      answer bytea,
      expires_at timestamptz not null)`,
    'create index idempotency_keys_expires_at_idx on idempotency_keys (expires_at)',
  ],
};
