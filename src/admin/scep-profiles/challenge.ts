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
 * The challenge of a profile after a request. A password given means mode static, a password cleared one-time. The other modes forget
 * the stored password, so that it cannot come back to life by a change of mode. Nothing when the request says nothing about a stored one.
 * Throws 400 when mode and password contradict each other.
 */
export function changeChallenge(wanted: WantedChallenge, current: StoredChallenge, profileId: string, macKey: Buffer): StoredChallenge | undefined {
  const isUntouched = wanted.challengeMode === undefined && wanted.challengePassword === undefined;
  return isUntouched ? undefined : settleChallenge(wanted, current, profileId, macKey);
}

/** As `changeChallenge`, for a profile that has none yet. */
export function firstChallenge(wanted: WantedChallenge, profileId: string, macKey: Buffer): StoredChallenge {
  return settleChallenge(wanted, null, profileId, macKey);
}

function settleChallenge(wanted: WantedChallenge, current: StoredChallenge | null, profileId: string, macKey: Buffer): StoredChallenge {
  const { challengeMode, challengePassword } = wanted;
  const mac = challengePassword === undefined ? (current?.challengeMac ?? null) : null;
  const next = challengePassword ? challengeMac(macKey, profileId, challengePassword) : mac;
  const mode = challengeMode ?? (next === null ? 'one-time' : 'static');
  if (mode === 'static' && next === null) refuseFaults([{ path: 'challengePassword', message: 'Required in mode static' }]);
  if (mode !== 'static' && challengePassword) refuseFaults([{ path: 'challengePassword', message: `A profile of mode ${mode} has no challenge of its own` }]);
  return { challengeMode: mode, challengeMac: mode === 'static' ? next : null };
}
