import { sql } from 'kysely';
import type { Sealer } from '../runtime/seal.js';
import type { TenantContext } from '../tenancy/context.js';
import type { DeviceSecret, DeviceSecretStore, NewDeviceSecret } from '../tenancy/device-secret.js';
import { type Boot, writeAudit } from './audit.js';
import { type Connection, rowsOf, transact } from './connection/connection.js';
import { allOf, contains, readPage } from './page.js';
import { equalsId, visibleTo } from './scope.js';
import { isUuid, storableJson, storableText } from './text.js';

interface SecretRow {
  readonly id: string;
  readonly profile_id: string;
  readonly reference: string;
  readonly label: string | null;
  readonly subject: string | null;
  readonly sans: readonly string[] | null;
  readonly max_uses: number;
  readonly used: number;
  readonly expires_at: Date | null;
  readonly is_expired: boolean;
  readonly created_at: Date;
}

const columns = sql`id, profile_id, reference, label, subject, sans, max_uses, used, expires_at, created_at,
  coalesce(expires_at <= clock_timestamp(), false) as is_expired`;

/** They stand beside the profiles' own secrets, so that one look-up finds either; a count tells them apart. */
export function deviceSecretStore(connection: Connection, boot: Boot, sealer: Sealer): DeviceSecretStore {
  return {
    mint: (context, secret) => mint(connection, boot, sealer, context, secret),
    list: (context, profileId, query) => {
      const found = query.q === undefined ? [] : [contains(sql`concat_ws(' ', reference, label, subject)`, query.q)];
      const where = [...visibleTo(context, sql`tenant_id`), ...equalsId(sql`profile_id`, profileId), sql`max_uses is not null`, ...found];
      const sorts = { createdAt: { by: sql`created_at`, type: 'timestamptz' } } as const;
      const listing = { select: columns, from: sql`shared_secrets`, where, sorts, defaultSort: '-createdAt', id: sql`id` };
      return readPage<SecretRow, DeviceSecret>(connection, listing, query, toSecret);
    },
    remove: (context, profileId, id) => remove(connection, boot, context, profileId, id),
    use: async (context, id, transaction) => {
      const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`id`, id)]);
      const rows = await rowsOf(
        connection,
        sql`update shared_secrets set used = used + case when last_use is not distinct from ${transaction}::bytea then 0 else 1 end, last_use = ${transaction}
          where ${where} and (expires_at is null or expires_at > clock_timestamp())
          and (used < max_uses or last_use is not distinct from ${transaction}::bytea) returning 1`,
      );
      return rows.length > 0;
    },
  };
}

function mint(connection: Connection, boot: Boot, sealer: Sealer, context: TenantContext, secret: NewDeviceSecret): Promise<boolean> {
  const { tenantId, actor } = context;
  const { id, profileId, reference, maxUses, expiresAt } = secret;
  const ciphertext = sealer.seal(secret.secret.reveal(), { table: 'shared_secrets', column: 'ciphertext', tenantId, rowId: id });
  const sans = secret.sans === null ? null : storableJson(secret.sans);
  const [label, subject] = [secret.label, secret.subject].map((text) => (text === null ? null : storableText(text)));
  return transact(connection, async (trx) => {
    const { rows } = await sql`insert into shared_secrets
        (id, tenant_id, profile_id, reference, ciphertext, status, expires_at, label, subject, sans, max_uses)
      values (${id}, ${tenantId}, ${profileId}, ${storableText(reference)}, ${ciphertext}, 'active', ${expiresAt}, ${label}, ${subject}, ${sans}::jsonb, ${maxUses})
      on conflict (profile_id, reference) do nothing returning 1`.execute(trx);
    if (rows.length === 0) return false;
    const details = { id, reference, uses: maxUses, ...(subject && { subject }) };
    await writeAudit(trx, boot, [{ tenantId, actor, action: 'device-secret.minted', object: `profile:${profileId}`, outcome: 'success', details }]);
    return true;
  });
}

function remove(connection: Connection, boot: Boot, context: TenantContext, profileId: string, id: string): Promise<boolean> {
  if (!isUuid(id)) return Promise.resolve(false);
  const { tenantId, actor } = context;
  return transact(connection, async (trx) => {
    const where = allOf([sql`tenant_id = ${tenantId}`, ...equalsId(sql`profile_id`, profileId), sql`id = ${id}::uuid`, sql`max_uses is not null`]);
    const { rows } = await sql<SecretRow>`delete from shared_secrets where ${where} returning ${columns}`.execute(trx);
    const [row] = rows;
    if (row === undefined) return false;
    const details = { id, reference: row.reference };
    await writeAudit(trx, boot, [{ tenantId, actor, action: 'device-secret.removed', object: `profile:${profileId}`, outcome: 'success', details }]);
    return true;
  });
}

function toSecret(row: SecretRow): DeviceSecret {
  const { id, reference, label, subject, sans, used } = row;
  const named = { id, profileId: row.profile_id, reference, label, subject, sans };
  return { ...named, maxUses: row.max_uses, used, expiresAt: row.expires_at, isExpired: row.is_expired, createdAt: row.created_at };
}
