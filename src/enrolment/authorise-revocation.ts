import type { Certificate } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { TenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { certificateRecord } from './new-order.js';
import type { Order } from './order.js';
import type { IssuedCertificate } from './ports.js';
import { type Refusal, refusal } from './refusal.js';
import { registrationAuthorityRightsOf } from './registration-authority.js';
import type { Evidence } from './request.js';
import type { EnrolmentDeps } from './service.js';

/** Who may want certificates revoked: the holder of the certificate, an RA with that right, or by policy the secret it was enrolled with or a passphrase of its holder. */
export type Revoker =
  | { readonly kind: 'holder'; readonly certificate: Certificate; readonly label: string }
  | { readonly kind: 'registration-authority'; readonly label: string }
  | { readonly kind: 'passphrase'; readonly owner: string; readonly label: string }
  | { readonly kind: 'secret'; readonly reference: string; readonly label: string };

/** What each may have revoked; anything else is refused (RFC 9483 sections 4.2 and 5.3.2). */
export const revocationRights = { holder: 'own', 'registration-authority': 'any', secret: 'enrolled-with-it', passphrase: 'owned' } as const satisfies Record<
  Revoker['kind'],
  string
>;

/** Who asks. A holder's own certificate is looked at later: that it is revoked already is an answer, not a fault of the signer. */
export async function identifyRevoker(evidence: Evidence, profile: Profile, context: TenantContext, deps: EnrolmentDeps): Promise<Result<Revoker, Refusal>> {
  const { secret, signer } = evidence;
  const { bySecret } = profile.policy.cmp.revocation;
  if (secret !== undefined) {
    const { reference, revokes } = secret;
    if (revokes !== undefined) return ok({ kind: 'passphrase', owner: revokes, label: `passphrase:${secret.id}` });
    return bySecret ? ok({ kind: 'secret', reference, label: `secret:${reference}` }) : fail(refusal('not-authorised', 'revocation with a shared secret'));
  }
  if (signer === undefined) return fail(refusal('credential-invalid', 'no credential'));
  const issued = await deps.certificates.findByFingerprint(context, deps.fingerprint(signer.certificate.der));
  if ((await registrationAuthorityRightsOf(signer, profile, deps.clock.now())).has('revoke')) {
    if (issued?.status === 'revoked') return fail(refusal('signer-revoked', issued.serial));
    return ok({ kind: 'registration-authority', label: `ra:${issued?.serial ?? signer.certificate.serial.toString('hex')}` });
  }
  if (issued?.profileId !== profile.id) return fail(refusal('signer-not-trusted', 'not a certificate of this profile'));
  return ok({ kind: 'holder', certificate: signer.certificate, label: `certificate:${issued.serial}` });
}

/** Whether this revoker may have this certificate revoked. */
export async function mayRevoke(revoker: Revoker, target: IssuedCertificate, context: TenantContext, deps: EnrolmentDeps): Promise<boolean> {
  switch (revocationRights[revoker.kind]) {
    case 'any':
      return true;
    case 'own':
      return revoker.kind === 'holder' && revoker.certificate.der.equals(target.der);
    case 'owned':
      return (
        revoker.kind === 'passphrase' && (revoker.owner === `certificate:${target.serial}` || (await wasEnrolledWith(revoker.owner, target, context, deps)))
      );
    case 'enrolled-with-it':
      return revoker.kind === 'secret' && (await wasEnrolledWith(revoker.label, target, context, deps));
  }
}

/** A device renews for a hundred years at one certificate a year. */
const maxRenewals = 100;

/** By the order of the certificate itself, or of the one it renewed, and so on: a renewal is authorised by the certificate before. */
async function wasEnrolledWith(credential: string, target: IssuedCertificate, context: TenantContext, deps: EnrolmentDeps): Promise<boolean> {
  const { issuerHash } = certificateRecord(target.der);
  let certificate: IssuedCertificate | undefined = target;
  for (let steps = 0; certificate !== undefined && steps < maxRenewals; steps += 1) {
    const order: Order | undefined = certificate.orderId === null ? undefined : await deps.orderReader.find(context, certificate.orderId);
    if (order === undefined) return false;
    if (order.credential === credential) return true;
    const serial: string | undefined = /^certificate:([0-9a-f]+)$/.exec(order.credential)?.[1];
    certificate = serial === undefined ? undefined : await deps.certificates.findBySerial(context, issuerHash, serial);
  }
  return false;
}
