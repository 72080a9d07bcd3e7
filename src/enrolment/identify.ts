import { type Certificate, isSameName } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { MintedChallenge } from '../tenancy/challenge.js';
import type { TenantContext } from '../tenancy/context.js';
import type { SecretLimits } from '../tenancy/device-secret.js';
import type { Profile } from '../tenancy/profile.js';
import type { VendorDevice } from '../tenancy/vendor-device.js';
import { authorise, type CredentialKind } from './authorise.js';
import { authorityCredential } from './authority-credential.js';
import { challengeCredential, type Outside } from './challenge.js';
import { isRevoked } from './is-revoked.js';
import type { IssuedCertificate } from './ports.js';
import { isReauthenticationDue } from './reauthentication.js';
import { type Refusal, refusal } from './refusal.js';
import { isTokenWanted, registrationToken } from './registration-token.js';
import { anchoredSigner, anchorsOf } from './renewal-anchor.js';
import type { EnrolmentRequest, Evidence, Intent } from './request.js';
import { isRevokedAtCa } from './revoked-at-ca.js';
import type { EnrolmentDeps } from './service.js';
import { vendorSigner } from './vendor.js';

/** The permission to go on; only `identify` makes one. Without it no order can be recorded. */
export interface Grant {
  readonly operation: 'enrolment' | 'renewal';
  /** What operators see: `challenge:static`, `challenge:<id>`, `secret:<reference>`, `certificate:<serial>`, `vendor:<subject>`; joined by ` + `. */
  readonly credential: string;
  readonly reference?: string;
  /** The certificate that signed the request. */
  readonly signer?: Certificate;
  /** Its record, when we issued it: what a renewal renews. */
  readonly issued?: IssuedCertificate;
  /** A renewal anchor issued it, not we. */
  readonly isAnchored?: true;
  /** The grant is good only once this one has found the challenge good. */
  readonly unproven?: Outside;
  /** A minted challenge, with what it is bound to. */
  readonly challenge?: MintedChallenge;
  /** A vendor's device on the profile's list. */
  readonly vendorDevice?: VendorDevice;
  /** A shared secret that was made for this device alone. */
  readonly deviceSecret?: { readonly id: string; readonly limits: SecretLimits };
}

/** A credential that was found good, before the table says what it is good for. */
interface Credential {
  readonly kind: CredentialKind;
  readonly label: string;
  readonly reference?: string;
  readonly signer?: Certificate;
  readonly issued?: IssuedCertificate;
  readonly isAnchored?: true;
  readonly unproven?: Outside;
  /** A minted challenge, with what it is bound to. */
  readonly challenge?: MintedChallenge;
  /** A vendor's device on the profile's list. */
  readonly vendorDevice?: VendorDevice;
  /** A shared secret that was made for this device alone. */
  readonly deviceSecret?: { readonly id: string; readonly limits: SecretLimits };
}

/** Establishes who asks and whether that suffices for what is asked (design: default deny; RFC 8894 section 2.4, RFC 9483 section 3.5). */
export async function identify(request: EnrolmentRequest, profile: Profile, context: TenantContext, deps: EnrolmentDeps): Promise<Result<Grant, Refusal>> {
  const credential = await bestCredential(request, profile, context, deps);
  if (!credential.ok) return credential;
  const operation = authorise(request.protocol, request.intent, credential.value.kind);
  if (operation === 'refused') return fail(refusal('not-authorised', `${request.intent} with ${credential.value.label}`));
  const { label, kind: _kind, ...found } = credential.value;
  const token = isTokenWanted(request, profile) ? await registrationToken(request, profile, context, deps) : undefined;
  if (token?.ok === false) return token;
  return ok({ operation, credential: label, ...found, ...(token?.value && { credential: `${label} + ${token.value.label}`, ...token.value.grant }) });
}

/** The strongest credential first: MAC, then certificate, then challenge. A certificate that fails leaves the challenge its chance. */
async function bestCredential(request: EnrolmentRequest, profile: Profile, context: TenantContext, deps: EnrolmentDeps): Promise<Result<Credential, Refusal>> {
  const { secret, signer } = request.evidence;
  if (secret !== undefined) return ok(secretCredential(secret));
  const byAuthority = isAuthorityPossible(request, profile) && signer ? await authorityCredential(signer, profile, context, deps) : undefined;
  if (byAuthority !== undefined) return ok(byAuthority);
  const bySigner = signer === undefined ? undefined : await signerCredential(signer, profile, context, deps, request.intent);
  if (bySigner?.ok)
    return isChallengeNeeded(profile)
      ? withChallenge(bySigner.value, request, profile, context, deps)
      : stillGood(bySigner.value, request, profile, context, deps);
  const byChallenge = request.protocol === 'scep' ? await byOwnChallenge(request, profile, context, deps) : undefined;
  if (byChallenge?.ok) return byChallenge;
  return bySigner ?? byChallenge ?? fail(refusal('credential-invalid', 'no credential'));
}

function secretCredential({ id, reference, limits }: NonNullable<Evidence['secret']>): Credential {
  return { kind: 'secret', label: `secret:${reference}`, reference, ...(limits && { deviceSecret: { id, limits } }) };
}

/** Only where the profile has RAs, and never for a renewal, which is signed by the certificate it renews. */
function isAuthorityPossible({ intent }: EnrolmentRequest, profile: Profile): boolean {
  return profile.policy.cmp.registrationAuthorities.length > 0 && profile.protocol === 'cmp' && intent !== 'renewal';
}

/** A signer's right: a certificate of this profile, of a renewal anchor where the intent is one that it is good for, or of a vendor that it trusts. */
export async function signerCredential(
  signer: NonNullable<Evidence['signer']>,
  profile: Profile,
  context: TenantContext,
  deps: EnrolmentDeps,
  intent?: Intent,
): Promise<Result<Credential, Refusal>> {
  const issued = await deps.certificates.findByFingerprint(context, deps.fingerprint(signer.certificate.der));
  if (issued !== undefined && issued.profileId === profile.id) {
    const own = issuedCredential(signer.certificate, issued, profile, deps);
    return own.ok && (await isRevokedAtCa(signer.certificate, profile, deps)) ? fail(refusal('signer-revoked', `${issued.serial}, by its CA`)) : own;
  }
  if (issued !== undefined && isRevoked(issued)) return fail(refusal('signer-revoked', issued.serial));
  // By ir, a device of a CA that is a vendor's too asks for its first certificate here, and by the vendor's rules.
  const isAnchorable = (profile.protocol === 'scep' || intent === 'renewal') && anchorsOf(profile).length > 0;
  // What may not renew in its own profile may not here either.
  if (isAnchorable && issued?.status === 'superseded') return fail(refusal('signer-superseded', issued.serial));
  const anchored = isAnchorable ? await anchoredSigner(signer.certificate, profile, deps) : undefined;
  if (anchored?.ok === true) return ok({ kind: 'anchored', label: anchored.value, signer: signer.certificate, isAnchored: true });
  if (anchored !== undefined) return anchored;
  return vendorCredential(signer, profile, context, deps);
}

function byItsChallenge(request: EnrolmentRequest, profile: Profile, context: TenantContext, deps: EnrolmentDeps) {
  return challengeCredential(request.evidence.challenge, request.wanted, profile, context, deps);
}

/**
 * A challenge is good for whoever signed with the requested key, or with the certificate he had here before (RFC 8894 section 2.3). Anyone
 * can put the envelope of a device into a message of his own: that must neither use up its challenge nor bring him its certificate.
 */
async function byOwnChallenge(request: EnrolmentRequest, profile: Profile, context: TenantContext, deps: EnrolmentDeps) {
  const isOwn = request.requester.equals(request.wanted.publicKey.fingerprint) || (await isFormerDevice(request, profile, context, deps));
  return isOwn ? byItsChallenge(request, profile, context, deps) : fail(refusal('credential-invalid', 'signed with another key than the requested one'));
}

/** The device of this name, whose certificate of this profile is no longer good for a renewal; not one that was revoked. */
async function isFormerDevice({ evidence, wanted }: EnrolmentRequest, profile: Profile, context: TenantContext, deps: EnrolmentDeps): Promise<boolean> {
  const certificate = evidence.signer?.certificate;
  if (certificate === undefined || !isSameName(certificate.subject, wanted.subject)) return false;
  const issued = await deps.certificates.findByFingerprint(context, deps.fingerprint(certificate.der));
  return issued?.profileId === profile.id && !isRevoked(issued);
}

/** Row SCEP-105. Intune decides anew at every request whether the device is still to have a certificate. */
function isChallengeNeeded(profile: Profile): boolean {
  if (profile.protocol !== 'scep') return false;
  return profile.policy.renewal.requireChallenge || profile.challengeMode === 'intune';
}

/** A certificate of this profile alone, as long as the device has shown more than that lately; a challenge beside it shows it anew. */
async function stillGood(
  bySigner: Credential,
  request: EnrolmentRequest,
  profile: Profile,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Result<Credential, Refusal>> {
  if (profile.policy.renewal.reauthenticateDays === null || bySigner.issued === undefined) return ok(bySigner);
  if (!(await isReauthenticationDue(bySigner.issued, profile, context, deps))) return ok(bySigner);
  const proven = request.protocol === 'scep' ? await withChallenge(bySigner, request, profile, context, deps) : undefined;
  return proven?.ok ? proven : fail(refusal('signer-unproven', bySigner.issued.serial));
}

async function withChallenge(
  bySigner: Credential,
  request: EnrolmentRequest,
  profile: Profile,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Result<Credential, Refusal>> {
  const byChallenge = await byItsChallenge(request, profile, context, deps);
  if (!byChallenge.ok) return byChallenge;
  const { label, kind: _kind, ...found } = byChallenge.value;
  return ok({ ...bySigner, ...found, label: `${bySigner.label} + ${label}` });
}

function issuedCredential(certificate: Certificate, issued: IssuedCertificate, profile: Profile, deps: EnrolmentDeps): Result<Credential, Refusal> {
  const now = deps.clock.now().getTime();
  if (isRevoked(issued)) return fail(refusal('signer-revoked', issued.serial));
  if (issued.status === 'superseded') return fail(refusal('signer-superseded', issued.serial));
  if (issued.notBefore.getTime() > now) return fail(refusal('signer-not-trusted', 'not yet valid'));
  if (issued.notAfter.getTime() + profile.policy.renewal.graceDays * 86_400_000 < now) return fail(refusal('signer-expired', issued.serial));
  return ok({ kind: 'issued', label: `certificate:${issued.serial}`, signer: certificate, issued });
}

async function vendorCredential(
  signer: NonNullable<Evidence['signer']>,
  profile: Profile,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Result<Credential, Refusal>> {
  const found = await vendorSigner(signer, profile, context, deps);
  if (!found.ok) return found;
  const { label, device } = found.value;
  return ok({ kind: 'vendor', label, signer: signer.certificate, ...(device && { vendorDevice: device }) });
}
