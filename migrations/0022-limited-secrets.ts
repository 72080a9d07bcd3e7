import type { Migration } from './migration.js';

/**
 * Shared secrets of single devices, with a count and a binding; keys by the name they were certified for; revocations that their CA refuses
 * for good; and indexes by which open orders and revocations are found however many there are.
 */
export const limitedSecrets: Migration = {
  name: '0022-limited-secrets',
  statements: [
    `alter table shared_secrets
      add column label text,
      add column subject text,
      add column sans jsonb,
      add column max_uses integer,
      add column used integer not null default 0,
      add column last_use bytea,
      add constraint shared_secrets_used_check check (used >= 0 and (max_uses is null or used <= max_uses))`,
    `create table certified_keys (
      tenant_id uuid not null,
      profile_id uuid not null constraint certified_keys_profile_id_fkey references profiles on delete cascade,
      key_hash bytea not null,
      name_hash bytea not null,
      created_at timestamptz not null default now(),
      constraint certified_keys_pkey primary key (profile_id, key_hash))`,
    'alter table outbox add column given_up_at timestamptz',
    `create index outbox_revocation_idx on outbox ((payload->>'orderId')) where topic = 'certificate.revoke'`,
    `update order_work w set next_attempt_at = 'infinity' from orders o where o.id = w.order_id and o.state = 'AWAITING_APPROVAL'`,
    'create index order_work_deadline_idx on order_work (deadline)',
    'create index order_work_lease_idx on order_work (lease_until) where lease_until is not null',
  ],
};
