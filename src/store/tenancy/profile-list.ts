import { type RawBuilder, sql } from 'kysely';
import type { Context } from '../../tenancy/context.js';
import type { Page, ProfileListQuery, ProfileRow } from '../../tenancy/ports.js';
import type { Profile, Protocol } from '../../tenancy/profile.js';
import { type Connection, firstOf, rowsOf } from '../connection/connection.js';
import { type KeptCounts, keptCounts } from '../orders/kept-counts.js';
import { isFailed, isRejected, isSuccess } from '../orders/summary.js';
import { allOf, readPage, searched, versionedSorts } from '../page.js';
import { equals, equalsId, visibleTo } from '../scope.js';
import type { ProfileTableRow } from './profile-rows.js';

type ListRow = ProfileTableRow & {
  readonly tenant_name: string;
  readonly connector_name: string;
  readonly success: number;
  readonly failed: number;
  readonly total: number;
};

const countColumns = sql`count(*) as total, count(*) filter (where ${isSuccess}) as success, count(*) filter (where ${isFailed}) as failed,
  count(*) filter (where ${isSuccess} or ${isFailed} or ${isRejected}) as over`;
const columns = sql`p.*, t.name as tenant_name, c.name as connector_name, coalesce(n.success, 0) as success, coalesce(n.failed, 0) as failed,
  coalesce(n.total, 0) as total`;
const tables = sql`profiles p join tenants t on t.id = p.tenant_id join connectors c on c.id = p.connector_id`;
/** Of one profile, by the index of its orders. */
const ownCounts = sql`left join lateral (select ${countColumns} from orders o where o.profile_id = p.id) n on true`;
const successRate = sql`(100.0 * n.success / nullif(n.over, 0))`;

export async function findProfile(
  connection: Connection,
  context: Context,
  protocol: Protocol,
  id: string,
  toItem: (row: ProfileTableRow) => Profile,
): Promise<ProfileRow<Profile> | undefined> {
  const where = allOf([...visibleTo(context, sql`p.tenant_id`), ...equalsId(sql`p.id`, id), sql`p.protocol = ${protocol}`]);
  const row = await firstOf(connection, sql<ListRow>`select ${columns} from ${tables} ${ownCounts} where ${where}`);
  return row === undefined ? undefined : toRow(row, toItem);
}

interface Counts {
  readonly profile_id: string;
  readonly total: number;
  readonly success: number;
  readonly failed: number;
  readonly over: number;
}

export type ProfileCounts = KeptCounts<readonly Counts[]>;

/** The counts of all profiles, which lists may sort and filter by. */
export function profileCounts(): ProfileCounts {
  return keptCounts((counts) => counts.reduce((sum, { total }) => sum + total, 0));
}

async function countsOf(connection: Connection, context: Context, kept: ProfileCounts): Promise<RawBuilder<unknown>> {
  const where = allOf(visibleTo(context, sql`o.tenant_id`));
  const counted = sql<Counts>`select o.profile_id, ${countColumns} from orders o where ${where} group by o.profile_id`;
  const counts = await kept(String(context.tenantId), () => rowsOf(connection, counted));
  return sql`left join json_to_recordset(${JSON.stringify(counts)}::json)
    as n (profile_id uuid, total bigint, success bigint, failed bigint, over bigint) on n.profile_id = p.id`;
}

export async function listProfiles<P extends Profile>(
  connection: Connection,
  kept: ProfileCounts,
  context: Context,
  protocol: Protocol,
  query: ProfileListQuery,
  toItem: (row: ProfileTableRow) => P,
): Promise<Page<ProfileRow<P>>> {
  const { minSuccessRate, maxSuccessRate, q } = query;
  const listing = {
    select: columns,
    from: sql`${tables} ${await countsOf(connection, context, kept)}`,
    where: [
      ...visibleTo(context, sql`p.tenant_id`),
      sql`p.protocol = ${protocol}`,
      ...equals(sql`p.status`, query.status),
      ...equalsId(sql`p.tenant_id`, query.tenantId),
      ...equalsId(sql`p.connector_id`, query.connectorId),
      ...(minSuccessRate === undefined ? [] : [sql`${successRate} >= ${minSuccessRate}`]),
      ...(maxSuccessRate === undefined ? [] : [sql`${successRate} <= ${maxSuccessRate}`]),
      ...searched(q, sql`p.name`, sql`t.name`),
    ],
    sorts: {
      ...versionedSorts('p'),
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
