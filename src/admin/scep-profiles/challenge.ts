import { challengeMac } from '../../tenancy/credentials.js';
import type { ChallengeMode } from '../../tenancy/profile.js';
import { refuseFaults } from '../fault.js';

export interface StoredChallenge {
  readonly challengeMode: ChallengeMode;
  readonly challengeMac: Buffer | null;
}

/** What a request says: a field left out is undefined, one cleared is null. */
export interface WantedChallenge {
  readonly challengeMode?: ChallengeMode | null | undefined;
  readonly challengePassword?: string | null | undefined;
}

/**
 * The challenge of a profile after a request. A password given means mode static, a password cleared one-time. Mode one-time forgets
 * the stored password, so that it cannot come back to life by a change of mode. Throws 400 when mode and password contradict each other.
 */
export function settleChallenge(wanted: WantedChallenge, current: StoredChallenge | null, profileId: string, macKey: Buffer): StoredChallenge {
  const { challengeMode, challengePassword } = wanted;
  if (challengeMode === undefined && challengePassword === undefined && current !== null) return storedPart(current);
  const mac = challengePassword === undefined ? (current?.challengeMac ?? null) : null;
  const next = challengePassword ? challengeMac(macKey, profileId, challengePassword) : mac;
  const mode = challengeMode ?? (next === null ? 'one-time' : 'static');
  if (mode === 'static' && next === null) refuseFaults([{ path: 'challengePassword', message: 'Required in mode static' }]);
  if (mode === 'one-time' && challengePassword) refuseFaults([{ path: 'challengePassword', message: 'A one-time profile has no challenge of its own' }]);
  return { challengeMode: mode, challengeMac: mode === 'static' ? next : null };
}

function storedPart({ challengeMode, challengeMac: mac }: StoredChallenge): StoredChallenge {
  return { challengeMode, challengeMac: mac };
}
