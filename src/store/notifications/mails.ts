import { sql } from 'kysely';
import type { MailContent } from '../../notification/content.js';
import type { EventKind } from '../../notification/kinds.js';
import type { ClaimedMail, Mail, MailDesk, MailListQuery, MailQueue, MailResult, MailState } from '../../notification/ports.js';
import type { Context, SystemContext, TenantContext } from '../../tenancy/context.js';
import { type Boot, writeAudit } from '../audit.js';
import { type Connection, firstOf, rowsOf, transact } from '../connection/connection.js';
import { allOf, readPage, searched } from '../page.js';
import { equals, equalsId, visibleTo } from '../scope.js';
import { isUuid, storableText } from '../text.js';

interface MailRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly rule_id: string;
  readonly rule_name: string;
  readonly kind: EventKind;
  readonly recipient: string;
  readonly subject: string;
  readonly content: MailContent;
  readonly state: MailState;
  readonly attempts: number;
  readonly fence: number;
  readonly next_attempt_at: Date;
  readonly give_up_at: Date;
  readonly last_error: string | null;
  readonly response: string | null;
  readonly created_at: Date;
  readonly finished_at: Date | null;
}

/** Mails on their way: each is held by one worker at a time, and its result counts only under the fence it was claimed with. */
export function mailQueue(connection: Connection, boot: Boot): MailQueue {
  return {
    claim: async (_context, limit, leaseMs) => (await claim(connection, limit, leaseMs)).map(toClaimed),
    settle: (context, mail, result) => (result.kind === 'dead' ? bury(connection, boot, context, mail, result.reason) : settle(connection, mail, result)),
    forget: async (days) => {
      const old = sql`delete from mails where state <> 'waiting' and finished_at < now() - ${days} * interval '1 day' returning 1`;
      return (await rowsOf(connection, old)).length;
    },
  };
}

type ClaimedRow = MailRow & { readonly connector_id: string };

/** Mails of a rule that sleeps wait with it. */
function claim(connection: Connection, limit: number, leaseMs: number): Promise<readonly ClaimedRow[]> {
  return rowsOf(
    connection,
    sql<ClaimedRow>`update mails m set attempts = m.attempts + 1, fence = m.fence + 1, next_attempt_at = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
      from (select w.id, r.connector_id from mails w join notification_rules r on r.id = w.rule_id
        where w.state = 'waiting' and w.next_attempt_at <= clock_timestamp() and r.status = 'active'
        order by w.next_attempt_at limit ${limit} for update of w skip locked) due
      where m.id = due.id returning m.*, due.connector_id`,
  );
}

function toClaimed(row: ClaimedRow): ClaimedMail {
  const { id, recipient, subject, content, fence, attempts } = row;
  const times = { createdAt: row.created_at, giveUpAt: row.give_up_at };
  return { id, tenantId: row.tenant_id, connectorId: row.connector_id, recipient, subject, content, fence, attempts, ...times };
}

/** Written twice it says the same, so that a lost connection may be tried again. */
async function settle(connection: Connection, { id, fence }: ClaimedMail, result: Exclude<MailResult, { kind: 'dead' }>): Promise<boolean> {
  const change =
    result.kind === 'sent'
      ? sql`state = 'sent', response = ${storableText(result.response)}, last_error = null, finished_at = clock_timestamp()`
      : sql`last_error = ${storableText(result.reason)}, next_attempt_at = clock_timestamp() + ${result.delayMs} * interval '1 millisecond'`;
  const held = result.kind === 'sent' ? sql`state in ('waiting', 'sent')` : sql`state = 'waiting'`;
  return (await rowsOf(connection, sql`update mails set ${change} where id = ${id} and fence = ${fence} and ${held} returning 1`)).length === 1;
}

function bury(connection: Connection, boot: Boot, { actor }: SystemContext, mail: ClaimedMail, reason: string): Promise<boolean> {
  return transact(connection, async (trx) => {
    const { rows } = await sql`update mails set state = 'dead', last_error = ${storableText(reason)}, finished_at = clock_timestamp()
      where id = ${mail.id} and fence = ${mail.fence} and state = 'waiting' returning 1`.execute(trx);
    if (rows.length === 0) return false;
    const details = { reason, attempts: mail.attempts, subject: mail.subject };
    await writeAudit(trx, boot, [{ tenantId: mail.tenantId, actor, action: 'mail.dead', object: `mail:${mail.id}`, outcome: 'failure', details }]);
    return true;
  });
}

/** The same mails for whoever looks after them. */
export function mailDesk(connection: Connection, boot: Boot): MailDesk {
  return {
    list: (context, query) => readPage<MailRow, Mail>(connection, listing(context, query), query, toMail),
    find: async (context, id) => {
      const row = await firstOf(
        connection,
        sql<MailRow>`select * from mails where ${allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`id`, id)])}`,
      );
      return row === undefined ? undefined : toMail(row);
    },
    retry: (context, id) => retry(connection, boot, context, id),
  };
}

function listing(context: Context, query: MailListQuery) {
  return {
    select: sql`m.*`,
    from: sql`mails m`,
    where: [
      ...visibleTo(context, sql`m.tenant_id`),
      ...equalsId(sql`m.tenant_id`, query.tenantId),
      ...equalsId(sql`m.rule_id`, query.ruleId),
      ...equals(sql`m.state`, query.state),
      ...equals(sql`m.kind`, query.kind),
      ...searched(query.q, sql`m.recipient`, sql`m.subject`),
    ],
    sorts: { createdAt: { by: sql`m.created_at`, type: 'timestamptz' } },
    defaultSort: '-createdAt',
    id: sql`m.id`,
  } as const;
}

/** Its time begins anew; the fence moves on, so that whoever was late with it before cannot settle it now. */
function retry(connection: Connection, boot: Boot, { tenantId, actor }: TenantContext, id: string): Promise<boolean> {
  if (!isUuid(id)) return Promise.resolve(false);
  return transact(connection, async (trx) => {
    const { rows } = await sql`update mails m set state = 'waiting', attempts = 0, fence = m.fence + 1, finished_at = null, next_attempt_at = clock_timestamp(),
        give_up_at = clock_timestamp() + (m.give_up_at - m.created_at)
      where m.id = ${id} and m.tenant_id = ${tenantId} and m.state = 'dead' and exists (select 1 from notification_rules r where r.id = m.rule_id)
      returning 1`.execute(trx);
    if (rows.length === 0) return false;
    await writeAudit(trx, boot, [{ tenantId, actor, action: 'mail.retried', object: `mail:${id}`, outcome: 'success', details: {} }]);
    return true;
  });
}

function toMail(row: MailRow): Mail {
  const { id, kind, recipient, subject, content, state, attempts, response } = row;
  const rule = { ruleId: row.rule_id, ruleName: row.rule_name };
  const times = { nextAttemptAt: state === 'waiting' ? row.next_attempt_at : null, createdAt: row.created_at, finishedAt: row.finished_at };
  return { id, tenantId: row.tenant_id, ...rule, kind, recipient, subject, content, state, attempts, lastError: row.last_error, response, ...times };
}
