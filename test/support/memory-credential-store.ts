import type { NewRaKey, RaKey } from '../../src/tenancy/credentials.js';
import type { CredentialStore } from '../../src/tenancy/ports.js';

type RaKeyStore = Pick<CredentialStore, 'addRaKey' | 'setRaCertificate' | 'setRaKeyState' | 'putRaKeyInUse' | 'listRaKeys'>;

/** RA keys in memory. `keys` shows all, destroyed ones too; `beforeWrite` may throw, to play a crash before a write. */
export function memoryRaKeyStore(now: () => Date = () => new Date()): RaKeyStore & { readonly keys: RaKey[]; beforeWrite: (what: string) => void } {
  const keys: RaKey[] = [];
  function change(id: string, fields: Partial<RaKey>): void {
    const at = keys.findIndex((key) => key.id === id);
    const key = keys[at];
    if (key !== undefined) keys[at] = { ...key, ...fields };
  }
  const store = {
    keys,
    beforeWrite: (_what: string) => {},
    async addRaKey(context: { tenantId: string }, key: NewRaKey) {
      await Promise.resolve();
      store.beforeWrite('addRaKey');
      const added: RaKey = { usage: 'both', origin: 'generated', keepUntil: null, ...key, tenantId: context.tenantId, createdAt: now() };
      keys.push(added);
      return added;
    },
    async setRaCertificate(_context: unknown, id: string, certificate: Buffer, chain: readonly Buffer[], state: RaKey['state']) {
      await Promise.resolve();
      store.beforeWrite(`setRaCertificate ${state}`);
      change(id, { certificate, chain, state });
    },
    async setRaKeyState(_context: unknown, id: string, state: RaKey['state']) {
      await Promise.resolve();
      store.beforeWrite(`setRaKeyState ${state}`);
      change(id, { state });
    },
    async putRaKeyInUse(_context: unknown, { id, certificate, chain }: { id: string; certificate: Buffer; chain: readonly Buffer[] }, replaces?: string) {
      await Promise.resolve();
      store.beforeWrite('putRaKeyInUse');
      if (!keys.some((key) => key.id === id && key.state !== 'destroyed')) return false;
      change(id, { certificate, chain, state: 'active' });
      if (replaces !== undefined) change(replaces, { state: 'retiring' });
      return true;
    },
    async listRaKeys(_context: unknown, profileId: string) {
      await Promise.resolve();
      return keys.filter((key) => key.profileId === profileId && key.state !== 'destroyed');
    },
  };
  return store;
}
