import { type RawBuilder, sql } from 'kysely';
import type { EventKind } from '../../notification/kinds.js';
import type { RuleListQuery, RuleStore } from '../../notification/ports.js';
import type { NotificationRule } from '../../notification/rule.js';
import { ok } from '../../runtime/result.js';
import type { Context } from '../../tenancy/context.js';
import type { Status } from '../../tenancy/profile.js';
import type { Boot } from '../audit.js';
import type { Connection, Executor } from '../connection/connection.js';
import { allOf, readPage, searched, versionedSorts } from '../page.js';
import { equals, equalsId, visibleTo } from '../scope.js';
import { auditChange, changeConfig, changedFields, standingAt, type Trx, type Written } from '../tenancy/config-change.js';
import { storableJson } from '../text.js';
import type { Interest } from './interest.js';

export interface RuleRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly connector_id: string;
  readonly name: string;
  readonly description: string;
  readonly status: Status;
  readonly recipients: readonly string[];
  readonly events: readonly EventKind[];
  readonly profile_ids: readonly string[];
  readonly expiry_days: readonly number[];
  readonly minutes_between_mails: number;
  readonly digest: NotificationRule['digest'];
  readonly version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export function ruleStore(connection: Connection, boot: Boot, interest: Interest): RuleStore {
  const changed = async <T>(work: (trx: Trx) => Promise<Written<T>>): Promise<Written<T>> => {
    const written = await changeConfig(connection, work);
    await interest.load(connection.kysely);
    return written;
  };
  return {
    create: (context, rule) =>
      changed(async (trx) => {
        await sql`insert into notification_rules (id, tenant_id, connector_id, name, description, status, recipients, events, profile_ids, expiry_days,
            minutes_between_mails, digest)
          values (${rule.id}, ${context.tenantId}, ${rule.connectorId}, ${rule.name}, ${rule.description}, ${rule.status}, ${json(rule.recipients)},
            ${json(rule.events)}, ${json(rule.profileIds)}, ${json(rule.expiryDays)}, ${rule.minutesBetweenMails}, ${json(rule.digest)})`.execute(trx);
        await auditChange(trx, boot, context, 'notification-rule.created', `notification-rule:${rule.id}`, context.tenantId, { name: rule.name });
        return ok((await read(trx, context, rule.id)) as NotificationRule);
      }),
    find: (context, id) => read(connection.kysely, context, id),
    list: (context, query) => readPage<RuleRow, NotificationRule>(connection, listing(context, query), query, toRule),
    update: (context, id, version, change) => changed((trx) => update(trx, boot, context, id, version, change)),
    remove: (context, id, version) => changed((trx) => remove(trx, boot, context, id, version)),
  };
}

const json = (value: unknown): RawBuilder<unknown> => sql`${storableJson(value)}::jsonb`;

function listing(context: Context, query: RuleListQuery) {
  return {
    select: sql`r.*`,
    from: sql`notification_rules r join tenants t on t.id = r.tenant_id`,
    where: [
      ...visibleTo(context, sql`r.tenant_id`),
      ...equalsId(sql`r.tenant_id`, query.tenantId),
      ...equals(sql`r.status`, query.status),
      ...equalsId(sql`r.connector_id`, query.connectorId),
      ...searched(query.q, sql`r.name`, sql`t.name`),
    ],
    sorts: {
      ...versionedSorts('r'),
    },
    defaultSort: '-createdAt',
    id: sql`r.id`,
  } as const;
}

async function read(executor: Executor, context: Context, id: string): Promise<NotificationRule | undefined> {
  const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`id`, id)]);
  const { rows } = await sql<RuleRow>`select * from notification_rules where ${where}`.execute(executor);
  return rows[0] === undefined ? undefined : toRule(rows[0]);
}

async function update(
  trx: Trx,
  boot: Boot,
  context: Context,
  id: string,
  version: number,
  change: Parameters<RuleStore['update']>[3],
): Promise<Written<NotificationRule>> {
  const found = standingAt(await read(trx, context, id), version);
  if (!found.ok) return found;
  const standing = found.value;
  const next = { ...standing, ...change };
  await sql`update notification_rules set connector_id = ${next.connectorId}, name = ${next.name}, description = ${next.description}, status = ${next.status},
      recipients = ${json(next.recipients)}, events = ${json(next.events)}, profile_ids = ${json(next.profileIds)}, expiry_days = ${json(next.expiryDays)},
      minutes_between_mails = ${next.minutesBetweenMails}, digest = ${json(next.digest)}, version = version + 1, updated_at = now() where id = ${id}`.execute(
    trx,
  );
  await forgetWhatIsStale(trx, standing, next);
  await auditChange(trx, boot, context, 'notification-rule.updated', `notification-rule:${id}`, standing.tenantId, { fields: changedFields(change) });
  return ok((await read(trx, context, id)) as NotificationRule);
}

/** What a rule that sleeps gathered is of no use later; one that looks at other profiles or events has not warned of their expiries yet. */
async function forgetWhatIsStale(trx: Trx, before: NotificationRule, after: NotificationRule): Promise<void> {
  if (after.status === 'inactive') await sql`delete from notification_gatherings where rule_id = ${after.id}`.execute(trx);
  const isWider = JSON.stringify([before.profileIds, before.events]) !== JSON.stringify([after.profileIds, after.events]);
  if (isWider) await sql`delete from notification_marks where rule_id = ${after.id} and name <> 'digest'`.execute(trx);
}

async function remove(trx: Trx, boot: Boot, context: Context, id: string, version: number): Promise<Written<true>> {
  const found = standingAt(await read(trx, context, id), version);
  if (!found.ok) return found;
  const standing = found.value;
  await sql`delete from mails where rule_id = ${id} and state = 'waiting'`.execute(trx);
  await sql`delete from notification_rules where id = ${id}`.execute(trx);
  await auditChange(trx, boot, context, 'notification-rule.removed', `notification-rule:${id}`, standing.tenantId, { name: standing.name });
  return ok(true);
}

/** Active rules of active tenants, kept from being removed until the transaction ends. */
export async function activeRules(trx: Trx, where: RawBuilder<unknown>): Promise<readonly NotificationRule[]> {
  const { rows } = await sql<RuleRow>`select r.* from notification_rules r join tenants t on t.id = r.tenant_id
    where r.status = 'active' and t.status = 'active' and ${where} order by r.id for key share of r`.execute(trx);
  return rows.map(toRule);
}

/** Those that send through a connector, as `in-use` names them. */
export async function rulesThrough(trx: Trx, connectorId: string) {
  const { rows } = await sql<{ id: string; name: string }>`select id, name from notification_rules where connector_id = ${connectorId}
    order by name limit 100`.execute(trx);
  return rows.map((rule) => ({ ...rule, type: 'notification-rule' }));
}

function toRule(row: RuleRow): NotificationRule {
  const { id, name, description, status, recipients, events, digest, version } = row;
  const times = { createdAt: row.created_at, updatedAt: row.updated_at };
  const what = { recipients, events, profileIds: row.profile_ids, expiryDays: row.expiry_days, minutesBetweenMails: row.minutes_between_mails, digest };
  return { id, tenantId: row.tenant_id, connectorId: row.connector_id, name, description, status, ...what, version, ...times };
}
