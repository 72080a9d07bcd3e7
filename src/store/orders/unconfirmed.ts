import { sql, type Transaction } from 'kysely';
import type { OrderState, Session } from '../../enrolment/order.js';
import { uuidv7 } from '../../runtime/ids.js';
import type { SystemContext } from '../../tenancy/context.js';
import { type Boot, writeAudit } from '../audit.js';
import { type Connection, transact } from '../connection/connection.js';
import type { Tables } from '../tables.js';
import { storableJson } from '../text.js';
import { stateEvent } from './event.js';

type Trx = Transaction<Tables>;

/** At most this many at once, so that the statements stay short beside the requests. */
const atOnce = 500;
/** How long a certificate that never left the house may still be fetched: as long as its transaction is remembered. */
const fetchMs = 86_400_000;
const reason = 'The device did not confirm the certificate in time.';

interface LateRow {
  readonly dedupe_key: Buffer;
  readonly session: Session;
  readonly id: string;
  readonly tenant_id: string;
  readonly state: OrderState;
  readonly certificate_id: string | null;
  readonly finished_at: Date | null;
}

type Verdict = 'settled' | 'unfetched' | 'kept' | 'revoked';

/**
 * Ends the wait for confirmations whose time is over at `now`: the certificate is wanted revoked, or kept and noted where the session
 * says so. Found by index; rows that another node is at are skipped. Returns how many certificates were not confirmed.
 */
export async function endConfirmations(connection: Connection, boot: Boot, context: SystemContext, now: Date): Promise<number> {
  let missed = 0;
  for (;;) {
    const round = await transact(connection, (trx) => endSome(trx, boot, context, now.getTime()));
    missed += round.missed;
    if (round.seen < atOnce) return missed;
  }
}

async function endSome(trx: Trx, boot: Boot, context: SystemContext, nowMs: number): Promise<{ seen: number; missed: number }> {
  const rows = await lateRows(trx, nowMs);
  const by: Record<Verdict, LateRow[]> = { settled: [], unfetched: [], kept: [], revoked: [] };
  for (const row of rows) by[verdictOf(row, nowMs)].push(row);
  await wantRevoked(trx, by.revoked);
  await markSessions(trx, by.settled, () => ({ confirmUntil: null }));
  await markSessions(trx, by.unfetched, (row) => ({ confirmUntil: fetchUntil(row) }));
  const missed = [...by.kept, ...by.revoked];
  await markSessions(trx, missed, () => ({ confirmUntil: null, confirmMissed: true }));
  await writeAudit(trx, boot, [
    ...by.revoked.map((row) => stateEvent({ ...context, tenantId: row.tenant_id }, row.id, 'REVOKE_WANTED', reason)),
    ...by.kept.map((row) => unconfirmedEvent(context, row)),
  ]);
  return { seen: rows.length, missed: missed.length };
}

async function lateRows(trx: Trx, nowMs: number): Promise<readonly LateRow[]> {
  const { rows } = await sql<LateRow>`
    select t.dedupe_key, t.session, o.id, o.tenant_id, o.state, o.certificate_id, o.finished_at
    from transactions t join orders o on o.id = t.order_id
    where t.confirm_until < ${nowMs}::bigint order by t.confirm_until limit ${atOnce} for update of t, o skip locked`.execute(trx);
  return rows;
}

/** One that was confirmed, revoked or refused meanwhile is settled; one that its device never got may still be fetched for a while. */
function verdictOf(row: LateRow, nowMs: number): Verdict {
  if (row.state !== 'ISSUED' && row.state !== 'DELIVERED') return 'settled';
  if (row.state === 'ISSUED' && fetchUntil(row) > nowMs) return 'unfetched';
  return row.session.keepUnconfirmed === true || row.certificate_id === null ? 'kept' : 'revoked';
}

function fetchUntil(row: LateRow): number {
  return (row.finished_at?.getTime() ?? 0) + fetchMs;
}

async function wantRevoked(trx: Trx, rows: readonly LateRow[]): Promise<void> {
  if (rows.length === 0) return;
  const wanted = rows.map((row) => {
    const payload = { orderId: row.id, certificateId: row.certificate_id, orphanId: null, reason: 0 };
    return { id: uuidv7(), orderId: row.id, tenantId: row.tenant_id, payload };
  });
  await sql`with wanted as (
      select * from json_to_recordset(${storableJson(wanted)}::json) as (id uuid, "orderId" uuid, "tenantId" uuid, payload jsonb)
    ), moved as (
      update orders o set state = 'REVOKE_WANTED' from wanted where o.id = wanted."orderId"
    )
    insert into outbox (id, tenant_id, topic, payload) select id, "tenantId", 'certificate.revoke', payload from wanted`.execute(trx);
}

async function markSessions(trx: Trx, rows: readonly LateRow[], change: (row: LateRow) => Session): Promise<void> {
  if (rows.length === 0) return;
  const changes = rows.map((row) => ({ key: row.dedupe_key.toString('hex'), change: change(row) }));
  await sql`update transactions t set session = t.session || input.change
    from json_to_recordset(${storableJson(changes)}::json) as input (key text, change jsonb)
    where t.dedupe_key = decode(input.key, 'hex')`.execute(trx);
}

function unconfirmedEvent(context: SystemContext, row: LateRow) {
  const { actor } = context;
  const details = { state: row.state, reason };
  return { tenantId: row.tenant_id, actor, action: 'order.unconfirmed', object: `order:${row.id}`, outcome: 'failure' as const, details };
}
