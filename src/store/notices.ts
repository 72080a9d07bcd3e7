import { sql, type Transaction } from 'kysely';
import type { NoticeDue, NoticeQueue } from '../enrolment/notices.js';
import type { NewOrder } from '../enrolment/ports.js';
import { uuidv7 } from '../runtime/ids.js';
import type { Sealer } from '../runtime/seal.js';
import { type Connection, rowsOf } from './connection/connection.js';
import { openBytes } from './sealed.js';
import type { Tables } from './tables.js';
import { storableText } from './text.js';

/** The PKCS#10 holds a challenge: it is sealed to its order. */
const place = (tenantId: string, orderId: string) => ({ table: 'outbox', column: 'payload', tenantId, rowId: orderId }) as const;

interface NoticeRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly payload: { readonly orderId: string; readonly pkcs10: string };
  readonly created_at: Date;
}

/** The outbox topic `challenge.notice`. */
export function noticeQueue(connection: Connection, sealer: Sealer): NoticeQueue {
  return {
    claim: async (_context, limit, leaseMs) => (await claim(connection, limit, leaseMs)).map((row) => toDue(row, sealer)),
    done: async ({ outboxId }) => {
      await rowsOf(connection, sql`delete from outbox where id = ${outboxId}`);
    },
    retry: async ({ outboxId }, reason) => {
      await rowsOf(
        connection,
        sql`update outbox set last_error = ${storableText(reason)},
            next_attempt_at = clock_timestamp() + least(60, power(2, least(attempts, 10)) / 2) * interval '1 second'
          where id = ${outboxId}`,
      );
    },
  };
}

function claim(connection: Connection, limit: number, leaseMs: number): Promise<readonly NoticeRow[]> {
  return rowsOf(
    connection,
    sql<NoticeRow>`update outbox set next_attempt_at = clock_timestamp() + ${leaseMs} * interval '1 millisecond', attempts = attempts + 1
      where id in (select id from outbox where topic = 'challenge.notice' and next_attempt_at <= clock_timestamp()
        order by next_attempt_at limit ${limit} for update skip locked)
      returning id, tenant_id, payload, created_at`,
  );
}

function toDue({ id, tenant_id, payload, created_at }: NoticeRow, sealer: Sealer): NoticeDue {
  const { orderId, pkcs10 } = payload;
  const opened = openBytes(sealer, Buffer.from(pkcs10, 'base64'), place(tenant_id, orderId)).reveal();
  return { outboxId: id, orderId, pkcs10: opened, recordedAt: created_at };
}

/** In the transaction that records the order: whatever becomes of it, someone is told. */
export async function recordNotice(trx: Transaction<Tables>, sealer: Sealer, tenantId: string, { id, notice }: NewOrder): Promise<void> {
  if (notice === undefined) return;
  const payload = { orderId: id, pkcs10: sealer.seal(notice, place(tenantId, id)).toString('base64') };
  await sql`insert into outbox (id, tenant_id, topic, payload) values (${uuidv7()}, ${tenantId}, 'challenge.notice', ${JSON.stringify(payload)}::jsonb)`.execute(
    trx,
  );
}
