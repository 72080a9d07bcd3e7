import { sql, type Transaction } from 'kysely';
import type { Tables } from '../tables.js';

/**
 * For statements that look for a few rows among very many by an index which the planner, that knows only averages, does not always take for
 * the better way. To the end of the transaction.
 */
export async function withoutScans(trx: Transaction<Tables>): Promise<void> {
  await sql`set local enable_seqscan = off`.execute(trx);
}
