import { sql } from 'kysely';
import type { TenantContext } from '../tenancy/context.js';
import type { NewVendorDevice, VendorDevice, VendorDeviceStore } from '../tenancy/vendor-device.js';
import { type Boot, writeAudit } from './audit.js';
import { type Connection, type Executor, firstOf, rowsOf, transact } from './connection/connection.js';
import { allOf, contains, readPage } from './page.js';
import { equalsId, visibleTo } from './scope.js';
import { isUuid, storableJson, storableText } from './text.js';

interface DeviceRow {
  readonly id: string;
  readonly profile_id: string;
  readonly issuer: string | null;
  readonly serial: string | null;
  readonly subject: string | null;
  readonly label: string | null;
  readonly max_uses: number;
  readonly used: number;
  readonly expires_at: Date | null;
  readonly is_expired: boolean;
  readonly created_at: Date;
}

const columns = sql`id, profile_id, issuer, serial, subject, label, max_uses, used, expires_at, created_at,
  coalesce(expires_at <= clock_timestamp(), false) as is_expired`;

export function vendorDeviceStore(connection: Connection, boot: Boot): VendorDeviceStore {
  return {
    add: (context, profileId, devices) => add(connection, boot, context, profileId, devices),
    list: (context, profileId, query) => {
      const found = query.q === undefined ? [] : [contains(sql`concat_ws(' ', issuer, serial, subject, label)`, query.q)];
      const where = [...visibleTo(context, sql`tenant_id`), ...equalsId(sql`profile_id`, profileId), ...found];
      const sorts = { createdAt: { by: sql`created_at`, type: 'timestamptz' } } as const;
      return readPage<DeviceRow, VendorDevice>(
        connection,
        { select: columns, from: sql`vendor_devices`, where, sorts, defaultSort: '-createdAt', id: sql`id` },
        query,
        toDevice,
      );
    },
    remove: (context, profileId, id) => remove(connection, boot, context, profileId, id),
    find: async (context, profileId, matchKeys) => {
      const keys = sql.join(matchKeys.map((key) => sql`${key}::bytea`));
      const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`profile_id`, profileId), sql`match_key in (${keys})`]);
      // One named by issuer and serial number is meant before one named by subject.
      const row = await firstOf(connection, sql<DeviceRow>`select ${columns} from vendor_devices where ${where} order by serial is null limit 1`);
      return row && toDevice(row);
    },
    use: async (context, id, transaction) => {
      const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`id`, id)]);
      const rows = await rowsOf(
        connection,
        sql`update vendor_devices set used = used + case when last_use is not distinct from ${transaction}::bytea then 0 else 1 end, last_use = ${transaction}
          where ${where} and (expires_at is null or expires_at > now())
          and (used < max_uses or last_use is not distinct from ${transaction}::bytea) returning 1`,
      );
      return rows.length > 0;
    },
  };
}

function add(connection: Connection, boot: Boot, context: TenantContext, profileId: string, devices: readonly NewVendorDevice[]): Promise<void> {
  const { tenantId, actor } = context;
  return transact(connection, async (trx) => {
    await insert(trx, tenantId, profileId, devices);
    const details = { devices: devices.length, ...(devices.length === 1 && named(devices[0] as NewVendorDevice)) };
    await writeAudit(trx, boot, [{ tenantId, actor, action: 'vendor-device.added', object: `profile:${profileId}`, outcome: 'success', details }]);
  });
}

/** One statement, as an import may bring thousands. */
async function insert(trx: Executor, tenantId: string, profileId: string, devices: readonly NewVendorDevice[]): Promise<void> {
  const rows = devices.map(({ matchKey, issuer, subject, label, ...rest }) => ({
    ...rest,
    matchKey: matchKey.toString('hex'),
    issuer: textOrNull(issuer),
    subject: textOrNull(subject),
    label: textOrNull(label),
  }));
  await sql`insert into vendor_devices (id, tenant_id, profile_id, match_key, issuer, serial, subject, label, max_uses, expires_at)
    select (device->>'id')::uuid, ${tenantId}::uuid, ${profileId}::uuid, decode(device->>'matchKey', 'hex'), device->>'issuer', device->>'serial',
      device->>'subject', device->>'label', (device->>'maxUses')::integer, (device->>'expiresAt')::timestamptz
    from jsonb_array_elements(${storableJson(rows)}::jsonb) as device
    on conflict (profile_id, match_key) do update set label = excluded.label, max_uses = excluded.max_uses, expires_at = excluded.expires_at`.execute(trx);
}

function named({ issuer, serial, subject }: NewVendorDevice) {
  return { issuer, serial, subject };
}

function remove(connection: Connection, boot: Boot, context: TenantContext, profileId: string, id: string): Promise<boolean> {
  if (!isUuid(id)) return Promise.resolve(false);
  const { tenantId, actor } = context;
  return transact(connection, async (trx) => {
    const where = allOf([sql`tenant_id = ${tenantId}`, ...equalsId(sql`profile_id`, profileId), sql`id = ${id}::uuid`]);
    const { rows } = await sql<DeviceRow>`delete from vendor_devices where ${where} returning ${columns}`.execute(trx);
    const [row] = rows;
    if (row === undefined) return false;
    const { issuer, serial, subject } = row;
    const details = { issuer, serial, subject };
    await writeAudit(trx, boot, [{ tenantId, actor, action: 'vendor-device.removed', object: `profile:${profileId}`, outcome: 'success', details }]);
    return true;
  });
}

function textOrNull(text: string | null): string | null {
  return text === null ? null : storableText(text);
}

function toDevice(row: DeviceRow): VendorDevice {
  const { id, issuer, serial, subject, label, used } = row;
  const named = { id, profileId: row.profile_id, issuer, serial, subject, label };
  return { ...named, maxUses: row.max_uses, used, expiresAt: row.expires_at, isExpired: row.is_expired, createdAt: row.created_at };
}
