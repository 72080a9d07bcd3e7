import { type RawBuilder, sql } from 'kysely';
import { type Order, type OrderPhase, type OrderState, refusedStates, statesOf } from '../../enrolment/order.js';
import type { OrderListQuery, OrderReader, OrderSummary } from '../../enrolment/ports.js';
import type { Context } from '../../tenancy/context.js';
import type { Page } from '../../tenancy/ports.js';
import { type Connection, firstOf, rowsOf } from '../connection/connection.js';
import { allOf, readPage, searched } from '../page.js';
import { equals, equalsId, visibleTo } from '../scope.js';
import { isUuid } from '../text.js';
import { walkPage } from '../walk.js';
import { keptCounts } from './kept-counts.js';
import { type OrderRow, orderColumns, toOrder } from './rows.js';
import { firstIdAfter, skewMs, summarise } from './summary.js';

export function orderReader(connection: Connection): OrderReader {
  const kept = keptCounts<OrderSummary>(({ totalOrders }) => totalOrders);
  return {
    find: (context, id) => find(connection, context, id),
    list: (context, query) => list(connection, context, query),
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

type Condition = RawBuilder<unknown>;

const common = { select: orderColumns, sorts, defaultSort: '-createdAt', id: sql`o.id` } as const;

/** The newest orders that an index finds; those are sorted by what has no index. */
const sortedMost = 20_000;

async function list(connection: Connection, context: Context, query: OrderListQuery): Promise<Page<Order>> {
  const { driving, residual } = conditionsOf(context, query);
  const { sort = '-createdAt', cursor, limit } = query;
  if (!/^-?createdAt$/.test(sort)) return sortedList(connection, query, driving, residual);
  if (residual.length === 0) return readPage<OrderRow, Order>(connection, { ...common, from: sql`orders o`, where: driving }, query, toOrder);
  const isSearch = query.q !== undefined && query.q !== '';
  const where = { driving, residual, isSearch, isDescending: sort.startsWith('-'), limit, ...(cursor !== undefined && { cursor }) };
  return walkPage<OrderRow, Order>(connection, { select: orderColumns, from: sql`orders o`, id: sql`o.id`, ...where }, toOrder);
}

async function sortedList(connection: Connection, query: OrderListQuery, driving: readonly Condition[], residual: readonly Condition[]): Promise<Page<Order>> {
  const from = sql`(select o.* from orders o where ${allOf(driving)} order by o.id desc limit ${sortedMost}) o`;
  const page = readPage<OrderRow, Order>(connection, { ...common, from, where: residual }, query, toOrder);
  const [found, isCut] = await Promise.all([page, hasMore(connection, driving)]);
  return isCut ? { ...found, totalIsLowerBound: true } : found;
}

async function hasMore(connection: Connection, driving: readonly Condition[]): Promise<boolean> {
  const beyond = sql`select 1 from orders o where ${allOf(driving)} order by o.id desc limit 1 offset ${sortedMost}`;
  return (await rowsOf(connection, beyond)).length > 0;
}

/** What one index finds in the sequence of ids, the most telling first; whatever else is asked for is looked at row by row. */
function conditionsOf(context: Context, query: OrderListQuery): { readonly driving: readonly Condition[]; readonly residual: readonly Condition[] } {
  const isWatched = query.state !== undefined && query.state !== 'ISSUED' && query.state !== 'DELIVERED' && query.state !== 'CONFIRMED';
  const indexed: readonly (readonly Condition[])[] = [
    equals(sql`o.transaction_id`, query.transactionId),
    equalsId(sql`o.account_id`, query.accountId),
    isWatched ? equals(sql`o.watched_state`, query.state) : [],
    query.phase === 'open' ? inPhase(query.phase) : [],
    equalsId(sql`o.profile_id`, query.profileId),
    query.operation === 'enrolment' ? [] : equals(sql`o.operation`, query.operation),
    [...visibleTo(context, sql`o.tenant_id`), ...equalsId(sql`o.tenant_id`, query.tenantId)],
    equals(sql`o.protocol`, query.protocol),
  ];
  const [first = [], ...others] = indexed.filter((conditions) => conditions.length > 0);
  const residual = [
    ...others.flat(),
    ...equalsId(sql`o.connector_id`, query.connectorId),
    ...(isWatched ? [] : equals(sql`o.state`, query.state)),
    ...(query.phase === 'open' ? [] : inPhase(query.phase)),
    ...(query.operation === 'enrolment' ? equals(sql`o.operation`, query.operation) : []),
    ...seenTo(query.acknowledged),
    ...searched(query.q, sql`o.subject`, sql`o.transaction_id`),
  ];
  return { driving: [...first, ...receivedWithin(query)], residual };
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
