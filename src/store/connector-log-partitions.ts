import { sql } from 'kysely';
import { type Connection, rowsOf, transact } from './connection/connection.js';

const dayMs = 86_400_000;
/** How many days beyond today are prepared: so long the job that does it may be away. */
const daysAhead = 7;
/** Any constant: who holds it changes the partitions, the others leave it to him. */
const partitionLock = 7_243_392_128;
/** Of one statement: deleting millions at once would hold locks and memory for minutes. */
const forgottenAtOnce = 10_000;

/** The least id that an entry of this time can have. */
export function firstIdOf(time: Date): string {
  const hex = Math.max(time.getTime(), 0).toString(16).padStart(12, '0').slice(-12);
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** The database's time: a node whose own clock is wrong must drop nothing early. */
export async function nowOf(connection: Connection): Promise<Date> {
  return (await rowsOf(connection, sql<{ now: Date }>`select now() as now`))[0]?.now ?? new Date();
}

interface Partition {
  readonly name: string;
  /** Ids, the first included and the last not; empty where there is no bound. */
  readonly from: string;
  readonly to: string;
}

/** Those with a range; entries of other times are in `connector_logs_default`. */
async function partitions(connection: Connection): Promise<readonly Partition[]> {
  const rows = await rowsOf(
    connection,
    sql<{ name: string; bound: string }>`select c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bound
      from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'connector_logs'::regclass and c.relispartition order by c.relname`,
  );
  return rows.flatMap(({ name, bound }) => {
    const range = /FROM \((?:'([0-9a-f-]{36})'|MINVALUE)\) TO \('([0-9a-f-]{36})'\)/.exec(bound);
    return range === null ? [] : [{ name, from: range[1] ?? '', to: range[2] ?? '' }];
  });
}

/** Prepares today and the days to come. A day that another partition reaches into, or that has entries without one already, is left as it is. */
export async function makeRoom(connection: Connection, now: Date): Promise<number> {
  const standing = await partitions(connection);
  const today = Math.floor(now.getTime() / dayMs) * dayMs;
  let made = 0;
  for (let ahead = 0; ahead <= daysAhead; ahead += 1) {
    const day = new Date(today + ahead * dayMs);
    const [from, to] = [firstIdOf(day), firstIdOf(new Date(day.getTime() + dayMs))];
    if (standing.some((partition) => partition.from < to && from < partition.to)) continue;
    if (await addDay(connection, `connector_logs_${day.toISOString().slice(0, 10).replaceAll('-', '')}`, from, to)) made += 1;
  }
  return made;
}

/** False when another node is at it, or when the day has begun without. Attaching locks out no writer, as making it in place would. */
function addDay(connection: Connection, name: string, from: string, to: string): Promise<boolean> {
  return transact(connection, async (trx) => {
    const { rows } = await sql<{ isFree: boolean }>`select pg_try_advisory_xact_lock(${sql.lit(partitionLock)})
      and to_regclass(${name}) is null
      and not exists (select 1 from connector_logs_default where id >= ${from}::uuid and id < ${to}::uuid) as "isFree"`.execute(trx);
    if (rows[0]?.isFree !== true) return false;
    await sql`create table ${sql.id(name)} (like connector_logs including defaults including constraints)`.execute(trx);
    await sql`alter table connector_logs attach partition ${sql.id(name)} for values from (${sql.lit(from)}) to (${sql.lit(to)})`.execute(trx);
    return true;
  });
}

/** Drops the days that are wholly older than `days`; what has no day of its own goes entry by entry. Returns how many entries went. */
export async function forgetCalls(connection: Connection, days: number, now: Date): Promise<number> {
  const before = firstIdOf(new Date(now.getTime() - days * dayMs));
  let gone = 0;
  const left: string[] = ['connector_logs_default'];
  for (const { name, from, to } of await partitions(connection)) {
    if (to <= before) gone += await dropDay(connection, name);
    else if (from === '') left.push(name);
  }
  for (const name of left) gone += await forgetOldest(connection, name, before);
  await rowsOf(connection, sql`delete from connector_hours where hour < now() - ${days} * interval '1 day'`);
  return gone;
}

function dropDay(connection: Connection, name: string): Promise<number> {
  return transact(connection, async (trx) => {
    const { rows } = await sql<{
      isOurs: boolean;
    }>`select pg_try_advisory_xact_lock(${sql.lit(partitionLock)}) and to_regclass(${name}) is not null as "isOurs"`.execute(trx);
    if (rows[0]?.isOurs !== true) return 0;
    const counted = await sql<{ count: number }>`select count(*) as count from ${sql.id(name)}`.execute(trx);
    await sql`drop table ${sql.id(name)}`.execute(trx);
    return Number(counted.rows[0]?.count ?? 0);
  });
}

async function forgetOldest(connection: Connection, name: string, before: string): Promise<number> {
  const table = sql.id(name);
  const oldest = sql`delete from ${table} where id in (select id from ${table} where id < ${before}::uuid order by id limit ${forgottenAtOnce}) returning 1`;
  let [gone, last] = [0, 0];
  do {
    last = (await rowsOf(connection, oldest)).length;
    gone += last;
  } while (last === forgottenAtOnce);
  return gone;
}
