/** Certificates that a CA issued for us and that our database does not know, as after a failover or a restored backup (fault points F24, F25). */
import type { Context, SystemContext, TenantContext } from '../tenancy/context.js';
import type { ListQuery, Page } from '../tenancy/ports.js';
import type { CertificateRecord } from './issuer.js';

/** FOUND waits for an operator; KEPT: an operator says that it may stay. */
export const unknownStates = ['FOUND', 'REVOKE_WANTED', 'REVOKED', 'KEPT'] as const;
export type UnknownState = (typeof unknownStates)[number];

export interface UnknownCertificate {
  readonly id: string;
  readonly tenantId: string;
  readonly connectorId: string;
  /** DER. */
  readonly certificate: Buffer;
  readonly issuer: string;
  /** lower-case hexadecimal */
  readonly serial: string;
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Whether nobody else can have had it issued. */
  readonly isOurs: boolean;
  readonly state: UnknownState;
  /** Of whoever decided. */
  readonly reason: string;
  readonly foundAt: Date;
  readonly decidedAt: Date | null;
  /** Why its CA did not revoke it yet. */
  readonly lastError: string | null;
}

/** One comparison, taken by one process of all. */
export interface DueComparison {
  readonly connectorId: string;
  readonly tenantId: string;
  /** Up to where the CA's list and ours were compared before. */
  readonly comparedUntil: Date;
  /** By the database's clock. */
  readonly now: Date;
  readonly fence: number;
}

export interface ListedRecord {
  readonly record: CertificateRecord;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
}

export interface FoundCertificate {
  readonly record: CertificateRecord;
  readonly isOurs: boolean;
  readonly state: 'FOUND' | 'REVOKE_WANTED';
}

/** A revocation of an unknown certificate, taken for a lease. */
export interface UnknownRevocation {
  readonly id: string;
  readonly tenantId: string;
  readonly connectorId: string;
  readonly certificate: Buffer;
}

export interface UnknownCertificateStore {
  /** Active connectors that issue, whose time has come; a new one is compared from now on. */
  claimDue(context: SystemContext, limit: number, leaseMs: number): Promise<readonly DueComparison[]>;
  /** The ids of those that stand nowhere here, in no tenant, and whose key neither an open order of the connector nor an RA key has. */
  unknown(context: SystemContext, connectorId: string, listed: readonly ListedRecord[]): Promise<ReadonlySet<string>>;
  /** Adds what is new, each with its audit event. Returns how many were. */
  add(context: TenantContext, connectorId: string, found: readonly FoundCertificate[]): Promise<number>;
  /** The end of a comparison: how far it came, and why no farther. Nothing where the fence has moved on. */
  compared(due: DueComparison, until: Date, nextInMs: number, error: string | null): Promise<void>;
  claimRevocations(context: SystemContext, limit: number, leaseMs: number): Promise<readonly UnknownRevocation[]>;
  /** `error`: why the CA did not take it; it is asked again after a growing delay. */
  revoked(context: TenantContext, revocation: UnknownRevocation, error: string | null): Promise<void>;
}

export interface UnknownCertificateDesk {
  /** `q`: part of a subject or serial number. */
  list(
    context: Context,
    query: ListQuery & { readonly connectorId?: string | undefined; readonly state?: UnknownState | undefined },
  ): Promise<Page<UnknownCertificate>>;
  find(context: Context, id: string): Promise<UnknownCertificate | undefined>;
  /** FOUND or KEPT -> REVOKE_WANTED, or FOUND -> KEPT; false from any other state. */
  decide(context: TenantContext, id: string, to: 'REVOKE_WANTED' | 'KEPT', reason: string): Promise<boolean>;
}
