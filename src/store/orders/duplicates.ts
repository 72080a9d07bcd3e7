import { sql } from 'kysely';
import type { DuplicateReader } from '../../enrolment/duplicate-reader.js';
import { certificateHold } from '../../enrolment/revocation-ports.js';
import { type Connection, type Executor, rowsOf } from '../connection/connection.js';

/** The account of an exclusive order holds something already; thrown so that its transaction leaves nothing behind. */
export class AccountHeld extends Error {
  override readonly name = 'AccountHeld';
}

/**
 * Locks the account, so that of simultaneous first enrolments of one device only one is recorded, and throws `AccountHeld` when it has
 * a certificate that is good or may be again, or an open order.
 */
export async function claimAccount(trx: Executor, accountId: string): Promise<void> {
  await sql`select 1 from accounts where id = ${accountId} for update`.execute(trx);
  const { rows } = await sql`
    select 1 from orders o left join certificates c on c.id = o.certificate_id
    where o.account_id = ${accountId} and (o.finished_at is null
      or (o.state in ('ISSUED', 'DELIVERED', 'CONFIRMED', 'REVOKED') and (c.status = 'valid' or ${isHeld('c')}) and c.not_after > clock_timestamp()))
    limit 1`.execute(trx);
  if (rows.length > 0) throw new AccountHeld('The account holds a certificate or an open order.');
}

function isHeld(table: string) {
  return sql`(${sql.ref(table)}.status = 'revoked' and ${sql.ref(table)}.revocation_reason = ${certificateHold})`;
}

/**
 * What renews no certificate of ours came from a device that started over, also by the certificate of another CA. What a renewal
 * superseded is good until it is revoked, and what is on hold may be good again.
 * Recent certificates are found by their ids, which are UUIDv7 of the moment of issuance; nothing else is searched.
 */
export function duplicateReader(connection: Connection): DuplicateReader {
  return {
    replaced: async (context, profileId, since) => {
      const rows = await rowsOf(
        connection,
        sql<{ id: string; certificate_id: string; is_held: boolean }>`
          select distinct older.id, old.id as certificate_id, old.status = 'revoked' as is_held from certificates fresh
          join orders first on first.id = fresh.order_id and first.renews is null and first.state in ('ISSUED', 'DELIVERED', 'CONFIRMED')
          join orders older on older.account_id = first.account_id and older.id <> first.id and older.state in ('ISSUED', 'DELIVERED', 'CONFIRMED', 'REVOKED')
          join certificates old on old.id = older.certificate_id and old.id < fresh.id and (old.status <> 'revoked' or ${isHeld('old')}) and old.not_after > now()
          where fresh.tenant_id = ${context.tenantId} and fresh.id > ${lowestIdAt(since)}::uuid and fresh.profile_id = ${profileId} and fresh.status <> 'revoked'`,
      );
      return rows.map((row) => ({ orderId: row.id, certificateId: row.certificate_id, isHeld: row.is_held }));
    },
  };
}

/** The smallest UUIDv7 of that millisecond (RFC 9562 section 5.7). */
function lowestIdAt(at: Date): string {
  const hex = at.getTime().toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
