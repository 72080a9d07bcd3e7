import type { Migration } from './migration.js';

/**
 * Where audit events are copied to. `position` is how far of the chain each has, `signed` the newest checkpoint it has; the chain itself is the
 * queue, so that nothing can be lost between them.
 */
export const auditSinks: Migration = {
  name: '0036-audit-sinks',
  statements: [
    `create table audit_sinks (
      id uuid constraint audit_sinks_pkey primary key,
      tenant_id uuid constraint audit_sinks_tenant_id_fkey references tenants (id),
      name text not null,
      type text not null constraint audit_sinks_type_check check (type in ('syslog', 'webhook')),
      status text not null constraint audit_sinks_status_check check (status in ('active', 'inactive')),
      settings jsonb not null,
      secret bytea,
      secret_updated_at timestamptz,
      position bigint not null,
      signed bigint not null,
      fence bigint not null default 0,
      attempts integer not null default 0,
      next_attempt_at timestamptz not null default now(),
      last_error text,
      delivered_at timestamptz,
      version integer not null default 1,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint audit_sinks_name_key unique (name))`,
  ],
};
