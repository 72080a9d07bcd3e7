import { type RawBuilder, sql } from 'kysely';
import type { Context } from '../tenancy/context.js';
import { isUuid, storableText } from './text.js';

/** Rows a caller may see: its tenant's; everybody's for the system itself. */
export function visibleTo(context: Context, column: RawBuilder<unknown>): readonly RawBuilder<unknown>[] {
  return context.tenantId === null ? [] : equalsId(column, context.tenantId);
}

/** `column = value` where a value was given. */
export function equals(column: RawBuilder<unknown>, value: string | undefined): readonly RawBuilder<unknown>[] {
  return value === undefined ? [] : [sql`${column} = ${storableText(value)}`];
}

/** As `equals` for a column of UUIDs; what is no UUID equals none. */
export function equalsId(column: RawBuilder<unknown>, value: string | undefined): readonly RawBuilder<unknown>[] {
  if (value === undefined) return [];
  return [isUuid(value) ? sql`${column} = ${value}::uuid` : sql`false`];
}
