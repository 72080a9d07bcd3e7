import type { Migration } from './migration.js';

/**
 * What connectors did and how they fare. Ids of the log grow with time (UUIDv7): the newest rows of a connector, and the oldest of all,
 * are found without a time's own index. Figures per hour are kept apart, so that a month of them is read in milliseconds.
 */
export const connectorLogs: Migration = {
  name: '0024-connector-logs',
  statements: [
    `create table connector_logs (
      id uuid constraint connector_logs_pkey primary key,
      tenant_id uuid not null,
      connector_id uuid not null,
      connector_version integer not null,
      at timestamptz not null,
      level text not null constraint connector_logs_level_check check (level in ('info', 'warning', 'error')),
      operation text not null,
      outcome text not null,
      result text not null constraint connector_logs_result_check check (result in ('ok', 'refused', 'failed')),
      order_id uuid,
      request_id text not null,
      method text,
      route text,
      status integer,
      duration_ms integer not null,
      attempts integer not null,
      peer text,
      detail text not null)`,
    'create index connector_logs_connector_idx on connector_logs (connector_id, id desc)',
    'create index connector_logs_order_idx on connector_logs (order_id, id desc) where order_id is not null',
    `create table connector_hours (
      tenant_id uuid not null,
      connector_id uuid not null,
      hour timestamptz not null,
      result text not null,
      bucket smallint not null,
      calls bigint not null,
      constraint connector_hours_pkey primary key (connector_id, hour, result, bucket))`,
    'create index connector_hours_hour_idx on connector_hours (hour)',
    `create table connector_health (
      connector_id uuid constraint connector_health_pkey primary key
        constraint connector_health_connector_id_fkey references connectors (id) on delete cascade,
      tenant_id uuid not null,
      state text not null default 'UNKNOWN' constraint connector_health_state_check check (state in ('UNKNOWN', 'UP', 'DEGRADED', 'DOWN')),
      since timestamptz not null default now(),
      reason text not null default '',
      failures integer not null default 0,
      checked_at timestamptz,
      last_success_at timestamptz,
      last_failure_at timestamptz,
      probe_ms integer,
      steps jsonb not null default '[]',
      credentials jsonb not null default '[]',
      connector_version integer not null default 0,
      next_probe_at timestamptz not null default now(),
      fence bigint not null default 0)`,
    'create index connector_health_due_idx on connector_health (next_probe_at)',
    `create table connector_health_changes (
      id uuid constraint connector_health_changes_pkey primary key,
      connector_id uuid not null
        constraint connector_health_changes_connector_id_fkey references connectors (id) on delete cascade,
      tenant_id uuid not null,
      at timestamptz not null,
      was text not null,
      state text not null,
      reason text not null)`,
    'create index connector_health_changes_connector_idx on connector_health_changes (connector_id, id desc)',
  ],
};
