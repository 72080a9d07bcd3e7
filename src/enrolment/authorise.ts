import type { Protocol } from '../tenancy/profile.js';
import type { Intent } from './request.js';

/**
 * How a caller can have proved who it is. `issued`: by a certificate of this profile; `anchored`: by one of a CA that is a renewal anchor of
 * it; `vendor`: by one that chains to its trust anchors; `authority`: as an RA that may ask on behalf of devices.
 */
export const credentialKinds = ['challenge', 'secret', 'issued', 'anchored', 'vendor', 'authority'] as const;
export type CredentialKind = (typeof credentialKinds)[number];

export type Permission = 'enrolment' | 'renewal' | 'refused';

/**
 * The one place that says which credential permits what; every combination stands here and anything else does not compile.
 * SCEP: a PKCSReq signed by a certificate of this profile is a renewal (clients without RenewalReq); RenewalReq needs the old
 * certificate, which a renewal anchor may have issued (RFC 8894 section 2.3). CMP: ir by secret or certificate, cr and p10cr by a member of this PKI (RFC 9483 section
 * 4.1.2) or by an RA on behalf of one, kur only by the certificate it updates (RFC 9483 sections 4.1.3 and 5.2.3),
 * which the CA may have issued before this profile was there.
 */
export const authorisations: Readonly<Record<Protocol, Readonly<Record<Intent, Readonly<Record<CredentialKind, Permission>>>>>> = {
  scep: {
    initial: { challenge: 'enrolment', secret: 'refused', issued: 'renewal', anchored: 'renewal', vendor: 'refused', authority: 'refused' },
    additional: { challenge: 'refused', secret: 'refused', issued: 'refused', anchored: 'refused', vendor: 'refused', authority: 'refused' },
    renewal: { challenge: 'refused', secret: 'refused', issued: 'renewal', anchored: 'renewal', vendor: 'refused', authority: 'refused' },
  },
  cmp: {
    initial: { challenge: 'refused', secret: 'enrolment', issued: 'enrolment', anchored: 'refused', vendor: 'enrolment', authority: 'enrolment' },
    additional: { challenge: 'refused', secret: 'enrolment', issued: 'enrolment', anchored: 'refused', vendor: 'refused', authority: 'enrolment' },
    renewal: { challenge: 'refused', secret: 'refused', issued: 'renewal', anchored: 'renewal', vendor: 'refused', authority: 'refused' },
  },
};

export function authorise(protocol: Protocol, intent: Intent, kind: CredentialKind): Permission {
  return authorisations[protocol][intent][kind];
}
