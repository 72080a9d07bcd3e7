import type { PkiStatusInfo } from '../protocol/cmp/index.js';
import { type Field, field, group, optional } from './field.js';

/** RFC 9810 section 5.2.3; the bits of failInfo by name. */
export function statusField(name: string, { status, statusString, failInfo }: PkiStatusInfo): Field {
  return group(name, status, [
    ...optional(statusString, (texts) => field('statusString', texts.join(' | '))),
    ...optional(failInfo, (bits) => field('failInfo', bits.join(', ') || 'no bit that is known')),
  ]);
}
