import { hash } from 'node:crypto';
import { canonicalName } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { TenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import type { Checked } from './policy.js';
import { type Refusal, refusal } from './refusal.js';
import type { EnrolmentDeps } from './service.js';

/** Which name each key of a profile was certified for; kept only where the policy asks for it. */
export interface CertifiedKeyStore {
  /** Holds the key (SHA-256 of its SubjectPublicKeyInfo) for this name (SHA-256); false when it is held for another one. */
  claim(context: TenantContext, profileId: string, keyHash: Buffer, nameHash: Buffer): Promise<boolean>;
}

/**
 * Whether the requested key may be certified for the requested name: two names with one key mean that a key was copied (RFC 9483 section
 * 3.6.4 lets a CA refuse it). Renewals keep their name, and so their key.
 */
export async function checkKeyHolder(checked: Checked, profile: Profile, context: TenantContext, deps: EnrolmentDeps): Promise<Result<true, Refusal>> {
  if (profile.policy.keys.sharing !== 'refuse') return ok(true);
  const { subject, sans, request } = checked;
  const names = [canonicalName(subject), ...(subject.rdns.length > 0 ? [] : sans.map(({ type, text }) => `${type}:${text.toLowerCase()}`).sort())];
  const isFree = await deps.certifiedKeys?.claim(
    context,
    profile.id,
    hash('sha256', request.publicKey, 'buffer'),
    hash('sha256', names.join('\u0000'), 'buffer'),
  );
  return isFree === false ? fail(refusal('key-of-another')) : ok(true);
}
