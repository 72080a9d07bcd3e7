import type { TenantContext } from '../tenancy/context.js';

/** Enrolments that stand in the place of earlier ones of the same account. */
export interface DuplicateReader {
  /** Orders whose certificate, not expired and not revoked for good, was followed by one of a first enrolment of the same account on this profile, issued after `since`. */
  replaced(context: TenantContext, profileId: string, since: Date): Promise<readonly ReplacedOrder[]>;
}

export interface ReplacedOrder {
  readonly orderId: string;
  readonly certificateId: string;
  /** On hold, and so to be revoked for good. */
  readonly isHeld: boolean;
}
