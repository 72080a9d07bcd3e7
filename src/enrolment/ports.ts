import type { CertificateList } from '../pkix/index.js';
import type { Result } from '../runtime/result.js';
import type { Context, SystemContext, TenantContext } from '../tenancy/context.js';
import type { Profile, Protocol } from '../tenancy/profile.js';
import type { Operation, Order, OrderFacts, OrderState, Session } from './order.js';
import type { RefusalReason } from './refusal.js';
import type { RevocationDesk } from './revocation-ports.js';

export * from './order-reader.js';

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
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'notSent'; readonly reason: string }
  | { readonly kind: 'uncertain'; readonly reason: string };

export type LookupAnswer =
  | { readonly kind: 'found'; readonly certificate: Buffer }
  | { readonly kind: 'none' }
  | { readonly kind: 'pending'; readonly reference: string; readonly retryAfterSeconds: number }
  | { readonly kind: 'refused'; readonly reason: string }
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
  /** The CA that follows, while one is prepared; RA keys get its certificates ahead of time. */
  next?(): NextCa | undefined;
  /** Engines that write in the same database sign at once; `OrderStore.settleIssued` then records order and certificate together. */
  readonly local?: LocalIssuer;
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
  /** Signs without recording anything. `caId` names the engine's CA; the serial is fresh and random. */
  sign(request: CertificateRequest): Result<SignedCertificate, string>;
  /** As `sign`, a CA certificate for the key of another CA; for engines that cross-certify. */
  signAuthority?(request: CertificateRequest): Result<SignedCertificate, string>;
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

/** An order to be recorded; the store adds attempts, version and times. */
export interface NewOrder {
  readonly id: string;
  readonly profileId: string;
  readonly connectorId: string;
  readonly protocol: Protocol;
  /** SHA-256 of the device identity within the profile, 32 bytes; the account's id derives from it. */
  readonly accountIdentity: Buffer;
  /** The account of the certificate that is renewed, whatever identity the renewal shows. */
  readonly accountId?: string;
  /** What the account list shows. */
  readonly accountLabel: string;
  readonly transactionId: string;
  /** H(profile, protocol, transactionID, requester), 32 bytes. */
  readonly dedupeKey: Buffer;
  /** SHA-256 of what was asked for, 32 bytes. */
  readonly contentHash: Buffer;
  readonly operation: Operation;
  readonly subject: string;
  readonly facts: OrderFacts;
  readonly credential: string;
  readonly session: Session;
  readonly request: CertificateRequest;
  /** The certificate that this order renews, where there is one. */
  readonly renews: string | null;
  /** The minted challenge that authorised it; used up in the commit that records the order, unless it is recorded as refused. */
  readonly challengeId?: string;
  /** Not to be recorded while its account holds a valid certificate or another open order. */
  readonly isExclusive?: true;
  /** PKCS#10 as received: whoever vouched for the challenge is told how the order ended, from a notice recorded in the order's commit. */
  readonly notice?: Buffer;
  /** When an open order gives up. */
  readonly deadline: Date;
  readonly receivedAt: Date;
}

/** CRLs of authorities that are not ours, by URL. */
export interface RevocationLists {
  /** What could be had in a few seconds; never rejects. Whether a list is in force and whose it is, the caller checks. */
  listsAt(urls: readonly string[]): Promise<readonly CertificateList[]>;
}

/** A transaction as the protocols ask for it. */
export interface StoredTransaction {
  readonly order: Order;
  readonly contentHash: Buffer;
  readonly session: Session;
  /** DER, once issued. */
  readonly certificate: Buffer | null;
}

/**
 * `existing`: the dedupe key is taken; `challenge-spent`: the order's challenge is used up or has expired; `account-held`: the order is
 * exclusive and its account holds something already. Nothing was written.
 */
export type RecordOutcome =
  | { readonly kind: 'recorded'; readonly order: Order }
  | { readonly kind: 'existing'; readonly transaction: StoredTransaction }
  | { readonly kind: 'challenge-spent' }
  | { readonly kind: 'account-held' };

/** As `RecordOutcome`; `claimed`: the order stands, and whoever asked has it for its first call. */
export type ClaimOutcome = RecordOutcome | { readonly kind: 'claimed'; readonly claimed: ClaimedOrder };

/** A claimed order: the fence must be shown with the result, else the result is refused. */
export interface ClaimedOrder {
  readonly order: Order;
  readonly request: CertificateRequest;
  readonly fence: number;
  readonly caRef: string;
  /** The CA's own reference while CA_PENDING. */
  readonly caReference: string | null;
  /** How often a CA call was begun. */
  readonly calls: number;
  readonly calledAt: Date | null;
  /** Since the last call was begun, when the order was claimed, by the database's clock: no node's own clock decides whether a call may be repeated. */
  readonly calledMsAgo: number | null;
}

export interface Refused {
  readonly state: 'REJECTED' | 'FAILED' | 'EXPIRED';
  readonly failInfo: string;
  readonly failReason: string;
}

/** Every method is one transaction in which state, audit row and outbox row change together (reliability rule R7). */
export interface OrderStore {
  /** For engines in the same database: one statement, group-committed over concurrent callers; resolves after the commit. */
  settleIssued(context: TenantContext, order: NewOrder, certificate: CertificateRecord, caId: string): Promise<RecordOutcome>;
  /** Records an order that waits for approval or for a CA call; or one that was refused by policy. */
  record(context: TenantContext, order: NewOrder, state: 'AWAITING_APPROVAL' | 'ACCEPTED' | Refused): Promise<RecordOutcome>;
  /**
   * Records an order and claims it for the CA call that its caller makes at once: both, and the intent, in one commit, group-committed over
   * concurrent callers. The lease is in milliseconds. Not for orders that are exclusive or have a notice.
   */
  recordClaimed(context: TenantContext, order: NewOrder, leaseMs: number): Promise<ClaimOutcome>;
  /** Replaces the transaction of a final order by a new order (`replaces` must still be the one that stands there); ACCEPTED where no state is given. */
  supersede(context: TenantContext, order: NewOrder, replaces: string, state?: 'AWAITING_APPROVAL' | 'ACCEPTED'): Promise<RecordOutcome>;
  /** A retry of something refused: attempts + 1. */
  countAttempt(context: TenantContext, orderId: string): Promise<void>;
  findTransaction(context: TenantContext, dedupeKey: Buffer): Promise<StoredTransaction | undefined>;
  /** By profile and the transactionID's text, whoever asked. */
  findTransactions(context: TenantContext, profileId: string, transactionId: string): Promise<readonly StoredTransaction[]>;
  /** Fields given replace those that stand there; the others stay. False, and nothing done, where the fields of `expected` are not what stands there. */
  updateSession(context: TenantContext, dedupeKey: Buffer, session: Session, expected?: Session): Promise<boolean>;
  /** ISSUED -> DELIVERED (or CONFIRMED), batched; resolves at once, written within a moment. A confirmed renewal supersedes what it renews. */
  noteDelivered(context: TenantContext, orderId: string, state: 'DELIVERED' | 'CONFIRMED'): void;
  /** Moves one order if it is in one of `from`; false when it is not. Revocations wanted go to the outbox in the same commit. */
  move(context: TenantContext, orderId: string, from: readonly OrderState[], to: OrderState, reason: string, crlReason?: number): Promise<boolean>;
  /** Claims one order for a CA call: ACCEPTED -> ISSUING, fence + 1, lease, intent; undefined when someone else has it. */
  claim(context: Context, orderId: string, leaseMs: number): Promise<ClaimedOrder | undefined>;
  /**
   * The result of a claimed call; true when the order now is what it says. False when the fence is no longer ours (then the certificate, if
   * any, went to the orphans), or when the certificate is another order's (then the order is STUCK).
   */
  settleClaimed(context: TenantContext, claimed: ClaimedOrder, answer: ClaimResult): Promise<boolean>;
  /** Work for background jobs, oldest first; none of these connectors. */
  due(context: SystemContext, kind: DueKind, limit: number, exceptConnectors?: readonly string[]): Promise<readonly DueOrder[]>;
  /** Takes an UNCERTAIN or CA_PENDING order for a look-up, by fence and lease as `claim`. */
  claimLookup(context: Context, orderId: string, leaseMs: number): Promise<ClaimedOrder | undefined>;
  /** ISSUING with the lease over -> UNCERTAIN, fence + 1. Returns how many. */
  reapLeases(context: SystemContext): Promise<number>;
  /** Certificates that came for orders which ended without them are wanted revoked. Returns how many. */
  revokeSurplus(context: SystemContext): Promise<number>;
  /** Open orders past their deadline -> EXPIRED. Returns how many. */
  expire(context: SystemContext): Promise<number>;
  /**
   * Ends waits for confirmations that are over at `now` (`confirmUntil` in the session): ISSUED and DELIVERED -> REVOKE_WANTED, or only
   * noted where the session says `keepUnconfirmed`. One whose device never fetched its certificate may still do so for a day. Returns
   * how many certificates were not confirmed.
   */
  endConfirmations(context: SystemContext, now: Date): Promise<number>;
  /** Whether another renewal of the certificate that this order renews is open, or issued and awaits its confirmation. */
  hasOpenRenewal(context: TenantContext, order: NewOrder): Promise<boolean>;
  /** Forgets transactions past retention. Returns how many. */
  forgetTransactions(context: SystemContext): Promise<number>;
}

export type ClaimResult =
  | { readonly kind: 'issued'; readonly certificate: CertificateRecord }
  | { readonly kind: 'pending'; readonly reference: string; readonly retryAfterSeconds: number }
  | { readonly kind: 'rejected'; readonly reason: string }
  /** Nothing happened at the CA: back to ACCEPTED, next try after the delay. `notCounted`: it never got there, and is no call of this order. */
  | { readonly kind: 'retry'; readonly reason: string; readonly delayMs: number; readonly notCounted?: true }
  /** Look up after the quarantine. */
  | { readonly kind: 'uncertain'; readonly reason: string; readonly delayMs: number }
  | { readonly kind: 'stuck'; readonly reason: string; readonly wrongCertificate?: Buffer }
  | { readonly kind: 'failed'; readonly reason: string };

export type DueKind = 'issue' | 'lookup' | 'poll';
export interface DueOrder {
  readonly orderId: string;
  readonly tenantId: string;
  readonly profileId: string;
  readonly connectorId: string;
  /** It was called for before. */
  readonly isRepeat?: boolean;
}

/** A certificate issued through Gatehouse, as renewals, look-ups and lists need it. */
export interface IssuedCertificate {
  readonly id: string;
  readonly tenantId: string;
  readonly profileId: string | null;
  readonly orderId: string | null;
  /** That of its order; lists leave it out. */
  readonly accountId?: string;
  readonly connectorId: string;
  readonly der: Buffer;
  readonly issuer: string;
  readonly serial: string;
  readonly subject: string;
  readonly sans: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly sha256: Buffer;
  /** `superseded`: a confirmed renewal replaced it; it is still valid. */
  readonly status: 'valid' | 'revoked' | 'superseded';
  /** CRLReason number of a revoked one, where known; 6 (certificateHold) can be released. */
  readonly revocationReason?: number | null;
  /** Its order is to be revoked and its CA has not confirmed that yet; lists leave it out. */
  readonly isRevocationWanted?: true;
}

export interface CertificateStore {
  /** The certificate with exactly these bytes, if it was issued for this tenant. */
  findByFingerprint(context: TenantContext, sha256: Buffer): Promise<IssuedCertificate | undefined>;
  findBySerial(context: TenantContext, issuerHash: Buffer, serial: string): Promise<IssuedCertificate | undefined>;
  find(context: Context, id: string): Promise<IssuedCertificate | undefined>;
}

export interface RefusalRecord {
  readonly reason: RefusalReason;
  readonly tenantId: string | null;
  readonly profileId: string | null;
  /** The client's address. */
  readonly source: string;
  readonly clientFamily: string;
  readonly detail: string;
}

/** Folds by (reason, profile, source); resolves at once, written within a moment; never throws. */
export interface RefusalLog {
  note(refusal: RefusalRecord): void;
}

/** A revocation that an order wants, from the outbox. */
export interface RevocationDue {
  readonly outboxId: string;
  /** When it was first wanted. */
  readonly since: Date;
  readonly orderId: string;
  /** DER. */
  readonly certificate: Buffer;
  /** CRLReason number (RFC 5280 section 5.3.1). */
  readonly reason: number;
}

/** The outbox topic `certificate.revoke`, at least once: claimed for a lease, done or put back with a growing delay. */
export interface RevocationQueue extends RevocationDesk {
  claim(context: SystemContext, limit: number, leaseMs: number): Promise<readonly RevocationDue[]>;
  /** REVOKE_WANTED -> REVOKED (a released hold: REVOKED -> CONFIRMED) and the certificate's status, with the outbox row, in one transaction. */
  done(context: TenantContext, due: RevocationDue): Promise<void>;
  retry(due: RevocationDue, reason: string): Promise<void>;
  /** Not asked for again until an operator says so; the reason stands in the order and its history. */
  giveUp(due: RevocationDue, reason: string): Promise<void>;
}
