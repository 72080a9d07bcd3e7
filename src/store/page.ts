import { type RawBuilder, sql } from 'kysely';
import type { ListQuery, Page } from '../tenancy/ports.js';
import { type Connection, rowsOf } from './connection/connection.js';
import { storableText } from './text.js';

/** A list as SQL. Columns of `select` become rows; `sorts` says what may be sorted by. */
export interface Listing {
  readonly select: RawBuilder<unknown>;
  /** Tables and joins. */
  readonly from: RawBuilder<unknown>;
  readonly where: readonly RawBuilder<unknown>[];
  /** By the API's name; an expression that is never null, and its type. */
  readonly sorts: Readonly<Record<string, Sort>>;
  /** As in `ListQuery.sort`. */
  readonly defaultSort: string;
  /** Unique; ties are sorted by it. */
  readonly id: RawBuilder<unknown>;
  readonly idType?: 'uuid' | 'text';
}

export interface Sort {
  readonly by: RawBuilder<unknown>;
  readonly type: 'text' | 'timestamptz' | 'uuid' | 'bigint' | 'numeric';
}

/** The caller's `sort` or `cursor` means nothing here. */
export class InvalidListQuery extends Error {
  override readonly name = 'InvalidListQuery';
}

/** Counting stops here: beyond it nobody reads the exact number, and it would cost a scan. */
export const countedMost = 10_000;

/** One page of `listing`, and how many rows there are in all. */
export async function readPage<Row, Item>(connection: Connection, listing: Listing, query: ListQuery, toItem: (row: Row) => Item): Promise<Page<Item>> {
  const { sort, isDescending } = sortOf(listing, query);
  const after = query.cursor === undefined ? [] : [beyond(listing, sort, isDescending, query.cursor)];
  const direction = sql.raw(isDescending ? 'desc' : 'asc');
  const rows = await rowsOf(
    connection,
    sql<Row & CursorColumns>`select ${listing.select}, (${sort.by})::text as cursor_key, (${listing.id})::text as cursor_id
      from ${listing.from} where ${allOf([...listing.where, ...after])}
      order by ${sort.by} ${direction}, ${listing.id} ${direction} limit ${query.limit + 1}`,
  );
  const items = rows.slice(0, query.limit);
  const last = items.at(-1);
  const more = rows.length > query.limit && last !== undefined ? { nextCursor: encodeCursor(last) } : {};
  const isWhole = query.cursor === undefined && rows.length <= query.limit;
  const total = isWhole ? { total: rows.length } : await totalOf(connection, listing);
  return { items: items.map(toItem), ...more, ...total };
}

export interface CursorColumns {
  readonly cursor_key: string;
  readonly cursor_id: string;
}

export function allOf(conditions: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  return conditions.length === 0 ? sql`true` : sql`${sql.join(conditions, sql` and `)}`;
}

async function totalOf(connection: Connection, { from, where }: Listing): Promise<Pick<Page<never>, 'total' | 'totalIsLowerBound'>> {
  const counted = sql<{ total: number }>`select count(*) as total from (select 1 from ${from} where ${allOf(where)} limit ${countedMost + 1}) as counted`;
  const total = (await rowsOf(connection, counted))[0]?.total ?? 0;
  return total > countedMost ? { total: countedMost, totalIsLowerBound: true } : { total };
}

function sortOf(listing: Listing, query: ListQuery): { readonly sort: Sort; readonly isDescending: boolean } {
  const wanted = query.sort ?? listing.defaultSort;
  const isDescending = wanted.startsWith('-');
  const sort = listing.sorts[isDescending ? wanted.slice(1) : wanted];
  if (sort === undefined) throw new InvalidListQuery(`Lists like this one cannot be sorted by "${wanted}".`);
  return { sort, isDescending };
}

function beyond(listing: Listing, sort: Sort, isDescending: boolean, cursor: string): RawBuilder<unknown> {
  const [key, id] = decodeCursor(cursor, sort.type, listing.idType);
  const comparison = sql.raw(isDescending ? '<' : '>');
  return sql`(${sort.by}, ${listing.id}) ${comparison} (${key}::${sql.raw(sort.type)}, ${id}::${sql.raw(listing.idType ?? 'uuid')})`;
}

export function encodeCursor({ cursor_key, cursor_id }: CursorColumns): string {
  return Buffer.from(JSON.stringify([cursor_key, cursor_id])).toString('base64url');
}

/** Key and id of the last row of the page before. Throws what every cursor is answered with that this list did not make. */
export function decodeCursor(cursor: string, keyType: Sort['type'], idType: 'uuid' | 'text' = 'uuid'): readonly [string, string] {
  const parts = partsOf(cursor);
  if (parts !== undefined && readable[keyType].test(parts[0]) && isRealDay(keyType, parts[0]) && readable[idType].test(parts[1]))
    return [storableText(parts[0]), storableText(parts[1])];
  throw new InvalidListQuery('The cursor is not one of this list.');
}

/** The pattern of a time lets the thirtieth of February through. */
function isRealDay(type: Sort['type'], key: string): boolean {
  const [year, month, day] = key.slice(0, 10).split('-').map(Number);
  if (type !== 'timestamptz' || day === undefined || key.includes('infinity')) return true;
  return new Date(Date.UTC(year ?? 0, (month ?? 1) - 1, day)).getUTCDate() === day;
}

function partsOf(cursor: string): readonly [string, string] | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(parts) && parts.length === 2 && parts.every((part) => typeof part === 'string') ? (parts as unknown as [string, string]) : undefined;
  } catch {
    return undefined;
  }
}

/** What the database reads as a value of the type without complaint; it wrote these itself. */
const readable: Readonly<Record<Sort['type'], RegExp>> = {
  text: /^/,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  bigint: /^-?\d{1,18}$/,
  numeric: /^-?\d{1,30}(\.\d{1,30})?$/,
  timestamptz: /^(-?infinity|[0-9]{4}-(0[1-9]|1[0-2])-([01]\d|2\d|3[01]) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?[+-](0\d|1[0-4])(:?[0-5]\d)?)$/,
};

/** `column` contains `q`, whatever the case; the signs LIKE knows mean themselves. */
export function contains(column: RawBuilder<unknown>, q: string): RawBuilder<unknown> {
  return sql`${column} ilike ${`%${storableText(q).replace(/[\\%_]/g, '\\$&')}%`}`;
}

/** Rows in which one of `columns` contains `q`; every row where nothing is searched for. */
export function searched(q: string | undefined, ...columns: readonly RawBuilder<unknown>[]): readonly RawBuilder<unknown>[] {
  if (q === undefined || q === '') return [];
  return [
    sql`(${sql.join(
      columns.map((column) => contains(column, q)),
      sql` or `,
    )})`,
  ];
}

/** How lists of what has a name, a status and versions are sorted; `alias` is the table's. */
export function versionedSorts(alias: 't' | 'c' | 'p' | 'r') {
  const column = (name: string) => sql.ref(`${alias}.${name}`);
  return {
    createdAt: { by: column('created_at'), type: 'timestamptz' },
    updatedAt: { by: column('updated_at'), type: 'timestamptz' },
    name: { by: column('name'), type: 'text' },
    status: { by: column('status'), type: 'text' },
  } as const;
}
