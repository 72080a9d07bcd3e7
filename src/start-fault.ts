import { isOutage } from './runtime/outage.js';
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
  'not-prepared': 75,
  'wrong-master-key': 78,
  'key-rotation-unfinished': 78,
} as const satisfies Record<StoreFault['kind'], number>;

/** A data directory that cannot be read or written. */
export function directoryFault(dataDir: string, error: unknown): StartFault {
  const reason = error instanceof Error ? error.message : String(error);
  const advice = 'Set GATEHOUSE_DATA_DIR to a directory this user may write.';
  return { message: `The data directory ${dataDir} cannot be used: ${reason}. ${advice}`, exitCode: 73 };
}

/** What nobody foresaw, in one line; its stack and its cause are for the log. A database that went away under the start is worth another try. */
export function unexpectedFault(error: unknown): StartFault {
  const first = error instanceof AggregateError && error.errors.length > 0 ? (error.errors[0] as unknown) : error;
  const text = first instanceof Error ? first.message || first.name : String(first);
  return { message: text.trim().replace(/\s*\n\s*/g, ' '), exitCode: isOutage(first) ? storeExitCodes['database-unreachable'] : 1 };
}
