import { fail, ok, type Result } from '../runtime/result.js';
import { createSealer, deriveKey, type SealFault } from '../runtime/seal.js';
import type { SettingStore } from '../tenancy/ports.js';

export const macKeyName = 'challenge-mac-key';
export const macKeyPlace = { table: 'settings', column: 'value', tenantId: '', rowId: macKeyName } as const;

/**
 * The key that challenges are recorded under (`challengeMac`): derived from the first master key this database had. Since a MAC cannot be
 * made anew without its challenge, a later master key inherits it, sealed in a setting.
 */
export async function challengeMacKeyOf(settings: Pick<SettingStore, 'get'>, masterKey: Buffer, otherKey?: Buffer): Promise<Buffer> {
  const inherited = inheritedKey(await settings.get(macKeyName), masterKey, otherKey);
  if (!inherited.ok) throw new Error(`The setting ${macKeyName} cannot be opened: ${inherited.error}.`);
  return inherited.value;
}

/** `stored`: the value of the setting, where there is one; else `masterKey`, the one the database belongs to, is the first it had. */
export function inheritedKey(stored: string | undefined, masterKey: Buffer, otherKey?: Buffer): Result<Buffer, SealFault> {
  if (stored === undefined) return ok(deriveKey(masterKey, 'challenge'));
  const opened = createSealer(masterKey, otherKey).open(Buffer.from(stored, 'base64'), macKeyPlace);
  return opened.ok ? opened : fail(opened.error);
}
