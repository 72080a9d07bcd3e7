import { type RawBuilder, sql } from 'kysely';
import type { CallFigures, CallResult } from '../tenancy/connector-call.js';
import type { Context } from '../tenancy/context.js';
import { type Connection, rowsOf } from './connection/connection.js';
import { allOf } from './page.js';
import { equalsId, visibleTo } from './scope.js';

/** Durations are counted in buckets whose bounds grow by a tenth: a percentile read from them is that precise, however many calls there were. */
const growth = 1.1;

/** Adds rows (tenant_id, connector_id, at, operation, result, duration_ms) to the figures of their hours; sorted, so that two nodes do not wait in a circle. */
export function countCalls(rows: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`insert into connector_hours (tenant_id, connector_id, hour, result, bucket, calls)
    select tenant_id, connector_id, date_trunc('hour', at, 'UTC'), result, ceil(ln(greatest(duration_ms, 1)) / ln(${sql.lit(growth)}))::smallint as bucket, count(*)
    from ${rows} where operation not in ('probe', 'test') group by 1, 2, 3, 4, 5 order by 2, 3, 4, 5
    on conflict (connector_id, hour, result, bucket) do update set calls = connector_hours.calls + excluded.calls`;
}

interface BucketRow {
  readonly result: CallResult;
  readonly bucket: number;
  readonly calls: number;
}

export async function callFigures(connection: Connection, context: Context, connectorId: string, hours: number): Promise<CallFigures> {
  const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`connector_id`, connectorId), sql`hour > now() - ${hours} * interval '1 hour'`]);
  const rows = await rowsOf(
    connection,
    sql<BucketRow>`select result, bucket, sum(calls)::bigint as calls from connector_hours where ${where} group by 1, 2 order by bucket`,
  );
  const count = (result?: CallResult): number => rows.filter((row) => result === undefined || row.result === result).reduce((sum, row) => sum + row.calls, 0);
  const [calls, ok] = [count(), count('ok')];
  const successRate = calls === 0 ? null : Math.round((ok / calls) * 1000) / 10;
  const times = { p50Ms: percentile(rows, calls, 0.5), p95Ms: percentile(rows, calls, 0.95) };
  return { calls, ok, refused: count('refused'), failed: count('failed'), successRate, ...times };
}

/** The upper bound of the bucket in which the call of this rank lies. */
function percentile(rows: readonly BucketRow[], calls: number, share: number): number | null {
  let seen = 0;
  for (const { bucket, calls: here } of rows) {
    seen += here;
    if (seen >= calls * share) return Math.round(growth ** bucket);
  }
  return null;
}
