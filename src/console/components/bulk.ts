import type { Permission } from '../api/types.js';

/** What can be done for many rows at once. */
export interface BulkAction<T> {
  /** `/orders/bulk/approve` */
  readonly path: string;
  /** Sent beside the ids. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly needs: Permission;
  readonly label: string;
  readonly title: string;
  readonly text: string;
  readonly reason?: 'optional' | 'required';
  readonly isGrave?: boolean;
  /** Whether it can be done for this row as it stands; it is offered for those only. */
  fits(item: T): boolean;
}

/** The bulk actions of a list, and what its rows are called in them. */
export interface Bulk<T> {
  readonly actions: readonly BulkAction<T>[];
  nameOf(item: T): string;
}

/** How many go to the server at once: few enough to see it go on. */
export const bulkAtOnce = 10;
