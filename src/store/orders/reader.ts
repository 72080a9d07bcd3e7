import { type RawBuilder, sql } from 'kysely';
import { type Order, type OrderPhase, type OrderState, refusedStates, statesOf } from '../../enrolment/order.js';
import type { OrderListQuery, OrderReader, OrderSummary } from '../../enrolment/ports.js';
import type { Context } from '../../tenancy/context.js';
import { type Connection, firstOf, rowsOf } from '../connection/connection.js';
import { allOf, readPage, searched } from '../page.js';
import { equals, equalsId, visibleTo } from '../scope.js';
import { isUuid, storableText } from '../text.js';
import { keptCounts } from './kept-counts.js';
import { type OrderRow, orderColumns, toOrder } from './rows.js';
import { firstIdAfter, skewMs, summarise } from './summary.js';

export function orderReader(connection: Connection): OrderReader {
  const kept = keptCounts<OrderSummary>(({ totalOrders }) => totalOrders);
  return {
    find: (context, id) => find(connection, context, id),
    list: (context, query) => readPage<OrderRow, Order>(connection, listing(context, query), query, toOrder),
    summary: (context, protocol, window) => kept(`${context.tenantId} ${protocol} ${window}`, () => summarise(connection, context, protocol, window)),
    timeline: (context, id) => timeline(connection, context, id),
  };
}

async function find(connection: Connection, context: Context, id: string): Promise<Order | undefined> {
  if (!isUuid(id)) return undefined;
  const row = await firstOf(
    connection,
    sql<OrderRow>`select ${orderColumns} from orders o where ${allOf([...visibleTo(context, sql`o.tenant_id`), sql`o.id = ${id}`])}`,
  );
  return row === undefined ? undefined : toOrder(row);
}

/** Ids are made in the order of time, so that sorting by creation needs no index of its own. */
const sorts = {
  createdAt: { by: sql`o.id`, type: 'uuid' },
  finishedAt: { by: sql`coalesce(o.finished_at, 'infinity')`, type: 'timestamptz' },
  subject: { by: sql`o.subject`, type: 'text' },
  state: { by: sql`o.state`, type: 'text' },
  attempts: { by: sql`o.attempts`, type: 'bigint' },
} as const;

function listing(context: Context, query: OrderListQuery) {
  return {
    select: orderColumns,
    from: sql`orders o`,
    where: [
      ...visibleTo(context, sql`o.tenant_id`),
      ...equalsId(sql`o.tenant_id`, query.tenantId),
      ...equals(sql`o.protocol`, query.protocol),
      ...equalsId(sql`o.profile_id`, query.profileId),
      ...equalsId(sql`o.connector_id`, query.connectorId),
      ...equalsId(sql`o.account_id`, query.accountId),
      ...inState(query.state),
      ...inPhase(query.phase),
      ...seenTo(query.acknowledged),
      ...receivedWithin(query),
      ...equals(sql`o.operation`, query.operation),
      ...equals(sql`o.transaction_id`, query.transactionId === undefined ? undefined : storableText(query.transactionId)),
      ...searched(query.q, sql`o.subject`, sql`o.transaction_id`),
    ],
    sorts,
    defaultSort: '-createdAt',
    id: sql`o.id`,
  };
}

/** What arrived is found by walking the newest orders, nearly all of which are; the rest stands in an index of its own. */
function inState(state: OrderState | undefined): readonly RawBuilder<unknown>[] {
  const isWatched = state !== undefined && state !== 'ISSUED' && state !== 'DELIVERED' && state !== 'CONFIRMED';
  return equals(isWatched ? sql`o.watched_state` : sql`o.state`, state);
}

function inPhase(phase: OrderPhase | undefined): readonly RawBuilder<unknown>[] {
  if (phase === undefined) return [];
  const states = sql.join(statesOf[phase]);
  return [phase === 'issued' ? sql`o.state in (${states})` : sql`o.watched_state in (${states})`];
}

/** Seen to or not: both only of orders that failed or were rejected. */
function seenTo(acknowledged: boolean | undefined): readonly RawBuilder<unknown>[] {
  if (acknowledged === undefined) return [];
  const refused = sql`o.watched_state in (${sql.join(refusedStates)})`;
  return acknowledged ? [refused, sql`o.acknowledged_at is not null`] : [refused, sql`o.acknowledged_at is null`];
}

/** Ids tell the time too, nearly: they find the range in the index, the time itself decides. */
function receivedWithin({ since, until }: OrderListQuery): readonly RawBuilder<unknown>[] {
  return [
    ...(since === undefined ? [] : [sql`o.id >= ${firstIdAfter(since.getTime())}::uuid`, sql`o.created_at >= ${since}`]),
    ...(until === undefined ? [] : [sql`o.id < ${firstIdAfter(until.getTime() + 2 * skewMs)}::uuid`, sql`o.created_at < ${until}`]),
  ];
}

interface TimelineRow {
  readonly at: Date;
  readonly actor: string;
  readonly details: string;
}

type Timeline = Awaited<ReturnType<OrderReader['timeline']>>;

async function timeline(connection: Connection, context: Context, id: string): Promise<Timeline> {
  const where = allOf([...visibleTo(context, sql`tenant_id`), sql`object = ${`order:${id}`}`, sql`action like 'order.%'`]);
  const rows = await rowsOf(connection, sql<TimelineRow>`select at, actor, details from audit_events where ${where} order by at, node_seq limit 1000`);
  return rows.flatMap(({ at, actor, details }) => {
    const { state, reason } = JSON.parse(details) as { state?: OrderState; reason?: string };
    return state === undefined ? [] : [{ at, state, actor, detail: reason ?? '' }];
  });
}
