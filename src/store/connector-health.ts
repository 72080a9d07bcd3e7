import { type RawBuilder, sql } from 'kysely';
import { uuidv7 } from '../runtime/ids.js';
import type { ConnectorHealth, ConnectorHealthStore, CredentialLife, HealthChange, HealthState, ProbeStep } from '../tenancy/connector-health.js';
import { type Connection, firstOf, rowsOf } from './connection/connection.js';
import { allOf } from './page.js';
import { equalsId, visibleTo } from './scope.js';
import { isUuid, storableJson, storableText } from './text.js';

interface HealthRow {
  readonly connector_id: string;
  readonly tenant_id: string;
  readonly state: HealthState;
  readonly since: Date;
  readonly reason: string;
  readonly failures: number;
  readonly checked_at: Date | null;
  readonly last_success_at: Date | null;
  readonly last_failure_at: Date | null;
  readonly probe_ms: number | null;
  readonly steps: readonly ProbeStep[];
  readonly credentials: readonly (Omit<CredentialLife, 'notBefore' | 'notAfter'> & { readonly notBefore: string; readonly notAfter: string })[];
  readonly fence: number;
}

export function connectorHealthStore(connection: Connection): ConnectorHealthStore {
  return {
    async claimDue(_context, limit, leaseMs) {
      await rowsOf(connection, addMissing);
      return (await rowsOf(connection, claim(limit, leaseMs))).map((row) => ({ health: toHealth(row), fence: row.fence }));
    },
    record: async (...facts) => (await rowsOf(connection, recorded(...facts))).length === 1,
    async find(context, connectorId) {
      const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`connector_id`, connectorId)]);
      const row = await firstOf(connection, sql<HealthRow>`select * from connector_health where ${where}`);
      return row && toHealth(row);
    },
    async states(context, connectorIds) {
      const ids = connectorIds.filter(isUuid);
      if (ids.length === 0) return new Map();
      const where = allOf([...visibleTo(context, sql`tenant_id`), sql`connector_id in (${sql.join(ids.map((id) => sql`${id}::uuid`))})`]);
      const rows = await rowsOf(connection, sql<HealthRow>`select connector_id, state from connector_health where ${where} and state <> 'UNKNOWN'`);
      return new Map(rows.map(({ connector_id, state }) => [connector_id, state]));
    },
    history(context, connectorId, limit) {
      const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`connector_id`, connectorId)]);
      return rowsOf(
        connection,
        sql<HealthChange>`select id, at, was, state, reason from connector_health_changes where ${where} order by id desc limit ${limit}`,
      );
    },
    forget: async (_context, days) => {
      const old = sql`delete from connector_health_changes where at < now() - ${days} * interval '1 day' returning 1`;
      return (await rowsOf(connection, old)).length;
    },
  };
}

/** A connector that is new has its first probe at once. */
const addMissing = sql`insert into connector_health (connector_id, tenant_id)
  select id, tenant_id from connectors c where status = 'active' and not exists (select 1 from connector_health h where h.connector_id = c.id)
  on conflict do nothing`;

/** Due: its time has come, or its configuration has changed since the last probe. Until the lease is over nobody else takes it. */
function claim(limit: number, leaseMs: number): RawBuilder<HealthRow> {
  return sql<HealthRow>`update connector_health h
    set next_probe_at = now() + ${leaseMs} * interval '1 millisecond', fence = h.fence + 1, connector_version = due.version
    from (
      select w.connector_id, c.version from connector_health w join connectors c on c.id = w.connector_id
      where c.status = 'active' and (w.next_probe_at <= now() or w.connector_version <> c.version)
      order by w.next_probe_at limit ${limit} for update of w skip locked) due
    where h.connector_id = due.connector_id returning h.*`;
}

/** State and its change in one statement; nothing where the fence has moved on. */
function recorded(...[, due, probe, verdict, nextInMs]: Parameters<ConnectorHealthStore['record']>): RawBuilder<unknown> {
  const { connectorId, tenantId, state: was } = due.health;
  const reason = storableText(verdict.reason);
  const succeeded = probe.ok ? sql`now()` : sql`last_success_at`;
  const failed = probe.ok ? sql`last_failure_at` : sql`now()`;
  return sql`with changed as (
      update connector_health set since = case when state = ${verdict.state} then since else now() end, state = ${verdict.state}, reason = ${reason},
        failures = ${verdict.failures}, checked_at = now(), last_success_at = ${succeeded}, last_failure_at = ${failed}, probe_ms = ${probe.ms},
        steps = ${storableJson(probe.steps)}::jsonb, credentials = ${storableJson(probe.credentials)}::jsonb,
        next_probe_at = now() + ${nextInMs} * interval '1 millisecond'
      where connector_id = ${connectorId}::uuid and fence = ${due.fence} returning 1),
    noted as (
      insert into connector_health_changes (id, connector_id, tenant_id, at, was, state, reason)
      select ${uuidv7()}::uuid, ${connectorId}::uuid, ${tenantId}::uuid, now(), ${was}, ${verdict.state}, ${reason} from changed
      where ${was} <> ${verdict.state})
    select 1 from changed`;
}

function toHealth(row: HealthRow): ConnectorHealth {
  return {
    connectorId: row.connector_id,
    tenantId: row.tenant_id,
    state: row.state,
    since: row.since,
    reason: row.reason,
    failures: row.failures,
    checkedAt: row.checked_at,
    lastSuccessAt: row.last_success_at,
    lastFailureAt: row.last_failure_at,
    probeMs: row.probe_ms,
    steps: row.steps,
    credentials: row.credentials.map((credential) => ({ ...credential, notBefore: new Date(credential.notBefore), notAfter: new Date(credential.notAfter) })),
  };
}
