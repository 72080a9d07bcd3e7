import { sql } from 'kysely';
import type { Gathering, Item } from '../../notification/gathering.js';
import type { GatherOptions } from '../../notification/ports.js';
import type { NotificationRule } from '../../notification/rule.js';
import { type Connection, transact } from '../connection/connection.js';
import { firstIdAfter, isFailed, isRejected, isSuccess } from '../orders/summary.js';
import { allOf } from '../page.js';
import type { Trx } from '../tenancy/config-change.js';
import { addTo } from './gatherings.js';
import { activeRules } from './rules.js';

const weekMs = 7 * 86_400_000;

/** The figures of the week before `at`, once; a rule that is new begins with the next time. */
export function gatherDigest(connection: Connection, rule: NotificationRule, at: Date, options: GatherOptions): Promise<boolean> {
  return transact(connection, async (trx) => {
    if ((await activeRules(trx, sql`r.id = ${rule.id}::uuid`)).length === 0) return false;
    if (await isBegun(trx, rule, at)) return false;
    const { rows } =
      await sql`update notification_marks set reached = ${at} where rule_id = ${rule.id} and name = 'digest' and reached < ${at} returning 1`.execute(trx);
    if (rows.length === 0) return false;
    await addTo(trx, rule, 'weekly-digest', await figures(trx, rule, at), options);
    return true;
  });
}

async function isBegun(trx: Trx, rule: NotificationRule, at: Date): Promise<boolean> {
  const { rows } = await sql`insert into notification_marks (rule_id, name, tenant_id, reached) values (${rule.id}, 'digest', ${rule.tenantId}, ${at})
    on conflict do nothing returning 1`.execute(trx);
  return rows.length === 1;
}

interface ProfileRow {
  readonly id: string;
  readonly profile: string;
  readonly issued: number;
  readonly failed: number;
  readonly rejected: number;
  readonly open: number;
}

async function figures(trx: Trx, rule: NotificationRule, at: Date): Promise<Gathering> {
  const since = new Date(at.getTime() - weekMs);
  const ofWeek = sql`o.tenant_id = ${rule.tenantId}::uuid and o.id >= ${firstIdAfter(since.getTime())}::uuid and o.created_at >= ${since} and o.created_at < ${at}`;
  const { rows } =
    await sql<ProfileRow>`select p.id, p.name || ' (' || p.protocol || ')' as profile, count(o.id) filter (where ${isSuccess})::integer as issued,
      count(o.id) filter (where ${isFailed})::integer as failed, count(o.id) filter (where ${isRejected})::integer as rejected,
      count(o.id) filter (where o.finished_at is null)::integer as open
    from profiles p left join orders o on o.profile_id = p.id and ${ofWeek}
    where ${allOf([sql`p.tenant_id = ${rule.tenantId}::uuid`, ...ofProfiles(rule, 'p.id')])} group by p.id order by p.name`.execute(trx);
  const ending = await endingSoon(trx, rule);
  const reasons = await sql<{ reason: string; count: number }>`select coalesce(o.fail_reason, '') as reason, count(*)::integer as count from orders o
    where ${allOf([ofWeek, sql`(${isFailed} or ${isRejected})`, ...ofProfiles(rule, 'o.profile_id')])} group by 1 order by 2 desc limit 10`.execute(trx);
  const items: Item[] = rows.map((row) => ({
    cells: [row.profile, ...[row.issued, row.failed, row.rejected, row.open, ending.get(row.id) ?? 0].map(String)],
  }));
  return { count: items.length, items, tallies: Object.fromEntries(reasons.rows.map(({ reason, count }) => [reason, count])) };
}

function ofProfiles(rule: NotificationRule, column: string) {
  return rule.profileIds.length === 0 ? [] : [sql`${sql.ref(column)} in (${sql.join(rule.profileIds.map((id) => sql`${id}::uuid`))})`];
}

async function endingSoon(trx: Trx, rule: NotificationRule): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ profile_id: string; count: number }>`select profile_id, count(*)::integer as count from certificates
    where tenant_id = ${rule.tenantId}::uuid and status = 'valid' and not_after > now() and not_after <= now() + interval '30 days' and profile_id is not null
    group by 1`.execute(trx);
  return new Map(rows.map(({ profile_id, count }) => [profile_id, count]));
}
