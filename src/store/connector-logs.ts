import { sql } from 'kysely';
import { uuidv7 } from '../runtime/ids.js';
import type { Log } from '../runtime/log.js';
import { type CallQuery, type ConnectorLog, type ConnectorLogReader, levelOf, type RecordedCall } from '../tenancy/connector-call.js';
import type { Context } from '../tenancy/context.js';
import type { Page } from '../tenancy/ports.js';
import { type Connection, firstOf, rowsOf } from './connection/connection.js';
import { firstIdOf, forgetCalls, makeRoom, nowOf } from './connector-log-partitions.js';
import { callFigures, countCalls } from './connector-logs-figures.js';
import { allOf, readPage, searched } from './page.js';
import { equals, equalsId, visibleTo } from './scope.js';
import { createSpool } from './spool.js';
import { storableJson } from './text.js';

export interface ConnectorLogRoom {
  readonly store: ConnectorLog & ConnectorLogReader;
  flush(): Promise<void>;
  close(): Promise<void>;
}

const recentMost = 200;

export function connectorLogRoom(connection: Connection, log: Log): ConnectorLogRoom {
  const options = { name: 'connector calls', intervalMs: 500, maxBatch: 1_000, maxWaiting: 20_000, log };
  const spool = createSpool<RecordedCall>((calls) => write(connection, calls), options);
  return {
    store: {
      note: (call) => spool.add({ ...call, id: uuidv7(call.at.getTime()), level: levelOf[call.result] }),
      ...connectorLogReader(connection),
      recent: (context, connectorId, seconds) => recent(connection, context, connectorId, seconds),
      makeRoom: async () => makeRoom(connection, await nowOf(connection)),
      forget: async (_context, days) => forgetCalls(connection, days, await nowOf(connection)),
    },
    flush: () => spool.flush(),
    close: () => spool.close(),
  };
}

export function connectorLogReader(connection: Connection): Pick<ConnectorLogReader, 'list' | 'figures'> {
  return {
    list: (context, connectorId, query) => list(connection, context, connectorId, query),
    figures: (context, connectorId, hours) => callFigures(connection, context, connectorId, hours),
  };
}

/** The calls and the figures they change, in one statement: a batch that is written twice after a lost answer counts once. */
async function write(connection: Connection, calls: readonly RecordedCall[]): Promise<void> {
  const rows = calls.map((call) => ({ ...call, at: call.at.toISOString() }));
  await rowsOf(
    connection,
    sql`with written as (
        insert into connector_logs (id, tenant_id, connector_id, connector_version, at, level, operation, outcome, result, order_id, request_id, method,
          route, status, duration_ms, attempts, peer, detail)
        select id, "tenantId", "connectorId", "connectorVersion", at, level, operation, outcome, result, "orderId", "requestId", method, route, status,
          "durationMs", attempts, peer, detail
        from json_to_recordset(${storableJson(rows)}::json) as (id uuid, "tenantId" uuid, "connectorId" uuid, "connectorVersion" integer, at timestamptz,
          level text, operation text, outcome text, result text, "orderId" uuid, "requestId" text, method text, route text, status integer,
          "durationMs" integer, attempts integer, peer text, detail text)
        on conflict (id) do nothing returning tenant_id, connector_id, at, operation, result, duration_ms)
      ${countCalls(sql`written`)}`,
  );
}

type CallRow = {
  readonly [Name in
    | 'id'
    | 'tenant_id'
    | 'connector_id'
    | 'level'
    | 'operation'
    | 'outcome'
    | 'result'
    | 'order_id'
    | 'request_id'
    | 'method'
    | 'route'
    | 'peer'
    | 'detail']: string;
} & { readonly connector_version: number; readonly at: Date; readonly status: number | null; readonly duration_ms: number; readonly attempts: number };

function list(connection: Connection, context: Context, connectorId: string, query: CallQuery): Promise<Page<RecordedCall>> {
  const listing = {
    select: sql`l.*`,
    from: sql`connector_logs l`,
    where: [
      ...visibleTo(context, sql`l.tenant_id`),
      ...equalsId(sql`l.connector_id`, connectorId),
      ...equals(sql`l.level`, query.level),
      ...equals(sql`l.operation`, query.operation),
      ...equals(sql`l.outcome`, query.outcome),
      ...equals(sql`l.result`, query.result),
      ...equalsId(sql`l.order_id`, query.orderId),
      ...(query.since === undefined ? [] : [sql`l.id >= ${firstIdOf(query.since)}::uuid`]),
      ...(query.until === undefined ? [] : [sql`l.id < ${firstIdOf(query.until)}::uuid`]),
      ...searched(query.q, sql`l.detail`, sql`l.request_id`),
    ],
    sorts: { at: { by: sql`l.id`, type: 'uuid' } },
    defaultSort: '-at',
    id: sql`l.id`,
  } as const;
  return readPage<CallRow, RecordedCall>(connection, listing, query, toCall);
}

function toCall(row: CallRow): RecordedCall {
  const { id, at, level, operation, outcome, result, method, route, status, attempts, peer, detail } = row;
  const names = { tenantId: row.tenant_id, connectorId: row.connector_id, connectorVersion: row.connector_version, orderId: row.order_id };
  const words = { level, operation, outcome, result } as Pick<RecordedCall, 'level' | 'operation' | 'outcome' | 'result'>;
  return { id, at, ...names, ...words, requestId: row.request_id, method, route, status, durationMs: row.duration_ms, attempts, peer, detail };
}

async function recent(connection: Connection, context: Context, connectorId: string, seconds: number): Promise<{ calls: number; failed: number }> {
  const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`connector_id`, connectorId)]);
  const since = firstIdOf(new Date(Date.now() - seconds * 1000));
  const counted = sql<{ calls: number; failed: number }>`select count(*) as calls, count(*) filter (where result = 'failed') as failed from (
    select result from connector_logs where ${where} and operation not in ('probe', 'test') and id >= ${since}::uuid
    order by id desc limit ${recentMost}) as newest`;
  return (await firstOf(connection, counted)) ?? { calls: 0, failed: 0 };
}
