import { type RawBuilder, sql } from 'kysely';
import { type Gathering, gatheringOf, mostItems } from '../../notification/gathering.js';
import type { Credential, GatherOptions } from '../../notification/ports.js';
import type { NotificationRule } from '../../notification/rule.js';
import { type Connection, transact } from '../connection/connection.js';
import { allOf } from '../page.js';
import type { Trx } from '../tenancy/config-change.js';
import { addTo } from './gatherings.js';
import { activeRules } from './rules.js';
import { timeText } from './time-text.js';

/**
 * A stretch of expiries that a rule has not been warned of at one of its thresholds. How far it was warned moves on in the same
 * commit, so that each certificate is told once per threshold, whoever looks and however often; what a stop of the server left out
 * is told under the nearest threshold only.
 */
interface Reach {
  readonly days: number;
  /** As PostgreSQL writes them, to the microsecond; the first excluded. */
  readonly after: string;
  readonly until: string;
}

async function reaches(trx: Trx, rule: NotificationRule, name: string): Promise<readonly Reach[]> {
  const found: Reach[] = [];
  let nearer = 0;
  for (const days of [...new Set(rule.expiryDays)].sort((left, right) => left - right)) {
    found.push(await reach(trx, rule, `${name}:${days}`, nearer, days));
    nearer = days;
  }
  return found;
}

async function reach(trx: Trx, rule: NotificationRule, name: string, nearer: number, days: number): Promise<Reach> {
  await sql`insert into notification_marks (rule_id, name, tenant_id, reached) values (${rule.id}, ${name}, ${rule.tenantId}, '-infinity')
    on conflict do nothing`.execute(trx);
  const { rows } = await sql<Pick<Reach, 'after' | 'until'>>`select greatest(reached, now() + ${nearer} * interval '1 day')::text as after,
      (now() + ${days} * interval '1 day')::text as until
    from notification_marks where rule_id = ${rule.id} and name = ${name} for update`.execute(trx);
  const { after, until } = rows[0] as Pick<Reach, 'after' | 'until'>;
  await sql`update notification_marks set reached = greatest(reached, ${until}::timestamptz) where rule_id = ${rule.id} and name = ${name}`.execute(trx);
  return { days, after, until };
}

/** Whether the rule still stands as it was read; removed or changed ones wait for the next look. */
async function isStanding(trx: Trx, rule: NotificationRule): Promise<boolean> {
  return (await activeRules(trx, sql`r.id = ${rule.id}::uuid and r.version = ${rule.version}`)).length === 1;
}

export function gatherExpiring(connection: Connection, rule: NotificationRule, options: GatherOptions): Promise<number> {
  return transact(connection, async (trx) => {
    if (!(await isStanding(trx, rule))) return 0;
    let total = 0;
    for (const stretch of await reaches(trx, rule, 'certificates')) {
      const fresh = await certificatesIn(trx, rule, stretch);
      if (fresh.count > 0) await addTo(trx, rule, 'certificate-expiring', fresh, options);
      total += fresh.count;
    }
    return total;
  });
}

interface CertificateRow {
  readonly id: string;
  readonly not_after: Date;
  readonly profile: string | null;
  readonly subject: string;
  readonly serial: string;
}

async function certificatesIn(trx: Trx, rule: NotificationRule, stretch: Reach): Promise<Gathering> {
  const from = sql`certificates c left join profiles p on p.id = c.profile_id where ${expiringIn(rule, stretch)}`;
  const profile = sql`coalesce(p.name || ' (' || p.protocol || ')', 'a profile that is gone')`;
  const counted = await sql<{ profile: string; count: number }>`select ${profile} as profile, count(*)::integer as count from ${from} group by 1`.execute(trx);
  const count = counted.rows.reduce((sum, row) => sum + row.count, 0);
  if (count === 0) return gatheringOf([]);
  const { rows } = await sql<CertificateRow>`select c.id, c.not_after, ${profile} as profile, c.subject, c.serial from ${from}
    order by c.not_after, c.id limit ${mostItems}`.execute(trx);
  const items = rows.map((row) => ({
    cells: [row.id, timeText(row.not_after), row.profile ?? '', row.subject === '' ? '(no subject)' : row.subject, row.serial],
  }));
  return { count, items, tallies: Object.fromEntries(counted.rows.map((row) => [row.profile, row.count])) };
}

/**
 * Valid, and nothing newer stands for the same device. One that lived for less than the threshold when it was made is no news at that
 * threshold: certificates of a day would otherwise be told of all the time.
 */
function expiringIn(rule: NotificationRule, { days, after, until }: Reach): RawBuilder<unknown> {
  return allOf([
    sql`c.tenant_id = ${rule.tenantId}::uuid and c.status = 'valid' and c.not_after > ${after}::timestamptz and c.not_after <= ${until}::timestamptz`,
    sql`c.not_after - c.created_at > ${days} * interval '1 day'`,
    ...(rule.profileIds.length === 0 ? [] : [sql`c.profile_id in (${sql.join(rule.profileIds.map((id) => sql`${id}::uuid`))})`]),
    sql`not exists (select 1 from orders o join orders later on later.account_id = o.account_id join certificates newer on newer.id = later.certificate_id
      where o.id = c.order_id and newer.id <> c.id and newer.status = 'valid' and newer.not_after > c.not_after)`,
  ]);
}

/** The same for the few certificates that Gatehouse itself works with. */
export function gatherCredentials(connection: Connection, rule: NotificationRule, credentials: readonly Credential[], options: GatherOptions): Promise<number> {
  return transact(connection, async (trx) => {
    if (!(await isStanding(trx, rule))) return 0;
    let total = 0;
    for (const stretch of await reaches(trx, rule, 'credentials')) {
      const ending = credentials.filter((credential) => isIn(credential, stretch));
      const fresh = gatheringOf(ending.map(({ usedBy, notAfter, what, subject }) => ({ cells: [usedBy, timeText(notAfter), what, subject] })));
      if (fresh.count > 0) await addTo(trx, rule, 'credential-expiring', fresh, options);
      total += fresh.count;
    }
    return total;
  });
}

function isIn({ notBefore, notAfter }: Credential, { days, after, until }: Reach): boolean {
  const end = notAfter.getTime();
  return end > Date.parse(after) && end <= Date.parse(until) && end - notBefore.getTime() > days * 86_400_000;
}
