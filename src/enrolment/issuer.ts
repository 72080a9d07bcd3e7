/** The port to a CA: what it is asked, what it may answer, and what it can do. */
import type { Eventually } from '../runtime/eventually.js';
import type { Result } from '../runtime/result.js';
import type { Profile } from '../tenancy/profile.js';
import type { CaRefusal } from './ca-refusal.js';
import type { Order } from './order.js';

/** What a CA says to a revocation. `final`: it will never say anything else, so that nobody asks again. */
export type RevocationAnswer = Result<true, string> & { readonly final?: true };

/** A refusal that no further attempt changes. */
export function refusedForGood(error: string): RevocationAnswer {
  return { ok: false, error, final: true };
}

/** What the issuer is asked for. All names and extensions are already checked against the policy. */
export interface CertificateRequest {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  /** Name, DER. */
  readonly subject: Buffer;
  /** GeneralName elements, DER. */
  readonly sans: readonly Buffer[];
  readonly keyUsage: readonly string[];
  /** OIDs. */
  readonly extendedKeyUsage: readonly string[];
  /** seconds */
  readonly validitySeconds: number;
  /** seconds */
  readonly backdateSeconds: number;
  /** The device's PKCS#10 where there is one, DER. */
  readonly pkcs10?: Buffer;
  /** The certificate with which a renewal was signed, DER; the CA may know its holder by another name than a new one would get. */
  readonly renews?: Buffer;
}

/** What a CA connector answered. `uncertain` is never repeated without a look-up (reliability rule R4). */
export type IssuerAnswer =
  | { readonly kind: 'issued'; readonly certificate: Buffer }
  | { readonly kind: 'pending'; readonly reference: string; readonly retryAfterSeconds: number }
  | { readonly kind: 'refused'; readonly reason: string; readonly code?: CaRefusal }
  | { readonly kind: 'notSent'; readonly reason: string }
  | { readonly kind: 'uncertain'; readonly reason: string };

export type LookupAnswer =
  | { readonly kind: 'found'; readonly certificate: Buffer }
  | { readonly kind: 'none' }
  | { readonly kind: 'pending'; readonly reference: string; readonly retryAfterSeconds: number }
  | { readonly kind: 'refused'; readonly reason: string; readonly code?: CaRefusal }
  | { readonly kind: 'unknown'; readonly reason: string };

export interface IssuerTiming {
  readonly timeoutMs: number;
  readonly maxProcessingMs: number;
  readonly concurrency: number;
}

/** `repeat`: one for an order that was called for before. */
export type CallKind = 'first' | 'repeat' | 'lookup';

/** One configured CA. `ref` is `<tenantId>-<orderId>`, unique per order. */
export interface Issuer {
  readonly timing: IssuerTiming;
  /**
   * `lookup`: finds by ref. `uniqueRef`: a second call with the same ref cannot issue a second certificate. `ordersNames`: the CA puts
   * the relative names of a subject in an order of its own.
   */
  readonly capabilities: { readonly lookup: boolean; readonly uniqueRef: boolean; readonly ordersNames?: true };
  /** Whether this CA could issue for such a request at all, before anything is promised; in words why not. Where absent, it can. */
  accepts?(request: CertificateRequest): Promise<Result<true, string>>;
  /**
   * Whether such a call may go out now; asked before an order is claimed for it. False while the CA is taken for down, but for one probe
   * now and then, and for repeated calls that are beyond their share. Where absent, always.
   */
  mayCall?(call: CallKind): boolean;
  issue(ref: string, request: CertificateRequest): Promise<IssuerAnswer>;
  /** `request`: as it was issued for; CAs that know certificates by their holder find nothing without. */
  lookup(ref: string, publicKey: Buffer, reference: string | null, request?: CertificateRequest): Promise<LookupAnswer>;
  /** Idempotent. `reason`: CRLReason number (RFC 5280 section 5.3.1); 8 (removeFromCRL) releases a certificate on hold. */
  revoke(certificate: Buffer, reason: number): Promise<RevocationAnswer>;
  /** Issuing CA first, root last, DER. `fresh`: asked of the CA now, whatever is kept; rejects when it cannot be. */
  chain(age?: 'fresh'): Promise<readonly Buffer[]>;
  /** The newest CRL of the issuing CA, DER; for CAs that give one. */
  crl?(): Promise<Buffer | undefined>;
  /** The newest CRL of a CA that issued here before, by its Name (DER); undefined when it is none of theirs. */
  crlOf?(authority: Buffer): Promise<Buffer | undefined>;
  /**
   * What this CA issued between two moments, page by page, as far as it can tell that it was for this tenant; throws when it cannot be asked.
   * Absent where the CA has no list, or where what it issues is recorded in the same commit.
   */
  issued?(from: Date, to: Date, tenantId: string): AsyncIterable<readonly ListedCertificate[]>;
  /** The CA that follows, while one is prepared; RA keys get its certificates ahead of time. */
  next?(): NextCa | undefined;
  /** Engines that write in the same database sign at once; `OrderStore.settleIssued` then records order and certificate together. */
  readonly local?: LocalIssuer;
}

export interface ListedCertificate {
  /** DER. */
  readonly certificate: Buffer;
  /** Nobody but this tenant can have had it issued; else it only looks so. */
  readonly isOurs: boolean;
}

export interface NextCa {
  /** Issuing CA first, root last, DER. */
  readonly chain: readonly Buffer[];
  /** As `Issuer.issue`; looked up as everything of that issuer. */
  issue(ref: string, request: CertificateRequest): Promise<IssuerAnswer>;
}

/** The configured CAs; undefined where the connector is inactive or gone, and the order then waits. */
export interface Issuers {
  forProfile(profile: Profile): Promise<Issuer | undefined>;
  forOrder(order: Order): Promise<Issuer | undefined>;
  /** Connectors whose CA is to be left alone for now: their orders are not worth looking for. */
  held?(): readonly string[];
}

export interface LocalIssuer {
  /** Signs without recording anything. `caId` names the engine's CA; the serial is fresh and random. May reject where it signs later: it is busy. */
  sign(request: CertificateRequest): Eventually<Result<SignedCertificate, string>>;
  /** As `sign`, a CA certificate for the key of another CA; for engines that cross-certify. */
  signAuthority?(request: CertificateRequest): Eventually<Result<SignedCertificate, string>>;
}

export interface SignedCertificate {
  readonly caId: string;
  readonly certificate: Buffer;
}

/** A certificate with the facts lists and look-ups need, taken from its DER once. */
export interface CertificateRecord {
  readonly id: string;
  readonly der: Buffer;
  /** SHA-256 of the DER, 32 bytes. */
  readonly sha256: Buffer;
  /** SHA-256 of the issuer Name's DER, 32 bytes. */
  readonly issuerHash: Buffer;
  readonly issuer: string;
  /** lower-case hexadecimal */
  readonly serial: string;
  readonly subject: string;
  readonly sans: readonly string[];
  /** SHA-256 of the SubjectPublicKeyInfo, 32 bytes. */
  readonly keyHash: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
}
