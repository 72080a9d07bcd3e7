import { sql } from 'kysely';
import { uuidv7 } from '../../runtime/ids.js';
import type { SystemContext } from '../../tenancy/context.js';
import { type Connection, transact } from '../connection/connection.js';

const atOnce = 100;

interface SurplusRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly order_id: string;
}

/**
 * Wants certificates revoked that a CA issued for an order which ended without them: their call had lost its lease, and the order was then
 * given another certificate or none. While the order is open they stay, since a look-up may yet find and adopt them.
 */
export function revokeSurplus(connection: Connection, _context: SystemContext): Promise<number> {
  return transact(connection, async (trx) => {
    const { rows } = await sql<SurplusRow>`select x.id, x.tenant_id, x.order_id from orphan_certificates x join orders o on o.id = x.order_id
      where x.revoked_at is null and o.finished_at is not null
        and not exists (select 1 from certificates c where c.sha256 = x.sha256)
        and not exists (select 1 from outbox b where b.topic = 'certificate.revoke' and b.payload->>'orderId' = x.order_id::text
          and b.payload->>'orphanId' = x.id::text)
      limit ${atOnce} for update of x skip locked`.execute(trx);
    for (const { id, tenant_id: tenantId, order_id: orderId } of rows) {
      const payload = JSON.stringify({ orderId, certificateId: null, orphanId: id, reason: superseded });
      await sql`insert into outbox (id, tenant_id, topic, payload) values (${uuidv7()}, ${tenantId}, 'certificate.revoke', ${payload}::jsonb)`.execute(trx);
    }
    return rows.length;
  });
}

/** CRLReason (RFC 5280 section 5.3.1). */
const superseded = 4;
