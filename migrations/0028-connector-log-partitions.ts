import type { Migration } from './migration.js';

/**
 * The log of connectors by day. Ids grow with time (UUIDv7), so that ranges of ids are ranges of time. What is there already becomes
 * the first partition, as it stands and without being copied; what no day was prepared for goes to the last one, so that nothing is ever
 * refused. Days are prepared ahead, and dropped whole when their time is over, by the program.
 */
export const connectorLogPartitions: Migration = {
  name: '0028-connector-log-partitions',
  statements: [
    'alter table connector_logs rename to connector_logs_before',
    'alter table connector_logs_before rename constraint connector_logs_pkey to connector_logs_before_pkey',
    'alter index connector_logs_connector_idx rename to connector_logs_before_connector_idx',
    'alter index connector_logs_order_idx rename to connector_logs_before_order_idx',
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
      detail text not null) partition by range (id)`,
    'create index connector_logs_connector_idx on connector_logs (connector_id, id desc)',
    'create index connector_logs_order_idx on connector_logs (order_id, id desc) where order_id is not null',
    'create table connector_logs_default partition of connector_logs default',
    `do $$
      declare
        newest uuid := (select id from connector_logs_before order by id desc limit 1);
        tomorrow bigint := (extract(epoch from date_trunc('day', now() at time zone 'utc')) * 1000)::bigint + 86400000;
        ends bigint;
      begin
        if newest is null then
          drop table connector_logs_before;
          return;
        end if;
        ends := greatest(tomorrow, ('x' || lpad(replace(left(newest::text, 13), '-', ''), 16, '0'))::bit(64)::bigint + 1);
        execute format('alter table connector_logs attach partition connector_logs_before for values from (minvalue) to (%L)',
          left(lpad(to_hex(ends), 12, '0'), 8) || '-' || right(lpad(to_hex(ends), 12, '0'), 4) || '-7000-8000-000000000000');
      end $$`,
  ],
};
