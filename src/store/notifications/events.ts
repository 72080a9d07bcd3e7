import { sql } from 'kysely';
import { type Gathering, gatheringOf, type Item } from '../../notification/gathering.js';
import { type EventKind, kindOfAction } from '../../notification/kinds.js';
import type { GatherOptions } from '../../notification/ports.js';
import { type NotificationRule, wants } from '../../notification/rule.js';
import { uuidv7 } from '../../runtime/ids.js';
import type { AuditEntry, Boot } from '../audit.js';
import { type Connection, type Executor, transact } from '../connection/connection.js';
import type { Trx } from '../tenancy/config-change.js';
import { storableJson } from '../text.js';
import { addTo } from './gatherings.js';
import type { Interest } from './interest.js';
import { activeRules } from './rules.js';
import { timeText } from './time-text.js';

/** What stands in the outbox under the topic `notification`: an order that is looked up when it is told of, or the words themselves. */
type Payload = { readonly kind: EventKind; readonly orderId: string } | { readonly kind: EventKind; readonly item: Item };

/** Follows the audit events of orders: whatever someone wants to hear of goes into the outbox in the commit of the change itself. */
export function followOrders(interest: Interest): NonNullable<Boot['follow']> {
  return (executor, entries) => {
    const watched = entries.filter((entry) => isWatched(interest, entry));
    return watched.length === 0 ? undefined : noteOrders(executor, interest, watched);
  };
}

/** Also what may be watched, as long as nobody knows. */
function isWatched(interest: Interest, { action, tenantId }: AuditEntry): boolean {
  const kind = kindOfAction(action);
  return kind !== undefined && tenantId !== null && interest.wants(tenantId, kind) !== false;
}

async function noteOrders(executor: Executor, interest: Interest, watched: readonly AuditEntry[]): Promise<void> {
  if (interest.wants(watched[0]?.tenantId ?? '', 'order-failed') === undefined) await interest.load(executor);
  for (const { action, tenantId, object } of watched.filter((entry) => isWatched(interest, entry))) {
    const kind = kindOfAction(action) as EventKind;
    await noteEvent(executor, tenantId as string, { kind, orderId: object.replace(/^order:/, '') });
  }
}

export async function noteEvent(executor: Executor, tenantId: string, payload: Payload): Promise<void> {
  await sql`insert into outbox (id, tenant_id, topic, payload) values (${uuidv7()}, ${tenantId}, 'notification', ${storableJson(payload)}::jsonb)`.execute(
    executor,
  );
}

interface EventRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly payload: Partial<Extract<Payload, { orderId: string }> & Extract<Payload, { item: Item }>> & { readonly kind: EventKind };
  readonly order_id: string | null;
  readonly state: string | null;
  readonly subject: string;
  readonly fail_reason: string | null;
  readonly client_ip: string;
  readonly recorded_at: Date;
  readonly profile_id: string | null;
  readonly profile: string | null;
}

/** Moves events to the rules that want them. They leave the outbox in the same commit, so each is told once however many nodes do this. */
export function gatherEvents(connection: Connection, limit: number, options: GatherOptions): Promise<number> {
  return transact(connection, async (trx) => {
    const { rows } = await sql<EventRow>`select e.id, e.tenant_id, e.payload, o.id as order_id, o.state, o.subject, o.fail_reason, o.client_ip,
        o.created_at as recorded_at, o.profile_id, p.name || ' (' || p.protocol || ')' as profile
      from outbox e left join orders o on o.id = (e.payload->>'orderId')::uuid left join profiles p on p.id = o.profile_id
      where e.topic = 'notification' and e.next_attempt_at <= clock_timestamp()
      order by e.next_attempt_at limit ${limit} for update of e skip locked`.execute(trx);
    if (rows.length === 0) return 0;
    await tell(trx, rows, options);
    await sql`delete from outbox where id in (${sql.join(rows.map(({ id }) => sql`${id}::uuid`))})`.execute(trx);
    return rows.length;
  });
}

async function tell(trx: Trx, rows: readonly EventRow[], options: GatherOptions): Promise<void> {
  const tenants = [...new Set(rows.map((row) => row.tenant_id))];
  const rules = await activeRules(trx, sql`r.tenant_id in (${sql.join(tenants.map((id) => sql`${id}::uuid`))})`);
  const current = rows.filter(isCurrent);
  for (const rule of rules) {
    for (const kind of rule.events) {
      const fresh = wantedBy(rule, kind, current);
      if (fresh.count > 0) await addTo(trx, rule, kind, fresh, options);
    }
  }
}

function wantedBy(rule: NotificationRule, kind: EventKind, rows: readonly EventRow[]): Gathering {
  const wanted = rows.filter((row) => row.tenant_id === rule.tenantId && row.payload.kind === kind && wants(rule, kind, row.profile_id));
  return gatheringOf(wanted.map(itemOf));
}

/** What asks somebody to act is told only while there is something to do. */
function isCurrent({ payload, order_id, state }: EventRow): boolean {
  if (payload.item !== undefined) return true;
  if (payload.kind === 'approval-needed') return state === 'AWAITING_APPROVAL';
  if (payload.kind === 'order-stuck') return state === 'STUCK';
  return order_id !== null;
}

function itemOf({ payload, order_id, subject, fail_reason, client_ip, recorded_at, profile }: EventRow): Item {
  if (payload.item !== undefined) return payload.item;
  const known = [order_id ?? '', timeText(recorded_at), profile ?? 'a profile that is gone', subject === '' ? '(no subject)' : subject, client_ip];
  if (payload.kind === 'approval-needed') return { cells: known, tally: profile ?? '' };
  return { cells: [...known, fail_reason ?? ''], tally: fail_reason ?? 'no reason given' };
}
