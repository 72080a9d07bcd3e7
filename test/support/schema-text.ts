import { sql } from 'kysely';
import type { Connection } from '../../src/store/connection/connection.js';

interface Line {
  readonly line: string;
}

/**
 * The schema of a migrated database as text: each table with its columns, constraints and further indexes, sorted. Made from the
 * catalogue in words that PostgreSQL 15 and later agree on, so that one committed text holds for the server and for PGlite.
 */
export async function schemaText(connection: Connection): Promise<string> {
  const { rows: tables } = await sql<{ name: string; oid: number; parted: string }>`
    select relname as name, oid, coalesce('-- ' || relname || ': PARTITION BY ' || pg_get_partkeydef(oid), '') as parted from pg_class
    where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace order by relname`.execute(connection.kysely);
  const blocks: string[] = [];
  for (const { name, oid, parted } of tables) {
    const columns = await linesOf(connection, columnsOf(oid));
    const constraints = await linesOf(connection, constraintsOf(oid));
    const indexes = await linesOf(connection, indexesOf(oid));
    const partitions = await linesOf(connection, partitionsOf(oid));
    const body = [...columns, ...constraints].map((line) => `  ${line}`).join(',\n');
    blocks.push(
      [`CREATE TABLE ${name} (\n${body}\n);`, ...(parted === '' ? [] : [parted]), ...[...indexes, ...partitions].map((line) => `${line};`)].join('\n'),
    );
  }
  return `${blocks.join('\n\n')}\n`;
}

async function linesOf(connection: Connection, query: ReturnType<typeof columnsOf>): Promise<readonly string[]> {
  return (await query.execute(connection.kysely)).rows.map(({ line }) => line);
}

function columnsOf(oid: number) {
  return sql<Line>`select a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end
      || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') as line
    from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = ${oid} and a.attnum > 0 and not a.attisdropped order by a.attnum`;
}

function partitionsOf(oid: number) {
  return sql<Line>`select 'CREATE TABLE ' || c.relname || ' PARTITION ' || pg_get_expr(c.relpartbound, c.oid) as line
    from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = ${oid} and c.relispartition and c.relkind = 'r' order by c.relname`;
}

/** Without NOT NULL, which PostgreSQL 18 counts among the constraints. */
function constraintsOf(oid: number) {
  return sql<Line>`select 'CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid) as line from pg_constraint
    where conrelid = ${oid} and contype <> 'n' order by contype desc, conname`;
}

function indexesOf(oid: number) {
  return sql<Line>`select replace(pg_get_indexdef(i.indexrelid), ' public.', ' ') as line
    from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = ${oid} and not exists (select 1 from pg_constraint k where k.conindid = i.indexrelid) order by c.relname`;
}
