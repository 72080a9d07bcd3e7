import { fail, ok, type Result } from '../runtime/result.js';
import type { TenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { authorityRights } from './authority-credential.js';
import { signerCredential } from './identify.js';
import { type Refusal, refusal } from './refusal.js';
import type { Evidence } from './request.js';
import type { EnrolmentDeps } from './service.js';

/** Whether a caller belongs to this profile, for questions that anyone who does may ask. A certificate that was updated still counts. */
export async function recognise(evidence: Evidence, profile: Profile, context: TenantContext, deps: EnrolmentDeps): Promise<Result<true, Refusal>> {
  const { secret, signer } = evidence;
  if (secret !== undefined) return ok(true);
  if (signer === undefined) return fail(refusal('credential-invalid', 'no credential'));
  if ((await authorityRights(signer, profile, context, deps)).size > 0) return ok(true);
  const credential = await signerCredential(signer, profile, context, deps);
  return credential.ok || credential.error.code === 'signer-superseded' ? ok(true) : fail(credential.error);
}
