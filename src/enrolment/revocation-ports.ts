import type { SystemContext, TenantContext } from '../tenancy/context.js';
import type { Protocol } from '../tenancy/profile.js';
import type { Session } from './order.js';
import type { StoredTransaction } from './ports.js';

/** CRLReason numbers with a meaning of their own here (RFC 5280 section 5.3.1). */
export const certificateHold = 6;
export const removeFromCrl = 8;

/** One certificate that a device wants revoked, put on hold or released; all of it checked. */
export interface WantedRevocation {
  readonly certificateId: string;
  readonly orderId: string;
  /** CRLReason number; `removeFromCrl` releases a certificate on hold. */
  readonly reason: number;
}

/** A revocation as a device asked for it, to be recorded under its transactionID. */
export interface NewRevocation {
  readonly profileId: string;
  readonly protocol: Protocol;
  readonly transactionId: string;
  /** As of an order, 32 bytes. */
  readonly dedupeKey: Buffer;
  readonly contentHash: Buffer;
  readonly session: Session;
  /** For the timeline of the orders. */
  readonly reason: string;
  /** At least one. */
  readonly wanted: readonly WantedRevocation[];
}

/** `existing`: the dedupe key is taken; `changed`: a certificate is no longer as it was judged. Nothing was written then. */
export type RevocationRecorded =
  | { readonly kind: 'recorded' }
  | { readonly kind: 'existing'; readonly transaction: StoredTransaction }
  | { readonly kind: 'changed' };

/** What devices want of the queue of revocations. */
export interface RevocationDesk {
  /** Records the transaction and wants every certificate revoked, in one commit with the audit events and the outbox. */
  want(context: TenantContext, revocation: NewRevocation): Promise<RevocationRecorded>;
  /** The revocations of these orders, for a lease, as `claim`; none that somebody else has. */
  claimOf(context: TenantContext, orderIds: readonly string[], leaseMs: number): Promise<readonly RevocationDue[]>;
  /** Those of the orders whose revocation the CA has not confirmed yet, or never will. */
  underWay(context: TenantContext, orderIds: readonly string[]): Promise<readonly { readonly orderId: string; readonly isGivenUp: boolean }[]>;
}

/** What an operator makes of revocations that were given up. */
export interface GivenUpRevocations {
  /** The CA is asked again at once; false when the order has none that was given up. */
  retry(context: TenantContext, orderId: string): Promise<boolean>;
  /** The certificate was revoked at the CA by other means, or no longer matters: the order is closed as revoked; false as above. */
  close(context: TenantContext, orderId: string, reason: string): Promise<boolean>;
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
