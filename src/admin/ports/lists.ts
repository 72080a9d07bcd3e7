import type { IssuedCertificate, RefusalRecord } from '../../enrolment/ports.js';
import type { RefusalReason } from '../../enrolment/refusal.js';
import type { Context } from '../../tenancy/context.js';
import type { ListQuery, Page } from '../../tenancy/ports.js';

export interface CertificateListQuery extends ListQuery {
  readonly tenantId?: string;
  readonly profileId?: string;
  readonly status?: IssuedCertificate['status'];
  readonly connectorId?: string;
  readonly orderId?: string;
  /** Lower-case hexadecimal. */
  readonly serial?: string;
  /** Lower-case hexadecimal, of 32 octets. */
  readonly sha256?: string;
  /** `notAfter` at this time or later. */
  readonly expiresAfter?: Date;
  /** `notAfter` before this time. */
  readonly expiresBefore?: Date;
}

export interface CertificateReader {
  list(context: Context, query: CertificateListQuery): Promise<Page<IssuedCertificate>>;
}

/** Refused requests that never became an order, folded by reason, profile and source. */
export interface FoldedRefusal extends RefusalRecord {
  readonly id: string;
  readonly count: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
}

export interface RefusalListQuery extends ListQuery {
  readonly tenantId?: string;
  readonly reason?: RefusalReason;
  readonly profileId?: string;
  readonly source?: string;
  /** Seen at this time or later. */
  readonly since?: Date;
}

export interface RefusalReader {
  list(context: Context, query: RefusalListQuery): Promise<Page<FoldedRefusal>>;
}

/** A device identity that a profile has seen. */
export interface Account {
  readonly id: string;
  readonly tenantId: string;
  readonly profileId: string;
  readonly label: string;
  readonly createdAt: Date;
  readonly lastOrderAt: Date | null;
}

export interface AccountReader {
  list(context: Context, query: ListQuery & { readonly tenantId?: string; readonly profileId?: string }): Promise<Page<Account>>;
}
