import type { Permission } from '../api/types.js';

/** An object that administrators add, change and delete. */
export interface Managed {
  readonly id: string;
  readonly name: string;
  readonly version: number;
}

/** What every form of such an object is given. */
export interface ManagedFormProps<T> {
  /** Absent: a new one. */
  readonly item: T | undefined;
  readonly onClose: () => void;
  readonly onSaved: (item: T) => void;
  /** Closes the form and shows the present state, where somebody else was faster. */
  readonly onReload: () => void;
}

/** Where a kind of objects is, in the API and in the console, and who may change it. */
export interface ManagedPlace {
  /** `/cmp-profiles` */
  readonly path: string;
  /** `/cmp-server`; absent: the objects have no pages of their own. */
  readonly place?: string;
  readonly writes: Permission;
}
