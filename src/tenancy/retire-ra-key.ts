import { fail, ok, type Result } from '../runtime/result.js';
import type { TenantContext } from './context.js';
import type { RaKey } from './credentials.js';
import { encryptionKeyTypeOf } from './encryption-key.js';
import type { CredentialStore } from './ports.js';

type Keys = Pick<CredentialStore, 'listRaKeys' | 'setRaKeyState' | 'putRaKeyInUse'>;

/**
 * Takes an RA key out, in the steps that are safe: a key in use makes room for its successor and goes on answering those who know it; one
 * that is retiring or was never used is destroyed. In words why not: devices must not be left without a key. `unknown`: no such key.
 */
export async function retireRaKey(
  context: TenantContext,
  profileId: string,
  id: string,
  keys: Keys,
): Promise<Result<true, 'unknown' | { readonly says: string }>> {
  const all = await keys.listRaKeys(context, profileId);
  const key = all.find((item) => item.id === id);
  if (key === undefined) return fail('unknown');
  if (key.state !== 'active') {
    await keys.setRaKeyState(context, id, 'destroyed');
    return ok(true);
  }
  const successor = successorOf(key, all);
  if (successor?.certificate == null) return fail({ says: 'It is in use and has no successor; prepare one first.' });
  const inUse = { id: successor.id, certificate: successor.certificate, chain: successor.chain };
  const isReplaced = await keys.putRaKeyInUse(context, inUse, id);
  return isReplaced ? ok(true) : fail({ says: 'Its successor was taken away just now; prepare another one first.' });
}

function successorOf(key: RaKey, all: readonly RaKey[]): RaKey | undefined {
  return all.find((item) => item.state === 'next' && item.usage === key.usage && isSameKind(item, key) && item.certificate !== null);
}

/** Of the keys to encrypt to there may be one for agreement and one for encapsulation, which cannot stand in for each other. */
function isSameKind(left: RaKey, right: RaKey): boolean {
  return left.purpose !== 'cmp' || left.usage !== 'encrypt' || encryptionKeyTypeOf(left.spki) === encryptionKeyTypeOf(right.spki);
}
