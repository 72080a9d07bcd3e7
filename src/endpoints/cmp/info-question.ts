import { type InfoTypeAndValue, infoValueOf } from '../../protocol/cmp/index.js';
import { type Cursor, guarded } from '../../protocol/der/index.js';
import { fail, type Result } from '../../runtime/result.js';
import { type Fault, fault } from './fault.js';

/** The value of a question that must have one. */
export function questionOf<T>(item: InfoTypeAndValue, read: (cursor: Cursor) => T): Result<T, Fault> {
  const value = guarded(() => infoValueOf(item, read));
  return value.ok ? value : fail(fault('malformed', `${item.infoType}: ${value.error.message}`));
}
