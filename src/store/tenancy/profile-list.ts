import { sql } from 'kysely';
import type { Context } from '../../tenancy/context.js';
import type { Page, ProfileListQuery, ProfileRow } from '../../tenancy/ports.js';
import type { Profile, Protocol } from '../../tenancy/profile.js';
import { type Connection, firstOf } from '../connection/connection.js';
import { isFailed, isRejected, isSuccess } from '../orders/summary.js';
import { allOf, contains, readPage } from '../page.js';
import { equals, equalsId, visibleTo } from '../scope.js';
import { type ProfileTableRow, toProfile } from './profile-rows.js';

type ListRow = ProfileTableRow & {
  readonly tenant_name: string;
  readonly connector_name: string;
  readonly success: number;
  readonly failed: number;
  readonly total: number;
};

const columns = sql`p.*, t.name as tenant_name, c.name as connector_name, coalesce(n.success, 0) as success, coalesce(n.failed, 0) as failed,
  coalesce(n.total, 0) as total`;
const tables = sql`profiles p join tenants t on t.id = p.tenant_id join connectors c on c.id = p.connector_id`;
/** Counted per profile of the page, by the index of its orders. */
const counts = sql`left join lateral (
  select count(*) as total, count(*) filter (where ${isSuccess}) as success, count(*) filter (where ${isFailed}) as failed,
    count(*) filter (where ${isSuccess} or ${isFailed} or ${isRejected}) as over
  from orders o where o.profile_id = p.id) n on true`;
const successRate = sql`(100.0 * n.success / nullif(n.over, 0))`;

export async function findProfile(connection: Connection, context: Context, protocol: Protocol, id: string): Promise<ProfileRow<Profile> | undefined> {
  const where = allOf([...visibleTo(context, sql`p.tenant_id`), ...equalsId(sql`p.id`, id), sql`p.protocol = ${protocol}`]);
  const row = await firstOf(connection, sql<ListRow>`select ${columns} from ${tables} ${counts} where ${where}`);
  return row === undefined ? undefined : toRow(row, toProfile);
}

export function listProfiles<P extends Profile>(
  connection: Connection,
  context: Context,
  protocol: Protocol,
  query: ProfileListQuery,
  toItem: (row: ProfileTableRow) => P,
): Promise<Page<ProfileRow<P>>> {
  const { minSuccessRate, maxSuccessRate, q } = query;
  const listing = {
    select: columns,
    from: sql`${tables} ${counts}`,
    where: [
      ...visibleTo(context, sql`p.tenant_id`),
      sql`p.protocol = ${protocol}`,
      ...equals(sql`p.status`, query.status),
      ...equalsId(sql`p.tenant_id`, query.tenantId),
      ...equalsId(sql`p.connector_id`, query.connectorId),
      ...(minSuccessRate === undefined ? [] : [sql`${successRate} >= ${minSuccessRate}`]),
      ...(maxSuccessRate === undefined ? [] : [sql`${successRate} <= ${maxSuccessRate}`]),
      ...(q === undefined || q === '' ? [] : [sql`(${contains(sql`p.name`, q)} or ${contains(sql`t.name`, q)})`]),
    ],
    sorts: {
      createdAt: { by: sql`p.created_at`, type: 'timestamptz' },
      updatedAt: { by: sql`p.updated_at`, type: 'timestamptz' },
      name: { by: sql`p.name`, type: 'text' },
      status: { by: sql`p.status`, type: 'text' },
      endpointPath: { by: sql`p.endpoint_path`, type: 'text' },
      tenant: { by: sql`t.name`, type: 'text' },
      connector: { by: sql`c.name`, type: 'text' },
      orders: { by: sql`coalesce(n.total, 0)`, type: 'bigint' },
      successRate: { by: sql`coalesce(${successRate}, -1)`, type: 'numeric' },
    },
    defaultSort: '-createdAt',
    id: sql`p.id`,
  } as const;
  return readPage<ListRow, ProfileRow<P>>(connection, listing, query, (row) => toRow(row, toItem));
}

function toRow<P extends Profile>(row: ListRow, toItem: (row: ProfileTableRow) => P): ProfileRow<P> {
  const orders = { success: row.success, failed: row.failed, total: row.total };
  return { ...toItem(row), tenantName: row.tenant_name, connectorName: row.connector_name, orders };
}
