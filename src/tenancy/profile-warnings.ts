import type { Policy } from './policy.js';
import type { Profile } from './profile.js';

/** What an operator should know of an open profile; empty for most. */
export function warningsOf(profile: Pick<Profile, 'protocol' | 'policy'> & { readonly challengeMode?: string }): readonly string[] {
  const { trustAnchors, vendorDevices } = profile.policy.cmp;
  if (profile.protocol === 'cmp' && trustAnchors.length > 0 && vendorDevices === 'any') {
    return ["Any device that a vendor's CA among the trust anchors ever certified gets a certificate; a list of devices would name them."];
  }
  return profile.protocol === 'scep' ? [...challengeWarnings(profile), ...anchorWarnings(profile.policy)] : [];
}

function challengeWarnings({ challengeMode, policy }: Pick<Profile, 'policy'> & { readonly challengeMode?: string }): readonly string[] {
  if (challengeMode !== 'none') return [];
  return policy.approval.mode === 'manual'
    ? ['Requests need no challenge: anyone who reaches this endpoint can put orders before its administrators.']
    : ['Requests need no challenge: anyone who reaches this endpoint gets a certificate for any name the policy allows.'];
}

function anchorWarnings({ scep }: Policy): readonly string[] {
  return scep.renewalAnchors.some(({ crl }) => crl === null)
    ? ['A renewal anchor has no CRL: devices whose certificates were revoked there get new ones here all the same.']
    : [];
}
