import type { RefusalReason } from './refusal.js';

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
