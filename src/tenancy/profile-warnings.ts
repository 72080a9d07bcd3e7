import type { Profile } from './profile.js';

/** What an operator should know of an open profile; empty for most. */
export function warningsOf(profile: Pick<Profile, 'protocol' | 'policy'> & { readonly challengeMode?: string }): readonly string[] {
  if (profile.protocol !== 'scep' || profile.challengeMode !== 'none') return [];
  return profile.policy.approval.mode === 'manual'
    ? ['Requests need no challenge: anyone who reaches this endpoint can put orders before its administrators.']
    : ['Requests need no challenge: anyone who reaches this endpoint gets a certificate for any name the policy allows.'];
}
