import type { Migration } from './migration.js';

/** Mails to operators: who wants to hear of what, what is being gathered for the next mail, and the mails themselves. */
export const notifications: Migration = {
  name: '0023-notifications',
  statements: [
    `create table notification_rules (
      id uuid constraint notification_rules_pkey primary key,
      tenant_id uuid not null constraint notification_rules_tenant_id_fkey references tenants (id),
      connector_id uuid not null constraint notification_rules_connector_id_fkey references connectors (id),
      name text not null,
      description text not null,
      status text not null constraint notification_rules_status_check check (status in ('active', 'inactive')),
      recipients jsonb not null,
      events jsonb not null,
      profile_ids jsonb not null,
      expiry_days jsonb not null,
      minutes_between_mails integer not null,
      digest jsonb not null,
      version integer not null default 1,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint notification_rules_name_key unique (tenant_id, name))`,
    'create index notification_rules_connector_idx on notification_rules (connector_id)',

    // One row per rule and kind: however many events there are, they become the lines of one mail. Empty between two mails.
    `create table notification_gatherings (
      rule_id uuid not null constraint notification_gatherings_rule_id_fkey references notification_rules (id) on delete cascade,
      kind text not null,
      tenant_id uuid not null,
      count integer not null default 0,
      items jsonb not null default '[]',
      tallies jsonb not null default '{}',
      due_at timestamptz,
      closed_at timestamptz,
      constraint notification_gatherings_pkey primary key (rule_id, kind))`,
    'create index notification_gatherings_due_idx on notification_gatherings (due_at) where due_at is not null',

    // How far a rule has been told of what time brings: expiries up to a day, the digest of a week.
    `create table notification_marks (
      rule_id uuid not null constraint notification_marks_rule_id_fkey references notification_rules (id) on delete cascade,
      name text not null,
      tenant_id uuid not null,
      reached timestamptz not null,
      constraint notification_marks_pkey primary key (rule_id, name))`,

    // What was last told of a connector, so that whoever watches it may say it as often as it likes.
    `create table notification_connectors (
      connector_id uuid constraint notification_connectors_pkey primary key
        constraint notification_connectors_connector_id_fkey references connectors (id) on delete cascade,
      tenant_id uuid not null,
      state text not null constraint notification_connectors_state_check check (state in ('up', 'down')),
      since timestamptz not null)`,

    // The rule's name stays readable when the rule is gone. One mail per recipient: what one server refuses, the others still get.
    `create table mails (
      id uuid constraint mails_pkey primary key,
      tenant_id uuid not null,
      rule_id uuid not null,
      rule_name text not null,
      kind text not null,
      recipient text not null,
      subject text not null,
      content jsonb not null,
      state text not null constraint mails_state_check check (state in ('waiting', 'sent', 'dead')),
      attempts integer not null default 0,
      fence bigint not null default 0,
      next_attempt_at timestamptz not null default now(),
      give_up_at timestamptz not null,
      last_error text,
      response text,
      created_at timestamptz not null default now(),
      finished_at timestamptz)`,
    "create index mails_due_idx on mails (next_attempt_at) where state = 'waiting'",
    'create index mails_tenant_idx on mails (tenant_id, id)',
    'create index mails_rule_idx on mails (rule_id)',
    "create index mails_finished_idx on mails (finished_at) where state <> 'waiting'",

    // Rows lie in the order of their time and end about as far apart as they began: a summary per block range finds what ends soon, and
    // an insert pays next to nothing for it.
    'create index certificates_not_after_idx on certificates using brin (not_after) with (pages_per_range = 32, autosummarize = on)',
  ],
};
