import { hash } from 'node:crypto';
import { shortNames, subjectAltNames } from '../pkix/index.js';
import { uuidv7 } from '../runtime/ids.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { ChallengeBinding, MintedChallenge } from '../tenancy/challenge.js';
import type { HmacCheck } from '../tenancy/challenge-check.js';
import type { TenantContext } from '../tenancy/context.js';
import { challengeMac } from '../tenancy/credentials.js';
import { isDerived, namedExpiry } from '../tenancy/derived-challenge.js';
import { sanTypes } from '../tenancy/policy.js';
import type { Profile } from '../tenancy/profile.js';
import { type Refusal, refusal } from './refusal.js';
import type { WantedCertificate } from './request.js';
import type { EnrolmentDeps } from './service.js';

const hourMs = 3_600_000;

/** What is asked for with a challenge in mode hmac. */
export interface DerivedClaim {
  readonly challenge: string;
  readonly wanted: WantedCertificate;
}

/**
 * A challenge that was derived for the device which the request names. From its first use on it is kept like a minted one, so that it
 * is used up, re-used and expires as those do (rows SCEP-097 to SCEP-100). undefined: it was not derived for this device.
 */
export async function holdDerived(
  claim: DerivedClaim,
  profile: Profile,
  check: HmacCheck,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Result<MintedChallenge, Refusal> | undefined> {
  const expiresAt = namedExpiry(claim.challenge);
  const identity = expiresAt === undefined ? undefined : identityOf(claim.wanted, check.settings.identity);
  if (expiresAt === undefined || identity === undefined) return undefined;
  if (!isDerived(claim.challenge, { profileId: profile.id, secret: check.secret, identity })) return undefined;
  const ahead = expiresAt.getTime() - deps.clock.now().getTime();
  if (ahead <= 0) return fail(refusal('credential-invalid', 'the derived challenge has expired'));
  if (ahead > (check.settings.maxHours + 1) * hourMs) return fail(refusal('credential-invalid', 'the derived challenge expires too far ahead'));
  const binding = bindingOf(identity, check);
  const mac = derivedMac(claim.challenge, profile, deps);
  const known = await deps.challenges.find(context, profile.id, mac);
  if (known !== undefined) return ok({ ...known, ...binding });
  const id = uuidv7(deps.clock.now().getTime());
  return ok(await deps.challenges.admit(context, { id, profileId: profile.id, mac, maxUses: check.settings.uses, expiresAt, ...binding }));
}

/** Apart from those of minted challenges: what was derived for one device must never be found as one that was minted for any. */
function derivedMac(challenge: string, profile: Profile, deps: EnrolmentDeps): Buffer {
  return challengeMac(deps.challengeMacKey, `${profile.id} derived`, challenge);
}

/** The one name of the request that stands for the device; undefined where there is none, or more than one to choose from. */
export function identityOf({ subject, extensions }: WantedCertificate, source: string): string | undefined {
  if (source === 'dns' || source === 'email') {
    const sans = subjectAltNames(extensions);
    return sans.ok ? only(sans.value.filter(({ type }) => type === source)) : undefined;
  }
  return only(subject.rdns.flat().filter(({ type }) => shortNames[type] === source));
}

function only(found: readonly { readonly text: string }[]): string | undefined {
  return found.length === 1 && found[0]?.text !== '' ? found[0]?.text : undefined;
}

function bindingOf(identity: string, { settings }: HmacCheck): ChallengeBinding {
  const own = sanTypes.map((type) => `${type}:${identity}`);
  return { subject: null, sans: settings.otherNames === 'refuse' ? own : null, deviceId: deviceIdOf(identity) };
}

/** A device may name itself at any length; a row may not. */
function deviceIdOf(identity: string): string {
  return identity.length <= 200 ? identity : `sha256:${hash('sha256', identity, 'hex')}`;
}
