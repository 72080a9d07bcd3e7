import type { ChallengeCheck } from '../../tenancy/challenge-check.js';
import { challengeMac } from '../../tenancy/credentials.js';
import type { ChallengeMode } from '../../tenancy/profile.js';
import { refuseFaults } from '../fault.js';
import { type CheckChange, settleCheck } from './challenge-check.js';

export interface StoredChallenge {
  readonly challengeMode: ChallengeMode;
  readonly challengeMac: Buffer | null;
  readonly challengeCheck?: ChallengeCheck | null;
}

/** What a request says: a field left out is undefined, one cleared is null. */
export interface WantedChallenge {
  readonly challengeMode?: ChallengeMode | null | undefined;
  readonly challengePassword?: string | null | undefined;
}

/** What a request says of the settings of modes hmac, webhook and intune. */
export type CheckWishes = Pick<CheckChange, 'wanted' | 'given' | 'now'>;

/**
 * The challenge of a profile after a request. A password given means mode static, a password cleared one-time. The other modes forget
 * the stored password, and each mode the settings of another, so that they cannot come back to life by a change of mode. Nothing when the
 * request says nothing about a stored one. Throws 400 when mode, password and settings contradict each other.
 */
export function changeChallenge(
  wanted: WantedChallenge,
  current: StoredChallenge,
  checks: CheckWishes,
  profileId: string,
  macKey: Buffer,
): StoredChallenge | undefined {
  const isMeant = wanted.challengeMode !== undefined || wanted.challengePassword !== undefined;
  const isCheckMeant = Object.values(checks.given).some((value) => value !== undefined);
  if (!isMeant && !isCheckMeant) return undefined;
  return settleChallenge(isMeant ? wanted : { challengeMode: current.challengeMode }, current, checks, profileId, macKey);
}

/** As `changeChallenge`, for a profile that has none yet. */
export function firstChallenge(wanted: WantedChallenge, checks: CheckWishes, profileId: string, macKey: Buffer): StoredChallenge {
  return settleChallenge(wanted, null, checks, profileId, macKey);
}

function settleChallenge(wanted: WantedChallenge, current: StoredChallenge | null, checks: CheckWishes, profileId: string, macKey: Buffer): StoredChallenge {
  const { challengeMode, challengePassword } = wanted;
  const mac = challengePassword === undefined ? (current?.challengeMac ?? null) : null;
  const next = challengePassword ? challengeMac(macKey, profileId, challengePassword) : mac;
  const mode = challengeMode ?? (next === null ? 'one-time' : 'static');
  if (mode === 'static' && next === null) refuseFaults([{ path: 'challengePassword', message: 'Required in mode static' }]);
  if (mode !== 'static' && challengePassword) refuseFaults([{ path: 'challengePassword', message: `A profile of mode ${mode} has no challenge of its own` }]);
  const challengeCheck = settleCheck({ mode, ...checks, current: current?.challengeCheck ?? null });
  return { challengeMode: mode, challengeMac: mode === 'static' ? next : null, challengeCheck };
}
