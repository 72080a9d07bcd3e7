import { sql } from 'kysely';
import type { Sealer } from '../runtime/seal.js';
import type { Context } from '../tenancy/context.js';
import type { TotpStore } from '../tenancy/user.js';
import { type Boot, writeAudit } from './audit.js';
import { type Connection, firstOf, rowsOf, transact } from './connection/connection.js';
import { openBytes } from './sealed.js';
import type { Trx } from './tenancy/config-change.js';
import { endSessions } from './users.js';

const placeOf = (userId: string) => ({ table: 'users', column: 'totp_secret', tenantId: '', rowId: userId }) as const;

/** The second factor, beside the user in one row; the secret is sealed. */
export function totpStore(connection: Connection, boot: Boot, sealer: Sealer): TotpStore {
  return {
    async propose(_context, userId, secret) {
      const sealed = sealer.seal(secret.reveal(), placeOf(userId));
      const done = sql`update users set totp_secret = ${sealed}, totp_last_step = null where id = ${userId} and totp_confirmed_at is null returning 1`;
      return (await rowsOf(connection, done)).length > 0;
    },
    async secretOf(userId) {
      const query = sql<{ secret: Buffer | null; confirmed: boolean }>`select totp_secret as secret, totp_confirmed_at is not null as confirmed
        from users where id = ${userId}`;
      const row = await firstOf(connection, query);
      if (row === undefined || row.secret === null) return undefined;
      return { secret: openBytes(sealer, row.secret, placeOf(userId)), isConfirmed: row.confirmed };
    },
    confirm: (context, userId, step, backupHashes) =>
      transact(connection, async (trx) => {
        const { rows } =
          await sql<Owner>`update users set totp_confirmed_at = now(), totp_last_step = ${step}, backup_codes = ${JSON.stringify(backupHashes)}::jsonb,
          version = version + 1, updated_at = now()
          where id = ${userId} and totp_confirmed_at is null and totp_secret is not null returning tenant_id`.execute(trx);
        return noted(trx, boot, context, 'user.totp-enrolled', userId, rows[0]);
      }),
    async spendStep(userId, step) {
      const query = sql`update users set totp_last_step = ${step} where id = ${userId} and coalesce(totp_last_step, -1) < ${step} returning 1`;
      // Not tried again when the answer was lost: the step may be used, and the next code comes in seconds.
      return (await query.execute(connection.kysely)).rows.length > 0;
    },
    spendBackup: (context, userId, hash) =>
      transact(connection, async (trx) => {
        const { rows } = await sql<Owner>`update users set backup_codes = backup_codes - ${hash}::text
          where id = ${userId} and totp_confirmed_at is not null and backup_codes ? ${hash}::text returning tenant_id`.execute(trx);
        return noted(trx, boot, context, 'user.backup-code-used', userId, rows[0]);
      }),
    remove: (context, userId, except) =>
      transact(connection, async (trx) => {
        const { rows } = await sql<Owner>`update users set totp_secret = null, totp_confirmed_at = null, totp_last_step = null, backup_codes = '[]',
          version = version + 1, updated_at = now()
          where id = ${userId} and totp_confirmed_at is not null returning tenant_id`.execute(trx);
        if (rows[0] !== undefined) await endSessions(trx, userId, except ?? null);
        return noted(trx, boot, context, 'user.totp-removed', userId, rows[0]);
      }),
  };
}

interface Owner {
  readonly tenant_id: string | null;
}

async function noted(trx: Trx, boot: Boot, context: Context, action: string, userId: string, owner: Owner | undefined): Promise<boolean> {
  if (owner === undefined) return false;
  await writeAudit(trx, boot, [{ tenantId: owner.tenant_id, actor: context.actor, action, object: `user:${userId}`, outcome: 'success', details: {} }]);
  return true;
}
