import { sql, type Transaction } from 'kysely';
import type { NoticeDue, NoticeQueue } from '../enrolment/notices.js';
import type { NewOrder } from '../enrolment/ports.js';
import { uuidv7 } from '../runtime/ids.js';
import type { Sealer } from '../runtime/seal.js';
import { type Connection, rowsOf } from './connection/connection.js';
import { openBytes } from './sealed.js';
import type { Tables } from './tables.js';
import { storableText } from './text.js';

/** The PKCS#10 holds a challenge: it is sealed to its row. */
const place = (tenantId: string, rowId: string) => ({ table: 'outbox', column: 'sealed', tenantId, rowId }) as const;

interface NoticeRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly payload: { readonly orderId: string };
  readonly sealed: Buffer;
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
      returning id, tenant_id, payload, sealed, created_at`,
  );
}

function toDue({ id, tenant_id, payload, sealed, created_at }: NoticeRow, sealer: Sealer): NoticeDue {
  const pkcs10 = openBytes(sealer, sealed, place(tenant_id, id)).reveal();
  return { outboxId: id, orderId: payload.orderId, pkcs10, recordedAt: created_at };
}

/** In the transaction that records the order: whatever becomes of it, someone is told. */
export async function recordNotice(trx: Transaction<Tables>, sealer: Sealer, tenantId: string, { id, notice }: NewOrder): Promise<void> {
  if (notice === undefined) return;
  const outboxId = uuidv7();
  const sealed = sealer.seal(notice, place(tenantId, outboxId));
  await sql`insert into outbox (id, tenant_id, topic, payload, sealed)
    values (${outboxId}, ${tenantId}, 'challenge.notice', ${JSON.stringify({ orderId: id })}::jsonb, ${sealed})`.execute(trx);
}
