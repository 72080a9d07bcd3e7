import type { Migration } from './migration.js';

/**
 * Orders and what hangs on them. The tables a device's request writes (orders, transactions, accounts, certificates) have no
 * foreign keys: each would lock its parent row in every insert of every request, and orders outlive the profile they came through.
 */
export const orders: Migration = {
  name: '0002-orders',
  statements: [
    // Ids are UUIDv7: their order is the order of creation, so that each (x, id) index serves a filter and its sorting at once.
    `create table orders (
      id uuid constraint orders_pkey primary key,
      tenant_id uuid not null,
      profile_id uuid not null,
      connector_id uuid not null,
      protocol text not null constraint orders_protocol_check check (protocol in ('scep', 'cmp')),
      account_id uuid not null,
      transaction_id text not null,
      dedupe_key bytea not null,
      operation text not null constraint orders_operation_check check (operation in ('enrolment', 'renewal', 'revocation')),
      state text not null constraint orders_state_check check (state in (
        'AWAITING_APPROVAL', 'ACCEPTED', 'ISSUING', 'UNCERTAIN', 'CA_PENDING', 'STUCK', 'ISSUED', 'DELIVERED', 'CONFIRMED',
        'REVOKE_WANTED', 'REVOKED', 'REJECTED', 'FAILED', 'EXPIRED')),
      subject text not null,
      fail_info text,
      fail_reason text,
      attempts integer not null default 1,
      client_ip text not null,
      client_family text not null,
      key_type text not null,
      digest text not null,
      cipher text not null,
      credential text not null,
      certificate_id uuid,
      renews uuid,
      created_at timestamptz not null,
      finished_at timestamptz,
      approved_at timestamptz,
      acknowledged_at timestamptz)`,
    // Lists of one tenant, of one profile, of one device, of one state, of one protocol, and of the rarer operations. Delivery changes
    // the state and so touches them all again: 40 us of the server's time per order, against a second for a list of a million.
    // (0017 gives the state an index that a delivery does not touch.)
    'create index orders_tenant_idx on orders (tenant_id, id)',
    'create index orders_profile_idx on orders (profile_id, id)',
    'create index orders_account_idx on orders (account_id, id)',
    'create index orders_state_idx on orders (state, id)',
    'create index orders_protocol_idx on orders (protocol, id)',
    "create index orders_operation_idx on orders (operation, id) where operation <> 'enrolment'",
    // A transactionID may be as long as a message allows, which a b-tree refuses.
    'create index orders_transaction_idx on orders using hash (transaction_id)',

    // What an open order needs to be worked on: small, so that jobs never search the orders. Gone when the order is over.
    `create table order_work (
      order_id uuid constraint order_work_pkey primary key,
      tenant_id uuid not null,
      request jsonb not null,
      fence bigint not null default 0,
      lease_until timestamptz,
      next_attempt_at timestamptz not null,
      deadline timestamptz not null,
      calls integer not null default 0,
      called_at timestamptz,
      ca_reference text)`,
    'create index order_work_next_attempt_idx on order_work (next_attempt_at)',

    // Written before every call to a CA: what was asked, and under which configuration.
    `create table order_intents (
      order_id uuid not null,
      fence bigint not null,
      tenant_id uuid not null,
      request_hash bytea not null,
      connector_version integer,
      called_at timestamptz not null,
      constraint order_intents_pkey primary key (order_id, fence))`,

    // Deduplication. Apart from orders so that those can be partitioned by time.
    `create table transactions (
      dedupe_key bytea constraint transactions_pkey primary key,
      order_id uuid not null,
      tenant_id uuid not null,
      profile_id uuid not null,
      transaction_id text not null,
      content_hash bytea not null,
      session jsonb not null,
      retained_until timestamptz)`,
    'create index transactions_transaction_idx on transactions using hash (transaction_id)',
    // For forgetting; rows lie in the order of their time, so that a summary per block range is enough.
    'create index transactions_retained_idx on transactions using brin (retained_until)',

    // The id derives from profile and identity: known without asking, so that a known device costs no look-up.
    `create table accounts (
      id uuid constraint accounts_pkey primary key,
      tenant_id uuid not null,
      profile_id uuid not null,
      label text not null,
      created_at timestamptz not null default now())`,
    'create index accounts_profile_idx on accounts (profile_id)',

    // Certificates that reached us when nobody was entitled to them any more.
    `create table orphan_certificates (
      id uuid constraint orphan_certificates_pkey primary key,
      tenant_id uuid not null,
      order_id uuid not null,
      certificate bytea not null,
      sha256 bytea not null,
      reason text not null,
      received_at timestamptz not null default now(),
      revoked_at timestamptz,
      constraint orphan_certificates_sha256_key unique (order_id, sha256))`,

    `create table outbox (
      id uuid constraint outbox_pkey primary key,
      tenant_id uuid,
      topic text not null,
      payload jsonb not null,
      created_at timestamptz not null default now(),
      next_attempt_at timestamptz not null default now(),
      attempts integer not null default 0,
      last_error text)`,
    'create index outbox_next_attempt_idx on outbox (topic, next_attempt_at)',
  ],
};
