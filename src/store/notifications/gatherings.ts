import { sql } from 'kysely';
import { emptyGathering, type Gathering, gather } from '../../notification/gathering.js';
import type { EventKind } from '../../notification/kinds.js';
import type { GatherOptions, NotificationStore } from '../../notification/ports.js';
import type { NotificationRule } from '../../notification/rule.js';
import { uuidv7 } from '../../runtime/ids.js';
import { type Connection, transact } from '../connection/connection.js';
import type { Trx } from '../tenancy/config-change.js';
import { storableJson } from '../text.js';

type RuleHead = Pick<NotificationRule, 'id' | 'tenantId' | 'minutesBetweenMails'>;

/**
 * Puts what happened where the rule's next mail is made. The first thing of a mail waits `gatherMs` for more, and until the rule's
 * time since its last mail of this kind is over.
 */
export async function addTo(trx: Trx, rule: RuleHead, kind: EventKind, fresh: Gathering, { gatherMs }: GatherOptions): Promise<void> {
  await sql`insert into notification_gatherings (rule_id, kind, tenant_id) values (${rule.id}, ${kind}, ${rule.tenantId}) on conflict do nothing`.execute(trx);
  const { rows } = await sql<Gathering>`select count, items, tallies from notification_gatherings
    where rule_id = ${rule.id} and kind = ${kind} for update`.execute(trx);
  const next = gather(rows[0] ?? emptyGathering, fresh);
  await sql`update notification_gatherings set count = ${next.count}, items = ${storableJson(next.items)}::jsonb, tallies = ${storableJson(next.tallies)}::jsonb,
      due_at = coalesce(due_at, greatest(clock_timestamp() + ${gatherMs} * interval '1 millisecond',
        closed_at + ${rule.minutesBetweenMails} * interval '1 minute'))
    where rule_id = ${rule.id} and kind = ${kind}`.execute(trx);
}

interface DueRow extends Gathering {
  readonly rule_id: string;
  readonly kind: EventKind;
  readonly tenant_id: string;
  readonly rule_name: string;
  readonly tenant_name: string;
  readonly recipients: readonly string[];
}

/** How long a mail is tried. */
const patience = sql.lit('24 hours');

/** What is due becomes one mail per recipient; gathering and mails change in one commit. */
export function closeDue(connection: Connection, limit: number, compose: Parameters<NotificationStore['close']>[1]): Promise<number> {
  return transact(connection, async (trx) => {
    const { rows } = await sql<DueRow>`select g.rule_id, g.kind, g.tenant_id, g.count, g.items, g.tallies, r.name as rule_name, r.recipients,
        t.name as tenant_name
      from notification_gatherings g join notification_rules r on r.id = g.rule_id join tenants t on t.id = g.tenant_id
      where g.due_at <= clock_timestamp() and r.status = 'active' order by g.due_at limit ${limit} for update of g skip locked`.execute(trx);
    let mails = 0;
    for (const row of rows) mails += await closeOne(trx, row, compose);
    return mails;
  });
}

async function closeOne(trx: Trx, row: DueRow, compose: Parameters<NotificationStore['close']>[1]): Promise<number> {
  const { subject, content } = compose(row, { kind: row.kind, ruleName: row.rule_name, tenantName: row.tenant_name });
  for (const recipient of row.recipients) {
    await sql`insert into mails (id, tenant_id, rule_id, rule_name, kind, recipient, subject, content, state, next_attempt_at, give_up_at)
      values (${uuidv7()}, ${row.tenant_id}, ${row.rule_id}, ${row.rule_name}, ${row.kind}, ${recipient}, ${subject}, ${storableJson(content)}::jsonb,
        'waiting', clock_timestamp(), clock_timestamp() + ${patience}::interval)`.execute(trx);
  }
  await sql`update notification_gatherings set count = 0, items = '[]', tallies = '{}', due_at = null, closed_at = clock_timestamp()
    where rule_id = ${row.rule_id} and kind = ${row.kind}`.execute(trx);
  return row.recipients.length;
}
