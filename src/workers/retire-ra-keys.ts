import type { RaKey } from '../tenancy/credentials.js';
import type { Profile } from '../tenancy/profile.js';
import { contextOf, doesWork, type RaKeyDeps, type Room, type WantedKeys } from './ra-key-room.js';
import { isRetirementOver } from './ra-key-times.js';

const leftoverMs = 3_600_000;

/** Retired keys after the overlap, and keys of races and crashes that nobody will take up again. */
export async function destroySpent(
  room: Room,
  keys: readonly RaKey[],
  active: RaKey | undefined,
  isWanted: (key: RaKey) => boolean,
  deps: RaKeyDeps,
): Promise<void> {
  if (active === undefined) return;
  const now = deps.clock.now().getTime();
  for (const key of keys) {
    const isSpent = key.state === 'retiring' && isRetirementOver(key, active, now);
    const isLeftover = key.state === 'next' && !isWanted(key) && now - key.createdAt.getTime() > leftoverMs;
    if (isSpent || isLeftover) await deps.credentials.setRaKeyState(room.context, key.id, 'destroyed');
  }
}

/**
 * Keys of a usage that the policy no longer wants retire once those that replace them stand, and go as other retired keys do. Imported
 * ones go when their time is over, whatever their certificates say: their devices fetched those long ago.
 */
export async function tidyOthers(profile: Profile, wanted: readonly WantedKeys[], isReady: boolean, deps: RaKeyDeps): Promise<void> {
  const context = contextOf(profile);
  const now = deps.clock.now().getTime();
  const keys = (await deps.credentials.listRaKeys(context, profile.id)).filter((key) => key.purpose === profile.protocol);
  const isWanted = (key: RaKey): boolean => wanted.some((work) => doesWork(key, work));
  const [active] = keys.filter((key) => key.state === 'active' && isWanted(key));
  for (const key of keys) {
    if (key.origin === 'imported') {
      if (key.keepUntil !== null && key.keepUntil.getTime() <= now) await deps.credentials.setRaKeyState(context, key.id, 'destroyed');
    } else if (!isWanted(key) && isReady && active !== undefined) {
      if (key.state === 'active') await deps.credentials.setRaKeyState(context, key.id, 'retiring');
      else if (key.state === 'next' || isRetirementOver(key, active, now)) await deps.credentials.setRaKeyState(context, key.id, 'destroyed');
    }
  }
}
