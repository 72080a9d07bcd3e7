import type { Clock } from '../../src/runtime/clock.js';
import type { Context } from '../../src/tenancy/context.js';
import type { NewVendorDevice, VendorDevice, VendorDeviceStore } from '../../src/tenancy/vendor-device.js';

interface Kept extends NewVendorDevice {
  readonly tenantId: string;
  readonly profileId: string;
  readonly createdAt: Date;
  used: number;
  lastUse: Buffer | undefined;
}

/** Vendors' devices in memory. Its lists know no pages. */
export function memoryVendorDevices(clock: Clock): VendorDeviceStore {
  const devices = new Map<string, Kept>();
  const nameOf = (profileId: string, matchKey: Buffer) => `${profileId} ${matchKey.toString('hex')}`;
  const isExpired = ({ expiresAt }: Kept) => expiresAt !== null && expiresAt <= clock.now();
  const visible = (context: Context) => [...devices.values()].filter((device) => context.tenantId === null || context.tenantId === device.tenantId);
  const view = (device: Kept): VendorDevice => {
    const { matchKey: _matchKey, tenantId: _tenantId, lastUse: _lastUse, ...fields } = device;
    return { ...fields, isExpired: isExpired(device) };
  };
  return {
    async add(context, profileId, added) {
      for (const device of added) {
        const name = nameOf(profileId, device.matchKey);
        const old = devices.get(name);
        const id = old?.id ?? device.id;
        devices.set(name, { used: 0, lastUse: undefined, createdAt: clock.now(), ...old, ...device, id, profileId, tenantId: context.tenantId });
      }
    },
    async list(context, profileId, query) {
      const found = visible(context).filter(
        (device) =>
          device.profileId === profileId &&
          Object.values(device)
            .join(' ')
            .includes(query.q ?? ''),
      );
      return { items: found.slice(0, query.limit).map(view), total: found.length };
    },
    async remove(context, profileId, id) {
      const found = visible(context).find((device) => device.profileId === profileId && device.id === id);
      return found !== undefined && devices.delete(nameOf(profileId, found.matchKey));
    },
    async find(context, profileId, matchKeys) {
      const found = matchKeys.flatMap((key) => visible(context).filter((device) => device.profileId === profileId && device.matchKey.equals(key)));
      return found[0] && view(found[0]);
    },
    async use(context, id, transaction) {
      const device = visible(context).find((item) => item.id === id);
      if (device === undefined || isExpired(device)) return false;
      if (device.lastUse?.equals(transaction)) return true;
      if (device.used >= device.maxUses) return false;
      device.used += 1;
      device.lastUse = transaction;
      return true;
    },
  };
}
