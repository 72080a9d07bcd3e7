import type { ChallengeCheck } from './challenge-check.js';
import type { Policy } from './policy.js';
import type { Profile } from './profile.js';

interface Challenged {
  readonly policy: Policy;
  readonly challengeMode?: string;
  readonly challengeCheck?: ChallengeCheck | null;
}

/** What an operator should know of an open profile; empty for most. */
export function warningsOf(profile: Pick<Profile, 'protocol'> & Challenged): readonly string[] {
  const anchors = anchorWarnings(profile.policy[profile.protocol]);
  if (profile.protocol === 'cmp') return [...vendorWarnings(profile.policy), ...anchors];
  return [...challengeWarnings(profile), ...renewalWarnings(profile), ...anchors, ...keyWarnings(profile.policy)];
}

function vendorWarnings({ cmp: { trustAnchors, vendorDevices } }: Policy): readonly string[] {
  return trustAnchors.length > 0 && vendorDevices === 'any'
    ? ["Any device that a vendor's CA among the trust anchors ever certified gets a certificate; a list of devices would name them."]
    : [];
}

function challengeWarnings({ challengeMode, challengeCheck, policy }: Challenged): readonly string[] {
  if (challengeMode !== 'none') return checkWarnings(policy, challengeCheck ?? undefined);
  return policy.approval.mode === 'manual'
    ? ['Dangerous: requests need no challenge, anyone who reaches this endpoint can put orders before its administrators.']
    : ['Dangerous: requests need no challenge, anyone who reaches this endpoint gets a certificate for any name the policy allows.'];
}

/** Rules that count on a challenge which mode none does not look at. */
function renewalWarnings({ challengeMode, policy }: Challenged): readonly string[] {
  const { requireChallenge, reauthenticateDays } = policy.renewal;
  if (challengeMode !== 'none' || !(requireChallenge || reauthenticateDays !== null)) return [];
  const rule = requireChallenge ? 'renewal.requireChallenge' : 'renewal.reauthenticateDays';
  return [`${rule} has no effect: requests need no challenge, so a certificate alone renews for ever. Choose another challengeMode.`];
}

function anchorWarnings({ renewalAnchors }: Policy['scep' | 'cmp']): readonly string[] {
  return renewalAnchors.some(({ crl }) => crl === null)
    ? ['A renewal anchor has no CRL: devices whose certificates were revoked there get new ones here all the same.']
    : [];
}

/** What would refuse every device. */
function keyWarnings({ keys }: Policy): readonly string[] {
  return keys.rsaMinBits > keys.rsaMaxBits
    ? [`No RSA key can enrol: keys.rsaMinBits (${keys.rsaMinBits}) is above keys.rsaMaxBits (${keys.rsaMaxBits}). Raise the one or lower the other.`]
    : [];
}

function checkWarnings({ names }: Policy, check: ChallengeCheck | undefined): readonly string[] {
  if (check?.kind === 'webhook' && check.settings.whenUnavailable === 'hold') {
    return ['While the webhook does not answer, anyone who reaches this endpoint can put orders before its administrators.'];
  }
  if (check?.kind !== 'hmac') return [];
  const { template } = names.subject;
  const { identity } = check.settings;
  const isUsed = template === null || template.includes(`{${identity}}`) || template.includes('{deviceId}');
  return isUsed ? [] : [`Challenges prove the ${identity} of a device, but the subject template uses neither {${identity}} nor {deviceId}.`];
}
