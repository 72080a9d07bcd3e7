import type { CertifiedKeyStore } from '../../src/enrolment/certified-keys.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import { Secret } from '../../src/runtime/secret.js';
import type { SharedSecret } from '../../src/tenancy/credentials.js';
import type { DeviceSecretStore, SecretLimits } from '../../src/tenancy/device-secret.js';

/** Shared secrets of single devices as their store counts them, in memory. */
export interface MemoryDeviceSecrets extends Pick<DeviceSecretStore, 'use'> {
  give(reference: string, secret: Buffer, limits?: Partial<SecretLimits>): void;
  find(reference: string): SharedSecret | undefined;
}

export function memoryDeviceSecrets(tenantId: string): MemoryDeviceSecrets {
  const secrets = new Map<string, SharedSecret & { limits: SecretLimits }>();
  const lastUse = new Map<string, string>();
  return {
    give(reference, secret, limits = {}) {
      const fields = { id: uuidv7(), tenantId, profileId: '', reference, status: 'active' as const, expiresAt: null, createdAt: new Date() };
      secrets.set(reference, { ...fields, secret: new Secret(secret), limits: { maxUses: 1, used: 0, subject: null, sans: null, ...limits } });
    },
    find: (reference) => secrets.get(reference),
    async use(_context, id, transaction) {
      const found = [...secrets.values()].find((item) => item.id === id);
      if (found === undefined) return false;
      const isSame = lastUse.get(id) === transaction.toString('hex');
      if (!isSame && found.limits.used >= found.limits.maxUses) return false;
      lastUse.set(id, transaction.toString('hex'));
      if (!isSame) secrets.set(found.reference, { ...found, limits: { ...found.limits, used: found.limits.used + 1 } });
      return true;
    },
  };
}

export function memoryCertifiedKeys(): CertifiedKeyStore {
  const names = new Map<string, string>();
  return {
    async claim(_context, profileId, keyHash, nameHash) {
      const key = `${profileId} ${keyHash.toString('hex')}`;
      const name = nameHash.toString('hex');
      if (!names.has(key)) names.set(key, name);
      return names.get(key) === name;
    },
  };
}
