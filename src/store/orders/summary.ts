import { type RawBuilder, sql } from 'kysely';
import { issuedStates, openStates } from '../../enrolment/order.js';
import { type OrderFigures, type OrderSummary, type SummaryWindow, summaryWindows } from '../../enrolment/ports.js';
import type { Context } from '../../tenancy/context.js';
import type { Protocol } from '../../tenancy/profile.js';
import { type Connection, firstOf, rowsOf } from '../connection/connection.js';
import { allOf } from '../page.js';
import { visibleTo } from '../scope.js';

const listOf = (states: readonly string[]): RawBuilder<unknown> => sql.raw(states.map((state) => `'${state}'`).join(', '));

/** What the cards and lists call by these words, once for all. */
export const isSuccess = sql`o.state in (${listOf(issuedStates)})`;
export const isFailed = sql`o.state in ('FAILED', 'EXPIRED')`;
export const isRejected = sql`o.state = 'REJECTED'`;
/** By the column that is indexed for it: open orders count however old they are. */
export const isActive = sql`o.watched_state in (${listOf(openStates)})`;

interface FiguresRow {
  readonly is_current: boolean;
  readonly total: number;
  readonly success: number;
  readonly failed: number;
  readonly rejected: number;
  readonly unacknowledged: number;
  readonly average: number | null;
  readonly accounts: number;
}

/** The clocks of the nodes that make the ids may differ from the database's by this much at most. */
export const skewMs = 3_600_000;

/** No order made after `time` has a smaller id (UUIDv7): the window is one range of the primary key. */
export function firstIdAfter(time: number): string {
  const hex = Math.max(0, time - skewMs)
    .toString(16)
    .padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** The card numbers of one protocol. Orders are those of the window, and of the window before it; open ones count however old they are. */
export async function summarise(connection: Connection, context: Context, protocol: Protocol, window: SummaryWindow): Promise<OrderSummary> {
  const visible = visibleTo(context, sql`o.tenant_id`);
  const hours = summaryWindows[window];
  const firstId = firstIdAfter(Date.now() - 2 * hours * 3_600_000);
  const since = (windows: number) => sql`now() - ${windows * hours} * interval '1 hour'`;
  const [figures, active] = await Promise.all([
    rowsOf(
      connection,
      sql<FiguresRow>`select o.created_at >= ${since(1)} as is_current, count(*) as total,
          count(*) filter (where ${isSuccess}) as success, count(*) filter (where ${isFailed}) as failed, count(*) filter (where ${isRejected}) as rejected,
          count(*) filter (where (${isFailed} or ${isRejected}) and o.acknowledged_at is null) as unacknowledged,
          (avg(extract(epoch from o.finished_at - coalesce(o.approved_at, o.created_at))) filter (where o.finished_at is not null) * 1000)::float8 as average,
          count(distinct o.account_id) as accounts
        from orders o
        where ${allOf([...visible, sql`o.protocol = ${protocol}`, sql`o.id >= ${firstId}::uuid`, sql`o.created_at >= ${since(2)}`])} group by 1`,
    ),
    firstOf(connection, sql<{ active: number }>`select count(*) as active from orders o where ${allOf([...visible, sql`o.protocol = ${protocol}`, isActive])}`),
  ]);
  const of = (isCurrent: boolean) => toFigures(figures.find((row) => row.is_current === isCurrent));
  return { ...of(true), activeOrders: active?.active ?? 0, previous: of(false) };
}

const none: OrderFigures = { totalOrders: 0, successRate: null, failedOrders: 0, activeFailedOrders: 0, averageProcessingMs: null, activeAccounts: 0 };

function toFigures(row: FiguresRow | undefined): OrderFigures {
  if (row === undefined) return none;
  return {
    totalOrders: row.total,
    successRate: successRate(row.success, row.failed, row.rejected),
    failedOrders: row.failed,
    activeFailedOrders: row.unacknowledged,
    averageProcessingMs: row.average === null ? null : Math.max(0, Math.round(row.average)),
    activeAccounts: row.accounts,
  };
}

/** Per cent with one decimal; null when nothing is over yet. */
export function successRate(success: number, failed: number, rejected: number): number | null {
  const over = success + failed + rejected;
  return over === 0 ? null : Math.round((success / over) * 1000) / 10;
}
