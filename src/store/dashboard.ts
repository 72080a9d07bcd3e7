import { type RawBuilder, sql } from 'kysely';
import { type Attention, attentionKinds, type Dashboard, type DashboardReader, type OrdersOfDay } from '../admin/ports/dashboard.js';
import type { OrderState } from '../enrolment/order.js';
import type { Context } from '../tenancy/context.js';
import { type Connection, firstOf, rowsOf } from './connection/connection.js';
import { keptCounts } from './orders/kept-counts.js';
import { firstIdAfter, isActive, isSuccess } from './orders/summary.js';
import { allOf } from './page.js';
import { visibleTo } from './scope.js';

/** Days go by while these numbers change: where it costs something, certificates are counted for a minute. */
const ofCertificates = { many: 1_000, slowMs: 25 };
/** Enough for steady percentiles, and a bounded piece of the newest part of an index. */
const latencyOrders = 5_000;
const dayMs = 86_400_000;

export function dashboardReader(connection: Connection): DashboardReader {
  const days = keptCounts<readonly OrdersOfDay[]>((rows) => rows.reduce((sum, { issued, refused, open }) => sum + issued + refused + open, 0));
  const expiring = keptCounts<Dashboard['expiring']>(({ within90Days }) => within90Days, ofCertificates);
  return {
    async read(context, wanted): Promise<Dashboard> {
      const [counted, latency, soonOver, waiting] = await Promise.all([
        days(`${context.tenantId} ${wanted}`, () => ordersOfDays(connection, context, wanted)),
        latencyOf(connection, context),
        expiring(`${context.tenantId}`, () => expiringOf(connection, context)),
        waitingOf(connection, context),
      ]);
      const soon = { kind: 'certificates-expiring', count: soonOver.within7Days, since: null } as const;
      const found = [...waiting, soon].filter(({ count }) => count > 0);
      return { days: counted, latency, expiring: soonOver, attention: attentionKinds.flatMap((kind) => found.filter((one) => one.kind === kind)) };
    },
  };
}

function ordersOfDays(connection: Connection, context: Context, days: number): Promise<readonly OrdersOfDay[]> {
  const firstId = firstIdAfter(Date.now() - days * dayMs);
  const from = sql`(date_trunc('day', now() at time zone 'UTC') - ${days - 1} * interval '1 day') at time zone 'UTC'`;
  return rowsOf(
    connection,
    sql<OrdersOfDay>`select to_char(o.created_at at time zone 'UTC', 'YYYY-MM-DD') as day, o.protocol, count(*) filter (where ${isSuccess}) as issued,
        count(*) filter (where ${isActive}) as open, count(*) filter (where not (${isSuccess}) and (${isActive}) is not true) as refused
      from orders o where ${allOf([...visibleTo(context, sql`o.tenant_id`), sql`o.id >= ${firstId}::uuid`, sql`o.created_at >= ${from}`])}
      group by 1, 2 order by 1, 2`,
  );
}

async function latencyOf(connection: Connection, context: Context): Promise<Dashboard['latency']> {
  const newest = sql`select extract(epoch from o.finished_at - coalesce(o.approved_at, o.created_at)) * 1000 as ms from orders o
    where ${allOf([...visibleTo(context, sql`o.tenant_id`), sql`o.finished_at is not null`])} order by o.id desc limit ${latencyOrders}`;
  const found = await firstOf(
    connection,
    sql<{ p50: number | null; p95: number | null; orders: number }>`select percentile_cont(0.5) within group (order by n.ms)::float8 as p50,
      percentile_cont(0.95) within group (order by n.ms)::float8 as p95, count(*) as orders from (${newest}) n`,
  );
  const whole = (ms: number | null | undefined) => (ms === null || ms === undefined ? null : Math.max(0, Math.round(ms)));
  return { p50Ms: whole(found?.p50), p95Ms: whole(found?.p95), orders: found?.orders ?? 0 };
}

async function expiringOf(connection: Connection, context: Context): Promise<Dashboard['expiring']> {
  const within = (days: number) => sql`count(*) filter (where c.not_after < now() + ${days} * interval '1 day')`;
  const where = allOf([
    ...visibleTo(context, sql`c.tenant_id`),
    sql`c.status = 'valid'`,
    sql`c.not_after >= now()`,
    sql`c.not_after < now() + interval '90 days'`,
  ]);
  const found = await firstOf(
    connection,
    sql<
      Dashboard['expiring']
    >`select ${within(7)} as "within7Days", ${within(30)} as "within30Days", count(*) as "within90Days" from certificates c where ${where}`,
  );
  return found ?? { within7Days: 0, within30Days: 0, within90Days: 0 };
}

/** Each by the index of what is watched, one state at a time; connectors are few. */
async function waitingOf(connection: Connection, context: Context): Promise<readonly Attention[]> {
  const visible = visibleTo(context, sql`o.tenant_id`);
  const orders = (kind: Attention['kind'], state: OrderState, ...more: readonly RawBuilder<unknown>[]) =>
    sql`select ${kind}::text as kind, count(*) as count, min(o.created_at) as since from orders o where ${allOf([...visible, sql`o.watched_state = ${state}`, ...more])}`;
  const firstId = firstIdAfter(Date.now() - 30 * dayMs);
  // Compared as a row, as in the index: with the id alone the planner would rather walk all orders of the month.
  const unseen = (state: OrderState) =>
    orders('failed-unacknowledged', state, sql`o.acknowledged_at is null`, sql`(o.watched_state, o.id) >= (${state}, ${firstId}::uuid)`);
  const down = allOf([...visibleTo(context, sql`c.tenant_id`), sql`c.status = 'active'`, sql`h.state = 'DOWN'`]);
  const unknown = allOf([...visibleTo(context, sql`u.tenant_id`), sql`u.state = 'FOUND'`]);
  return rowsOf(
    connection,
    sql<Attention>`select w.kind, sum(w.count)::int8 as count, min(w.since) as since from (${orders('awaiting-approval', 'AWAITING_APPROVAL')}
      union all ${orders('stuck', 'STUCK')}
      union all ${orders('uncertain', 'UNCERTAIN')}
      union all ${unseen('FAILED')}
      union all ${unseen('EXPIRED')}
      union all select 'connector-down', count(*), min(h.since) from connectors c join connector_health h on h.connector_id = c.id where ${down}
      union all select 'unknown-certificates', count(*), min(u.found_at) from unknown_certificates u where ${unknown}) w group by w.kind`,
  );
}
