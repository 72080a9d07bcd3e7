import { type Selectable, sql } from 'kysely';
import { ok } from '../../runtime/result.js';
import type { Sealer } from '../../runtime/seal.js';
import type { TenantContext } from '../../tenancy/context.js';
import type { NewRaKey, RaKey, SharedSecret } from '../../tenancy/credentials.js';
import type { CredentialStore } from '../../tenancy/ports.js';
import type { Boot } from '../audit.js';
import { chainToJson } from '../chain-json.js';
import { type Connection, firstOf, rowsOf } from '../connection/connection.js';
import { allOf } from '../page.js';
import { equalsId, visibleTo } from '../scope.js';
import { openBytes } from '../sealed.js';
import type { RaKeysTable, SharedSecretsTable } from '../tables.js';
import { storableText } from '../text.js';
import { auditChange, changeConfig, type Trx, type Written } from './config-change.js';

type SecretRow = Selectable<SharedSecretsTable>;
type KeyRow = Selectable<RaKeysTable>;
type NewSecret = Parameters<CredentialStore['addSharedSecret']>[1];

const secretPlace = (tenantId: string, rowId: string) => ({ table: 'shared_secrets', column: 'ciphertext', tenantId, rowId }) as const;
const keyPlace = (tenantId: string, rowId: string) => ({ table: 'ra_keys', column: 'ciphertext', tenantId, rowId }) as const;

export function credentialStore(connection: Connection, boot: Boot, sealer: Sealer): CredentialStore {
  const change = (work: (trx: Trx) => Promise<void>) =>
    changeConfig(connection, async (trx) => {
      await work(trx);
      return ok(true as const);
    });
  return {
    addSharedSecret: (context, secret) => changeConfig(connection, (trx) => addSharedSecret(trx, boot, sealer, context, secret)),
    findSharedSecret: async (context, profileId, reference) => {
      const row = await firstOf(
        connection,
        sql<SecretRow>`select * from shared_secrets where tenant_id = ${context.tenantId} and profile_id = ${profileId}
          and reference = ${storableText(reference)} and status in ('active', 'retiring') and (expires_at is null or expires_at > clock_timestamp())`,
      );
      return row === undefined ? undefined : toSecret(row, sealer);
    },
    listSharedSecrets: async (context, profileId) => {
      const where = allOf([...equalsId(sql`profile_id`, profileId), sql`tenant_id = ${context.tenantId}`, sql`max_uses is null`]);
      const rows = await rowsOf(connection, sql<SecretRow>`select * from shared_secrets where ${where} order by created_at, id`);
      return rows.map((row) => toSecret(row, sealer));
    },
    retireSharedSecrets: async (context, profileId, exceptId, expiresAt) => {
      await change(async (trx) => {
        await sql`update shared_secrets set status = 'retiring', expires_at = least(expires_at, ${expiresAt}::timestamptz)
          where tenant_id = ${context.tenantId} and profile_id = ${profileId} and id <> ${exceptId} and status = 'active' and max_uses is null`.execute(trx);
        await auditChange(trx, boot, context, 'shared-secret.retired', `profile:${profileId}`, context.tenantId, { except: exceptId, expiresAt });
      });
    },
    addRaKey: async (context, key) => {
      const added = await changeConfig(connection, (trx) => addRaKey(trx, boot, sealer, context, key));
      if (!added.ok) throw new Error(`The RA key cannot be stored: ${added.error.kind}.`);
      return added.value;
    },
    setRaCertificate: async (context, id, certificate, chain, state) => {
      await change(async (trx) => {
        const next = { certificate, chain: chainToJson(chain), state };
        await trx.updateTable('ra_keys').set(next).where('id', '=', id).where('tenant_id', '=', context.tenantId).execute();
        await auditChange(trx, boot, context, 'ra-key.certified', `ra-key:${id}`, context.tenantId, { state });
      });
    },
    setRaKeyState: async (context, id, state) => {
      await change(async (trx) => {
        const next = state === 'destroyed' ? { state, ciphertext: null } : { state };
        await trx.updateTable('ra_keys').set(next).where('id', '=', id).where('tenant_id', '=', context.tenantId).where('state', '<>', 'destroyed').execute();
        await auditChange(trx, boot, context, `ra-key.${state}`, `ra-key:${id}`, context.tenantId, {});
      });
    },
    putRaKeyInUse: async (context, key, replaces) => {
      const done = await changeConfig(connection, async (trx) => ok(await putRaKeyInUse(trx, boot, context, key, replaces)));
      return done.ok && done.value;
    },
    listRaKeys: async (context, profileId) => {
      const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`profile_id`, profileId), sql`state <> 'destroyed'`]);
      const rows = await rowsOf(connection, sql<KeyRow>`select * from ra_keys where ${where} order by created_at, id`);
      return rows.map((row) => toKey(row, sealer));
    },
  };
}

async function addSharedSecret(trx: Trx, boot: Boot, sealer: Sealer, context: TenantContext, secret: NewSecret): Promise<Written<SharedSecret>> {
  const { tenantId } = context;
  const values = {
    id: secret.id,
    tenant_id: tenantId,
    profile_id: secret.profileId,
    reference: secret.reference,
    ciphertext: sealer.seal(secret.secret.reveal(), secretPlace(tenantId, secret.id)),
    status: secret.status,
    expires_at: secret.expiresAt,
  };
  const row = await trx.insertInto('shared_secrets').values(values).returningAll().executeTakeFirstOrThrow();
  const details = { id: secret.id, reference: secret.reference };
  await auditChange(trx, boot, context, 'shared-secret.added', `profile:${secret.profileId}`, tenantId, details);
  return ok(toSecret(row, sealer));
}

async function addRaKey(trx: Trx, boot: Boot, sealer: Sealer, context: TenantContext, key: NewRaKey): Promise<Written<RaKey>> {
  const { tenantId } = context;
  const values = {
    id: key.id,
    tenant_id: tenantId,
    profile_id: key.profileId,
    purpose: key.purpose,
    state: key.state,
    ciphertext: sealer.seal(key.privateKey.reveal(), keyPlace(tenantId, key.id)),
    spki: key.spki,
    certificate: key.certificate,
    chain: chainToJson(key.chain),
    usage: key.usage ?? 'both',
    origin: key.origin ?? 'generated',
    keep_until: key.keepUntil ?? null,
  };
  const row = await trx.insertInto('ra_keys').values(values).returningAll().executeTakeFirstOrThrow();
  const details = { profileId: key.profileId, purpose: key.purpose, state: key.state, usage: row.usage, origin: row.origin };
  await auditChange(trx, boot, context, 'ra-key.added', `ra-key:${key.id}`, tenantId, details);
  return ok(toKey(row, sealer));
}

async function putRaKeyInUse(
  trx: Trx,
  boot: Boot,
  context: TenantContext,
  { id, certificate, chain }: Parameters<CredentialStore['putRaKeyInUse']>[1],
  replaces: string | undefined,
): Promise<boolean> {
  const keys = () => trx.updateTable('ra_keys').where('tenant_id', '=', context.tenantId);
  const values = { certificate, chain: chainToJson(chain), state: 'active' } as const;
  const taken = await keys().set(values).where('id', '=', id).where('state', '<>', 'destroyed').executeTakeFirst();
  if (taken.numUpdatedRows === 0n) return false;
  await auditChange(trx, boot, context, 'ra-key.certified', `ra-key:${id}`, context.tenantId, { state: 'active' });
  if (replaces === undefined) return true;
  const retired = await keys().set({ state: 'retiring' }).where('id', '=', replaces).where('state', '=', 'active').executeTakeFirst();
  if (retired.numUpdatedRows > 0n) await auditChange(trx, boot, context, 'ra-key.retiring', `ra-key:${replaces}`, context.tenantId, {});
  return true;
}

function toSecret(row: SecretRow, sealer: Sealer): SharedSecret {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    profileId: row.profile_id,
    reference: row.reference,
    secret: openBytes(sealer, row.ciphertext, secretPlace(row.tenant_id, row.id)),
    status: row.status,
    expiresAt: row.expires_at,
    createdAt: row.created_at,
    ...(row.max_uses !== null && { limits: { maxUses: row.max_uses, used: row.used, subject: row.subject, sans: row.sans } }),
  };
}

function toKey(row: KeyRow, sealer: Sealer): RaKey {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    profileId: row.profile_id,
    purpose: row.purpose,
    state: row.state,
    privateKey: openBytes(sealer, row.ciphertext ?? Buffer.alloc(0), keyPlace(row.tenant_id, row.id)),
    spki: row.spki,
    certificate: row.certificate,
    chain: row.chain.map((certificate) => Buffer.from(certificate, 'base64')),
    usage: row.usage,
    origin: row.origin,
    keepUntil: row.keep_until,
    createdAt: row.created_at,
  };
}
