/** The port to the database of orders: how an order is recorded, claimed, settled and looked for. */
import type { Context, SystemContext, TenantContext } from '../tenancy/context.js';
import type { Protocol } from '../tenancy/profile.js';
import type { CaRefusal } from './ca-refusal.js';
import type { CertificateRecord, CertificateRequest } from './issuer.js';
import type { Operation, Order, OrderFacts, OrderState, Session } from './order.js';

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
  /** Calls that were begun and not cut short by the end of their process; one that is under way counts. */
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
  /** ISSUING with the lease over -> UNCERTAIN, fence + 1; the call is taken from the count. Returns how many. */
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
  /** `code`: why, where the CA said so; `ca-refused` where absent. */
  | { readonly kind: 'rejected'; readonly reason: string; readonly code?: CaRefusal }
  /** Nothing happened at the CA: back to ACCEPTED, next try after the delay. `notCounted`: it never got there, and is no call of this order. */
  | { readonly kind: 'retry'; readonly reason: string; readonly delayMs: number; readonly notCounted?: true }
  /** Look up after the quarantine. */
  | { readonly kind: 'uncertain'; readonly reason: string; readonly delayMs: number }
  | { readonly kind: 'stuck'; readonly reason: string; readonly wrongCertificate?: Buffer }
  | { readonly kind: 'failed'; readonly reason: string };

/** `issue`: to be called for, and never was so that it counts; `repeat`: to be called for again. */
export type DueKind = 'issue' | 'repeat' | 'lookup' | 'poll';
export interface DueOrder {
  readonly orderId: string;
  readonly tenantId: string;
  readonly profileId: string;
  readonly connectorId: string;
}
