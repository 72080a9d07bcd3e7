import type { NewPassphrase, PassphraseStore } from '../../src/enrolment/revocation-passphrase.js';
import { uuidv7 } from '../../src/runtime/ids.js';

/** Passphrases for revocation, in memory. */
export function memoryPassphrases(): PassphraseStore {
  const kept = new Map<string, NewPassphrase & { readonly id: string; readonly tenantId: string }>();
  return {
    async keep({ tenantId }, given) {
      const isTaken = [...kept.values()].some(
        ({ profileId, keyId, owner }) => profileId === given.profileId && keyId.equals(given.keyId) && owner !== given.owner,
      );
      if (!isTaken) kept.set(`${given.profileId} ${given.owner}`, { ...given, id: uuidv7(), tenantId });
      return !isTaken;
    },
    async find({ tenantId }, profileId, keyId) {
      return [...kept.values()].find(
        (item) => item.tenantId === tenantId && item.profileId === profileId && item.keyId.equals(keyId) && item.expiresAt > new Date(),
      );
    },
  };
}
