import { fail, ok, type Result } from '../runtime/result.js';
import { type MintedChallenge, mayBeMinted } from '../tenancy/challenge.js';
import type { CheckKind, HmacCheck } from '../tenancy/challenge-check.js';
import type { TenantContext } from '../tenancy/context.js';
import { challengeMac, isSameMac } from '../tenancy/credentials.js';
import type { Profile } from '../tenancy/profile.js';
import { holdDerived } from './derived-challenge.js';
import { type Refusal, refusal } from './refusal.js';
import type { WantedCertificate } from './request.js';
import type { EnrolmentDeps } from './service.js';

/** Who judges a challenge that is not ours. */
export type Outside = Exclude<CheckKind, HmacCheck['kind']>;

/** A challenge that was found good, or one that someone outside has yet to judge. */
export interface ChallengeCredential {
  readonly kind: 'challenge';
  /** `challenge:static`, `challenge:<id>` of a minted or derived one, `challenge:webhook`, `challenge:intune`, or `challenge:none` where the profile asks for none. */
  readonly label: string;
  readonly challenge?: MintedChallenge;
  /** Nobody has found it good yet. */
  readonly unproven?: Outside;
}

/** A request's right by its challenge; in mode `none` a request without a good one is let in as nobody (RFC 8894 section 2.4). */
export async function challengeCredential(
  challenge: string | undefined,
  wanted: WantedCertificate,
  profile: Profile,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Result<ChallengeCredential, Refusal>> {
  const found = await holdChallenge(challenge, wanted, profile, context, deps);
  if (found.ok || profile.protocol !== 'scep' || profile.challengeMode !== 'none') return found;
  return ok({ kind: 'challenge', label: 'challenge:none' });
}

/**
 * Holds a challenge against the profile's own, then against what derives from its secret, then against those minted for it, which are
 * valid in every mode; what is none of these is for someone outside to judge, where the profile says so. Wrong, expired, used up and
 * absent differ in `detail` only, which the device never sees (row SCEP-106). The static one costs no look-up.
 */
async function holdChallenge(
  challenge: string | undefined,
  wanted: WantedCertificate,
  profile: Profile,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Result<ChallengeCredential, Refusal>> {
  if (challenge === undefined || challenge === '') return fail(refusal('credential-invalid', 'no challenge'));
  if (profile.protocol !== 'scep') return fail(refusal('credential-invalid', 'a challenge is for SCEP'));
  const mac = challengeMac(deps.challengeMacKey, profile.id, challenge);
  if (profile.challengeMac !== null && isSameMac(mac, profile.challengeMac)) return ok({ kind: 'challenge', label: 'challenge:static' });
  const check = profile.challengeCheck ?? undefined;
  const derived = check?.kind === 'hmac' ? await holdDerived({ challenge, wanted }, profile, check, context, deps) : undefined;
  if (derived !== undefined) return derived.ok ? mintedCredential(derived.value) : derived;
  const minted = mayBeMinted(challenge) ? await deps.challenges.find(context, profile.id, mac) : undefined;
  if (minted !== undefined) return mintedCredential(minted);
  if (check === undefined || check.kind === 'hmac') return fail(refusal('credential-invalid', 'wrong challenge'));
  return ok({ kind: 'challenge', label: `challenge:${check.kind}`, unproven: check.kind });
}

function mintedCredential(minted: MintedChallenge): Result<ChallengeCredential, Refusal> {
  if (minted.used >= minted.maxUses) return fail(spentRefusal(minted.id));
  if (minted.isExpired) return fail(refusal('credential-invalid', `challenge ${minted.id} has expired`));
  return ok({ kind: 'challenge', label: `challenge:${minted.id}`, challenge: minted });
}

/** The re-use of a challenge, which is a security event (RFC 8894 section 7.3). */
export function spentRefusal(challengeId: string): Refusal {
  return { ...refusal('credential-invalid', `challenge ${challengeId} is used up`), reusedChallenge: challengeId };
}
