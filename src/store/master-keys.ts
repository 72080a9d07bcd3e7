/** Which master key the database belongs to, and what nodes tell each other of theirs while one follows another. */
import { isKeyOf, sealedHead } from '../runtime/seal.js';
import type { SettingStore } from '../tenancy/ports.js';

/** The setting with the check of the key this database belongs to. */
export const keyCheckName = 'master-key-check';
/** The setting that stands while everything is sealed anew under another master key; its value is that key's check. */
export const rotationName = 'master-key-rotation';
/** The setting with the check of the key it belonged to before. */
export const formerKeyName = 'master-key-former';

export interface MasterKeys {
  /** What is sealed is sealed under it. */
  readonly masterKey: Buffer;
  /** What it sealed is opened too. */
  readonly otherMasterKey?: Buffer;
}

/** The one of the keys that the database belongs to: what is derived from a master key is derived from it, the same on every node. */
export async function standingKeyOf(settings: Pick<SettingStore, 'get'>, { masterKey, otherMasterKey }: MasterKeys): Promise<Buffer> {
  const check = await settings.get(keyCheckName);
  return otherMasterKey !== undefined && check !== undefined && isKeyOf(otherMasterKey, check) ? otherMasterKey : masterKey;
}

/** How a process is called in the database. One that opens what two keys sealed names the one it seals under (PostgreSQL keeps 63 octets). */
export function connectionName({ masterKey, otherMasterKey, nodeId }: MasterKeys & { readonly nodeId: string }): string {
  return otherMasterKey === undefined ? `gatehouse ${nodeId}` : `${sealingUnder(masterKey)}${nodeId}`.slice(0, 63);
}

/** How the names begin of all processes that open what two keys sealed, and seal under this one. */
export function sealingUnder(masterKey: Buffer): string {
  return `gatehouse+${sealedHead(masterKey).toString('hex')} `;
}
