import { hash } from 'node:crypto';
import type { Clock } from '../../runtime/clock.js';
import type { CmpProfile } from '../../tenancy/profile.js';
import { sourceOf } from './source-of.js';

/**
 * Counts wrong MACs under a reference, by source or of all sources as the profile says. Who is locked out is answered as after a wrong
 * secret, at the same cost: whether a guess was right it does not learn. In the memory of this process, so that guessing writes nothing.
 */
export interface LockOut {
  isLocked(profile: CmpProfile, reference: string, address: string): boolean;
  noteWrong(profile: CmpProfile, reference: string, address: string): void;
  noteRight(profile: CmpProfile, reference: string, address: string): void;
}

interface Tally {
  readonly wrong: number;
  /** When the count began; it begins anew after the time of a lock. */
  readonly since: number;
  readonly lockedUntil: number;
}

/** Beyond so many the one longest quiet is forgotten. */
const maxTallies = 50_000;

export function createLockOut(clock: Clock): LockOut {
  const tallies = new Map<string, Tally>();
  return {
    isLocked(profile, reference, address) {
      return tallies.size > 0 && (tallies.get(keyOf(profile, reference, address))?.lockedUntil ?? 0) > clock.now().getTime();
    },
    noteWrong(profile, reference, address) {
      const { attempts, minutes } = profile.policy.cmp.lockOut;
      if (attempts === null) return;
      const now = clock.now().getTime();
      const key = keyOf(profile, reference, address);
      const before = tallies.get(key);
      const isFresh = before === undefined || now - before.since > minutes * 60_000;
      const { wrong, since } = isFresh ? { wrong: 0, since: now } : before;
      tallies.delete(key);
      tallies.set(key, { wrong: wrong + 1, since, lockedUntil: wrong + 1 >= attempts ? now + minutes * 60_000 : 0 });
      if (tallies.size > maxTallies) tallies.delete(tallies.keys().next().value as string);
    },
    noteRight(profile, reference, address) {
      if (tallies.size > 0) tallies.delete(keyOf(profile, reference, address));
    },
  };
}

/** References come from whoever asks, and may be long. */
function keyOf({ id, policy }: CmpProfile, reference: string, address: string): string {
  return hash('sha256', JSON.stringify([id, reference, policy.cmp.lockOut.everywhere ? '' : sourceOf(address)]), 'base64');
}
