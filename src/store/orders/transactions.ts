import { sql, type Transaction } from 'kysely';
import type { Session } from '../../enrolment/order.js';
import type { StoredTransaction } from '../../enrolment/ports.js';
import type { SystemContext, TenantContext } from '../../tenancy/context.js';
import { type Connection, type Executor, rowsOf, transact } from '../connection/connection.js';
import { retrying } from '../connection/transient.js';
import { withoutScans } from '../connection/without-scans.js';
import type { Tables } from '../tables.js';
import { storableJson, storableText } from '../text.js';
import { orderColumns, type TransactionRow, toTransaction } from './rows.js';

const transactionQuery = sql`select ${orderColumns}, t.content_hash, t.session, c.der
  from transactions t join orders o on o.id = t.order_id left join certificates c on c.id = o.certificate_id`;

const standing = (dedupeKey: Buffer, tenantId: string) =>
  sql<TransactionRow>`${transactionQuery} where t.dedupe_key = ${dedupeKey} and t.tenant_id = ${tenantId}`;

export async function findTransaction(executor: Executor, { tenantId }: TenantContext, dedupeKey: Buffer): Promise<StoredTransaction | undefined> {
  const [row] = (await standing(dedupeKey, tenantId).execute(executor)).rows;
  return row === undefined ? undefined : toTransaction(row);
}

/**
 * As `findTransaction` by itself, which is what every poll asks: PostgreSQL takes several times longer to plan the three tables than to
 * read a row of each by its key, so that it plans them once per connection.
 */
export async function findStanding(connection: Connection, { tenantId }: TenantContext, dedupeKey: Buffer): Promise<StoredTransaction | undefined> {
  standingText ??= standing(Buffer.alloc(0), '').compile(connection.kysely).sql;
  const text = standingText;
  const [row] = await retrying(() => connection.prepared<TransactionRow>('find-transaction', text, [dedupeKey, tenantId]));
  return row === undefined ? undefined : toTransaction(row);
}

let standingText: string | undefined;

export async function findTransactions(
  connection: Connection,
  { tenantId }: TenantContext,
  profileId: string,
  transactionId: string,
): Promise<readonly StoredTransaction[]> {
  const query = sql<TransactionRow>`${transactionQuery}
    where t.transaction_id = ${storableText(transactionId)} and t.profile_id = ${profileId} and t.tenant_id = ${tenantId} order by o.id limit 100`;
  return (await rowsOf(connection, query)).map(toTransaction);
}

export async function updateSession(
  connection: Connection,
  { tenantId }: TenantContext,
  dedupeKey: Buffer,
  session: Session,
  expected: Session = {},
): Promise<boolean> {
  const statement = sql`update transactions set session = session || ${storableJson(session)}::jsonb
    where dedupe_key = ${dedupeKey} and tenant_id = ${tenantId} and session @> ${storableJson(expected)}::jsonb returning 1`;
  return (await rowsOf(connection, statement)).length === 1;
}

/** At most this many at once, so that the statement stays short beside the requests. */
const forgottenAtOnce = 5_000;

/** The planner would rather read the whole table than trust the coarse index, which leaves out what is open or recent. */
async function forgetSome(trx: Transaction<Tables>): Promise<number> {
  await withoutScans(trx);
  const { rows } = await sql`delete from transactions where dedupe_key in (
      select dedupe_key from transactions where retained_until < now() and confirm_until is null limit ${forgottenAtOnce}) returning 1`.execute(trx);
  return rows.length;
}

/** Transactions of orders that are still open have no end of retention and stay; so do those whose confirmation is still to be judged. */
export async function forgetTransactions(connection: Connection, _context: SystemContext): Promise<number> {
  let forgotten = 0;
  for (;;) {
    const count = await transact(connection, forgetSome);
    forgotten += count;
    if (count < forgottenAtOnce) return forgotten;
  }
}
