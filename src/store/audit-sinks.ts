import { sql } from 'kysely';
import type { SinkDesk } from '../admin/ports.js';
import type { AuditSink } from '../audit/sink.js';
import { ok } from '../runtime/result.js';
import type { Sealer } from '../runtime/seal.js';
import type { Secret } from '../runtime/secret.js';
import type { Context } from '../tenancy/context.js';
import type { Boot } from './audit.js';
import type { Connection, Executor } from './connection/connection.js';
import { readPage, searched, versionedSorts } from './page.js';
import { equals, equalsId } from './scope.js';
import { sealText } from './sealed.js';
import { auditChange, changeConfig, changedFields, standingAt, type Trx, type Written } from './tenancy/config-change.js';
import { isUuid, storableJson } from './text.js';

export interface SinkRow {
  readonly id: string;
  readonly tenant_id: string | null;
  readonly name: string;
  readonly type: AuditSink['type'];
  readonly status: AuditSink['status'];
  readonly settings: AuditSink['settings'];
  readonly secret: Buffer | null;
  readonly secret_updated_at: Date | null;
  readonly position: number;
  readonly signed: number;
  readonly fence: number;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly delivered_at: Date | null;
  readonly version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export const secretPlace = (rowId: string) => ({ table: 'audit_sinks', column: 'secret', tenantId: '', rowId }) as const;

/** The sinks for whoever looks after them: callers that see every tenant. */
export function sinkDesk(connection: Connection, boot: Boot, sealer: Sealer): SinkDesk {
  const sealed = (id: string, secret: Secret | undefined): Buffer | null => (secret === undefined ? null : sealText(sealer, secret, secretPlace(id)));
  return {
    find: (_context, id) => read(connection.kysely, id),
    list: (_context, query) => {
      const listing = {
        select: sql`r.*`,
        from: sql`audit_sinks r`,
        where: [
          ...equalsId(sql`r.tenant_id`, query.tenantId),
          ...equals(sql`r.status`, query.status),
          ...equals(sql`r.type`, query.type),
          ...searched(query.q, sql`r.name`),
        ],
        sorts: versionedSorts('r'),
        defaultSort: '-createdAt',
        id: sql`r.id`,
      } as const;
      return readPage<SinkRow, AuditSink>(connection, listing, query, toSink);
    },
    create: (context, { id, name, type, status, tenantId, settings, secret, startAt }) =>
      changeConfig(connection, async (trx) => {
        const newest = sql`coalesce((select size from audit_checkpoints order by size desc limit 1), 0)`;
        const start = startAt === 'beginning' ? sql`0` : sql`coalesce((select last from audit_runs order by first desc limit 1), 0)`;
        await sql`insert into audit_sinks (id, tenant_id, name, type, status, settings, secret, secret_updated_at, position, signed)
          values (${id}, ${tenantId}, ${name}, ${type}, ${status}, ${storableJson(settings)}::jsonb, ${sealed(id, secret)},
            case when ${secret !== undefined} then now() end, ${start}, ${startAt === 'beginning' ? 0 : newest})`.execute(trx);
        await auditChange(trx, boot, context, 'audit-sink.created', `audit-sink:${id}`, null, { name, type });
        return ok((await read(trx, id)) as AuditSink);
      }),
    update: (context, id, version, { secret, ...change }) =>
      changeConfig(connection, async (trx) => {
        const found = standingAt(await read(trx, id), version);
        if (!found.ok) return found;
        const next = { ...found.value, ...change };
        await sql`update audit_sinks set name = ${next.name}, status = ${next.status}, tenant_id = ${next.tenantId},
            settings = ${storableJson(next.settings)}::jsonb, next_attempt_at = now(), version = version + 1, updated_at = now() where id = ${id}`.execute(trx);
        if (secret !== undefined) {
          await sql`update audit_sinks set secret = ${sealed(id, secret)}, secret_updated_at = now() where id = ${id}`.execute(trx);
        }
        await auditChange(trx, boot, context, 'audit-sink.updated', `audit-sink:${id}`, null, { fields: changedFields({ ...change, secret }) });
        return ok((await read(trx, id)) as AuditSink);
      }),
    remove: (context, id, version) => changeConfig(connection, (trx) => remove(trx, boot, context, id, version)),
  };
}

async function remove(trx: Trx, boot: Boot, context: Context, id: string, version: number): Promise<Written<true>> {
  const found = standingAt(await read(trx, id), version);
  if (!found.ok) return found;
  await sql`delete from audit_sinks where id = ${id}`.execute(trx);
  const { name, position } = found.value;
  await auditChange(trx, boot, context, 'audit-sink.removed', `audit-sink:${id}`, null, { name, position });
  return ok(true);
}

async function read(executor: Executor, id: string): Promise<AuditSink | undefined> {
  if (!isUuid(id)) return undefined;
  const { rows } = await sql<SinkRow>`select * from audit_sinks where id = ${id}`.execute(executor);
  return rows[0] === undefined ? undefined : toSink(rows[0]);
}

function toSink(row: SinkRow): AuditSink {
  const { id, name, type, status, settings, position, version } = row;
  const delivery = { position, lastError: row.last_error, deliveredAt: row.delivered_at };
  const times = { secretUpdatedAt: row.secret_updated_at, createdAt: row.created_at, updatedAt: row.updated_at };
  return { id, name, type, status, tenantId: row.tenant_id, settings, ...delivery, version, ...times };
}
