import type { StoreFault } from './store/fault.js';

/** Why the server did not start: what to tell the operator, and the exit code (sysexits.h where it has one). */
export interface StartFault {
  readonly message: string;
  readonly exitCode: number;
}

/** sysexits.h: EX_CANTCREAT, EX_TEMPFAIL, EX_UNAVAILABLE, EX_CONFIG. */
export const storeExitCodes = {
  'directory-unusable': 73,
  'directory-locked': 75,
  'database-unreachable': 69,
  'schema-newer': 78,
  'wrong-master-key': 78,
} as const satisfies Record<StoreFault['kind'], number>;
