import { buildChainInTurns, type Certificate, type CertificateList, fromPem, isSameName, nameToText, parseCertificate, pathRevocation } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { TenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { matchKeysOf, type VendorDevice } from '../tenancy/vendor-device.js';
import { type Refusal, refusal } from './refusal.js';
import type { Evidence } from './request.js';
import type { EnrolmentDeps } from './service.js';

/** A signer whose certificate is none of ours but chains to a trust anchor of the profile. */
export interface VendorSigner {
  readonly signer: Certificate;
  readonly label: string;
  /** Its place on the profile's list, which a use must be counted against. */
  readonly device?: VendorDevice;
}

/**
 * Whether the profile lets this vendor's device in: its certificate chains to an anchor, nothing in the chain is revoked by the
 * profile's CRLs, and the device stands on the profile's list (3GPP TS 33.310 clause 9.2; a whole vendor only where the policy
 * says so).
 */
export async function vendorSigner(
  evidence: NonNullable<Evidence['signer']>,
  profile: Profile,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Result<VendorSigner, Refusal>> {
  const signer = evidence.certificate;
  const chain = await buildChainInTurns({ leaf: signer, intermediates: evidence.others, anchors: trustAnchorsOf(profile), at: deps.clock.now() });
  if (!chain.ok) return fail(refusal(chain.error === 'expired' ? 'signer-expired' : 'signer-not-trusted', chain.error));
  if (chain.value.length === 1 || isSameName(signer.subject, signer.issuer)) return fail(refusal('signer-not-trusted', 'a trust anchor does not enrol itself'));
  const current = await checkRevocation(chain.value, profile, deps);
  if (!current.ok) return current;
  const label = `vendor:${nameToText(signer.subject)}`;
  if (profile.policy.cmp.vendorDevices === 'any') return ok({ signer, label });
  const device = await deps.vendorDevices?.find(context, profile.id, matchKeysOf(signer));
  if (device === undefined) return fail(refusal('not-authorised', `${label} is not on the list of the profile`));
  if (device.isExpired) return fail(refusal('not-authorised', `${label} was on the list until ${device.expiresAt?.toISOString()}`));
  // One that is used up is let through: the count tells a retransmission from a further request.
  return ok({ signer, label, device });
}

async function checkRevocation(chain: readonly Certificate[], profile: Profile, deps: EnrolmentDeps): Promise<Result<true, Refusal>> {
  const { crlUrls, crlMissing } = profile.policy.cmp;
  if (crlUrls.length === 0) return ok(true);
  const now = deps.clock.now();
  const lists: readonly CertificateList[] = (await deps.revocationLists?.listsAt(crlUrls)) ?? [];
  const found = pathRevocation(chain, lists, now);
  const subject = found.at === undefined ? '' : nameToText(found.at.subject);
  if (found.verdict === 'revoked') return fail(refusal('signer-revoked', subject));
  if (found.verdict === 'unknown' && crlMissing === 'refuse') return fail(refusal('signer-not-trusted', `no CRL in force speaks of ${subject}`));
  return ok(true);
}

/** Counts the use of a listed device for this transaction (32 bytes); the refusal when it is used up. */
export async function countVendorUse(device: VendorDevice, transaction: Buffer, context: TenantContext, deps: EnrolmentDeps): Promise<Result<true, Refusal>> {
  const isCounted = await deps.vendorDevices?.use(context, device.id, transaction);
  return isCounted === true ? ok(true) : fail(refusal('not-authorised', `the listed device has been used ${device.maxUses} times`));
}

const anchorsByPolicy = new WeakMap<Profile['policy'], readonly Certificate[]>();

function trustAnchorsOf(profile: Profile): readonly Certificate[] {
  const known = anchorsByPolicy.get(profile.policy);
  if (known !== undefined) return known;
  const parsed = profile.policy.cmp.trustAnchors.flatMap((pem) => fromPem('CERTIFICATE', pem)).map(parseCertificate);
  const anchors = parsed.flatMap((item) => (item.ok ? [item.value] : []));
  anchorsByPolicy.set(profile.policy, anchors);
  return anchors;
}
