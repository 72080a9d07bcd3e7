import { z } from 'zod';
import type { Page } from '../tenancy/ports.js';

/** `sort` takes one of these fields, `-` before it for descending. */
function sortSchema<F extends string>(fields: readonly F[], standard: string) {
  const choices = fields.flatMap((field) => [field, `-${field}`]);
  return z.enum(choices).default(standard).describe('Field to sort by; `-` before it for descending order');
}

/** Query of a list: paging, order, search, and the resource's own filters. Everything else is refused. */
export function listQuerySchema<S extends z.ZodRawShape>(sortFields: readonly string[], filters: S, standardSort = '-createdAt') {
  return z.strictObject({
    limit: z.coerce.number().int().min(1).max(200).default(50).describe('Objects on one page'),
    cursor: z.string().min(1).max(1000).optional().describe('`nextCursor` of the page before'),
    sort: sortSchema(sortFields, standardSort),
    q: z.string().max(200).optional().describe('Text to search for'),
    ...filters,
  });
}

export function pageSchema<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().describe('Where the next page begins; null on the last one'),
    total: z.int().describe('Objects that match, exact to 10,000'),
    totalIsLowerBound: z.literal(true).optional().describe('Present when there are more than `total`'),
  });
}

export function pageOf<T, V>(page: Page<T>, view: (item: T) => V): { items: V[]; nextCursor: string | null; total: number; totalIsLowerBound?: true } {
  return {
    items: page.items.map(view),
    nextCursor: page.nextCursor ?? null,
    total: page.total,
    ...(page.totalIsLowerBound === true ? { totalIsLowerBound: true as const } : {}),
  };
}
