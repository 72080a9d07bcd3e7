import { type RawBuilder, sql } from 'kysely';
import type { Order } from '../../enrolment/order.js';
import type { Page } from '../../tenancy/ports.js';
import { type Connection, firstOf, rowsOf } from '../connection/connection.js';
import { allOf, countedMost, decodeCursor, encodeCursor } from '../page.js';
import { type OrderRow, orderColumns, toOrder } from './rows.js';

/** So many orders are looked at for one page: what no index finds is searched a piece at a time, in a time that does not grow with the table. */
export const lookedAtMost = 20_000;

export interface Walk {
  /** What an index finds, in the sequence of ids. */
  readonly driving: readonly RawBuilder<unknown>[];
  /** What is looked at row by row. */
  readonly residual: readonly RawBuilder<unknown>[];
  readonly isDescending: boolean;
  readonly limit: number;
  readonly cursor?: string;
}

interface Looked {
  readonly looked: number;
  readonly hits: number;
  /** Of the last row that was looked at. */
  readonly last: string | null;
  /** Of the first hits, one more than fit on the page. */
  readonly ids: readonly string[] | null;
}

/**
 * One page by walking the orders in the sequence of their ids. A page may hold less than its limit, or nothing, and still have a next one:
 * then `lookedAtMost` orders were looked at. The total is exact where the walk from the beginning reached the end.
 */
export async function walkOrders(connection: Connection, walk: Walk): Promise<Page<Order>> {
  const { limit, cursor, isDescending } = walk;
  const [here, start] = await Promise.all([look(connection, walk), cursor === undefined ? undefined : look(connection, { ...walk, limit: 0 }, true)]);
  const found = here.ids ?? [];
  const ids = found.slice(0, limit);
  const direction = sql.raw(isDescending ? 'desc' : 'asc');
  const rows =
    ids.length === 0
      ? []
      : await rowsOf(connection, sql<OrderRow>`select ${orderColumns} from orders o where o.id = any(${[...ids]}::uuid[]) order by o.id ${direction}`);
  const isCut = here.looked === lookedAtMost && here.last !== null;
  const end = found.length > limit ? ids.at(-1) : isCut ? (here.last ?? undefined) : undefined;
  const next = end === undefined ? {} : { nextCursor: encodeCursor({ cursor_key: end, cursor_id: end }) };
  return { items: rows.map(toOrder), ...next, ...totalOf(start ?? here) };
}

function totalOf({ looked, hits }: Looked): Pick<Page<never>, 'total' | 'totalIsLowerBound'> {
  if (hits > countedMost) return { total: countedMost, totalIsLowerBound: true };
  return looked === lookedAtMost ? { total: hits, totalIsLowerBound: true } : { total: hits };
}

async function look(connection: Connection, { driving, residual, isDescending, limit, cursor }: Walk, isFromStart = false): Promise<Looked> {
  const direction = sql.raw(isDescending ? 'desc' : 'asc');
  const after = cursor === undefined || isFromStart ? [] : [sql`o.id ${sql.raw(isDescending ? '<' : '>')} ${decodeCursor(cursor, 'uuid')[1]}::uuid`];
  const found = await firstOf(
    connection,
    sql<Looked>`with looked as materialized (
        select o.id, (${allOf(residual)}) as hit from orders o where ${allOf([...driving, ...after])} order by o.id ${direction} limit ${lookedAtMost})
      select count(*) as looked, count(*) filter (where hit) as hits,
        (select id from looked order by id ${sql.raw(isDescending ? 'asc' : 'desc')} limit 1) as last,
        (select array_agg(first.id::text) from (select id from looked where hit order by id ${direction} limit ${limit + 1}) first) as ids
      from looked`,
  );
  return found ?? { looked: 0, hits: 0, last: null, ids: null };
}
