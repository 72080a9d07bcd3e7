import { type RawBuilder, sql } from 'kysely';
import type { Page } from '../tenancy/ports.js';
import { type Connection, firstOf, rowsOf } from './connection/connection.js';
import { allOf, countedMost, decodeCursor, encodeCursor } from './page.js';

/** So many rows are looked at for one page: what no index finds is searched a piece at a time, in a time that does not grow with the table. */
export const lookedAtMost = 20_000;
/** Rows of one statement where texts are searched, which takes ten times as long as to compare: so many are looked at in any case. */
export const searchedAtOnce = 5_000;
/** After so long no further statement is begun: a slow machine searches fewer rows for a page, and answers as fast. */
const enoughMs = 40;

export interface Walk {
  readonly select: RawBuilder<unknown>;
  /** The table with its alias. */
  readonly from: RawBuilder<unknown>;
  /** Unique, made in the order of time (UUIDv7), and the last column of an index that finds `driving`. */
  readonly id: RawBuilder<unknown>;
  /** What an index finds, in the sequence of ids. */
  readonly driving: readonly RawBuilder<unknown>[];
  /** What is looked at row by row. */
  readonly residual: readonly RawBuilder<unknown>[];
  /** Whether `residual` searches texts. */
  readonly isSearch: boolean;
  readonly isDescending: boolean;
  readonly limit: number;
  readonly cursor?: string;
}

interface Piece {
  readonly looked: number;
  readonly hits: number;
  /** Of the last row that was looked at. */
  readonly last: string | null;
  /** Of the first hits, one more than fit on the page. */
  readonly ids: readonly string[] | null;
}

interface Looked {
  readonly hits: number;
  readonly ids: readonly string[];
  /** The row after which nobody looked; undefined where the walk reached the end. */
  readonly endedAfter: string | undefined;
}

/**
 * One page by walking a table in the sequence of its ids. A page may hold less than its limit, or nothing, and still have a next one: then as
 * many rows were looked at as one page is worth. The total is exact where the walk from the beginning reached the end.
 */
export async function walkPage<Row, Item>(connection: Connection, walk: Walk, toItem: (row: Row) => Item): Promise<Page<Item>> {
  const { select, from, id, limit, cursor, isDescending } = walk;
  const after = cursor === undefined ? undefined : decodeCursor(cursor, 'uuid')[1];
  const [here, start] = await Promise.all([
    look(connection, walk, after),
    after === undefined ? undefined : look(connection, { ...walk, limit: 0 }, undefined),
  ]);
  const ids = here.ids.slice(0, limit);
  const direction = sql.raw(isDescending ? 'desc' : 'asc');
  const rows =
    ids.length === 0 ? [] : await rowsOf(connection, sql<Row>`select ${select} from ${from} where ${id} = any(${ids}::uuid[]) order by ${id} ${direction}`);
  const end = here.ids.length > limit ? ids.at(-1) : here.endedAfter;
  const next = end === undefined ? {} : { nextCursor: encodeCursor({ cursor_key: end, cursor_id: end }) };
  return { items: rows.map(toItem), ...next, ...totalOf(start ?? here) };
}

function totalOf({ hits, endedAfter }: Looked): Pick<Page<never>, 'total' | 'totalIsLowerBound'> {
  if (hits > countedMost) return { total: countedMost, totalIsLowerBound: true };
  return endedAfter === undefined ? { total: hits } : { total: hits, totalIsLowerBound: true };
}

/** Piece after piece, until the end, or until one page is worth no more. */
async function look(connection: Connection, walk: Walk, after: string | undefined): Promise<Looked> {
  const begun = performance.now();
  const atOnce = walk.isSearch ? searchedAtOnce : lookedAtMost;
  const ids: string[] = [];
  let [looked, hits, last] = [0, 0, after];
  for (;;) {
    const piece = await lookAtPiece(connection, walk, atOnce, last, walk.limit + 1 - ids.length);
    ids.push(...(piece.ids ?? []));
    [looked, hits, last] = [looked + piece.looked, hits + piece.hits, piece.last ?? last];
    if (piece.looked < atOnce) return { hits, ids, endedAfter: undefined };
    if (looked >= lookedAtMost || performance.now() - begun > enoughMs) return { hits, ids, endedAfter: last };
  }
}

async function lookAtPiece(connection: Connection, walk: Walk, atOnce: number, after: string | undefined, wanted: number): Promise<Piece> {
  const { from, id, driving, residual, isDescending } = walk;
  const direction = sql.raw(isDescending ? 'desc' : 'asc');
  const beyond = after === undefined ? [] : [sql`${id} ${sql.raw(isDescending ? '<' : '>')} ${after}::uuid`];
  const found = await firstOf(
    connection,
    sql<Piece>`with looked as materialized (
        select ${id} as id, (${allOf(residual)}) as hit from ${from} where ${allOf([...driving, ...beyond])} order by ${id} ${direction} limit ${atOnce})
      select count(*) as looked, count(*) filter (where hit) as hits,
        (select id from looked order by id ${sql.raw(isDescending ? 'asc' : 'desc')} limit 1) as last,
        (select array_agg(first.id::text) from (select id from looked where hit order by id ${direction} limit ${wanted}) first) as ids
      from looked`,
  );
  return found ?? { looked: 0, hits: 0, last: null, ids: null };
}
