import { type Selectable, sql } from 'kysely';
import { ok } from '../../runtime/result.js';
import type { Tenant } from '../../tenancy/connector.js';
import type { Context } from '../../tenancy/context.js';
import type { TenantStore } from '../../tenancy/ports.js';
import type { Boot } from '../audit.js';
import { type Connection, firstOf } from '../connection/connection.js';
import { allOf, readPage, searched, versionedSorts } from '../page.js';
import { equals, equalsId, visibleTo } from '../scope.js';
import type { TenantsTable } from '../tables.js';
import { auditChange, changeConfig, changedFields, standingAt } from './config-change.js';

type TenantRow = Selectable<TenantsTable>;

export function tenantStore(connection: Connection, boot: Boot): TenantStore {
  return {
    create: (context, tenant) =>
      changeConfig(connection, async (trx) => {
        const row = await trx.insertInto('tenants').values(tenant).returningAll().executeTakeFirstOrThrow();
        await auditChange(trx, boot, context, 'tenant.created', `tenant:${tenant.id}`, tenant.id, { name: tenant.name, slug: tenant.slug });
        return ok(toTenant(row));
      }),
    find: (context, id) => find(connection, context, id),
    list: (context, query) =>
      readPage<TenantRow, Tenant>(
        connection,
        {
          select: sql`t.*`,
          from: sql`tenants t`,
          where: [...visibleTo(context, sql`t.id`), ...equals(sql`t.status`, query.status), ...searched(query.q, sql`t.name`, sql`t.slug`)],
          sorts: {
            ...versionedSorts('t'),
            slug: { by: sql`t.slug`, type: 'text' },
          },
          defaultSort: '-createdAt',
          id: sql`t.id`,
        },
        query,
        toTenant,
      ),
    update: (context, id, version, change) =>
      changeConfig(connection, async (trx) => {
        const found = standingAt(
          (await sql<{ version: number }>`select version from tenants where ${allOf(equalsId(sql`id`, id))} for update`.execute(trx)).rows[0],
          version,
        );
        if (!found.ok) return found;
        const next = { ...change, version: version + 1, updated_at: new Date() };
        const row = await trx.updateTable('tenants').set(next).where('id', '=', id).returningAll().executeTakeFirstOrThrow();
        await auditChange(trx, boot, context, 'tenant.updated', `tenant:${id}`, id, { fields: changedFields(change) });
        return ok(toTenant(row));
      }),
  };
}

async function find(connection: Connection, context: Context, id: string): Promise<Tenant | undefined> {
  const where = allOf([...visibleTo(context, sql`id`), ...equalsId(sql`id`, id)]);
  const row = await firstOf(connection, sql<TenantRow>`select * from tenants where ${where}`);
  return row === undefined ? undefined : toTenant(row);
}

function toTenant(row: TenantRow): Tenant {
  const { id, name, slug, status, version } = row;
  return { id, name, slug, status, version, createdAt: row.created_at, updatedAt: row.updated_at };
}
