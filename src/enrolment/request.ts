import type { Certificate, Extension, Name, PublicKey } from '../pkix/index.js';
import type { SecretLimits } from '../tenancy/device-secret.js';
import type { Protocol } from '../tenancy/profile.js';
import type { OrderFacts, Session } from './order.js';

/** `initial`: a first certificate (PKCSReq, ir). `additional`: a further one for a member of the PKI (cr, p10cr). `renewal`: RenewalReq, kur. */
export const intents = ['initial', 'additional', 'renewal'] as const;
export type Intent = (typeof intents)[number];

/** What the protocol layer verified about who asks. Only what stands here counts; presence of a certificate proves nothing by itself. */
export interface Evidence {
  /** The challenge password as sent (SCEP). */
  readonly challenge?: string;
  /** A shared secret whose MAC over the message was verified (CMP). `revokes`: it is a passphrase, good only to revoke the certificates of this owner. */
  readonly secret?: { readonly id: string; readonly reference: string; readonly limits?: SecretLimits; readonly revokes?: string };
  /** What stood in the controls of the request (CMP): a token for one registration, or one that is shown every time (RFC 4211 sections 6.1 and 6.2). */
  readonly registration?: { readonly regToken?: string; readonly authenticator?: string };
  /** The certificate whose key's signature over the message was verified, unless it is self-signed; with what came beside it. */
  readonly signer?: { readonly certificate: Certificate; readonly others: readonly Certificate[] };
}

/** A request for a certificate after its protocol has decoded it, verified its protection and the proof of possession. */
export interface EnrolmentRequest {
  readonly protocol: Protocol;
  readonly intent: Intent;
  /** As operators see it; printable. */
  readonly transactionId: string;
  /** Who asks, for deduplication, 32 bytes: SCEP the hash of the signer's key, CMP of the reference or the signer's key. */
  readonly requester: Buffer;
  /** What is asked for, as received (PKCS#10 or CertTemplate); its hash tells a retransmission from another request. */
  readonly content: Buffer;
  readonly evidence: Evidence;
  readonly wanted: WantedCertificate;
  readonly facts: OrderFacts;
  readonly session: Session;
}

export interface WantedCertificate {
  readonly publicKey: PublicKey;
  readonly subject: Name;
  readonly extensions: readonly Extension[];
  /** A wish; the policy caps it. */
  readonly notAfter?: Date;
  /** DER. */
  readonly pkcs10?: Buffer;
}
