import { type RawBuilder, sql } from 'kysely';
import type { Operation, OrderState } from '../../enrolment/order.js';
import type { OrderEvent, OrderEventReader, TrailPosition } from '../../enrolment/order-events.js';
import type { Protocol } from '../../tenancy/profile.js';
import { type Connection, rowsOf } from '../connection/connection.js';

interface TrailRow {
  readonly boot_id: string;
  readonly node_seq: number;
  readonly at: Date;
  readonly action: string;
  readonly details: string;
  /** null for what is not of an order, or of one that is gone. */
  readonly order_id: string | null;
  readonly tenant_id: string;
  readonly profile_id: string;
  readonly protocol: Protocol;
  readonly operation: Operation;
  readonly subject: string;
  readonly state: OrderState;
}

const columns = sql.raw(
  `e.boot_id, e.node_seq, e.at, e.action, e.details, o.id as order_id, o.tenant_id, o.profile_id, o.protocol, o.operation, o.subject, o.state`,
);
/** `object` is `order:<id>`. */
const withOrder = sql.raw(
  `left join orders o on e.action like 'order.%' and o.id = case when e.object ~ '^order:[0-9a-f-]{36}$' then substr(e.object, 7)::uuid end`,
);

/** Reads the audit trail, by the numbers of each node: the device path writes nothing more for it. */
export function orderEvents(connection: Connection): OrderEventReader {
  return {
    position: async () =>
      new Map((await rowsOf(connection, sql<BootRow>`select boot_id, last_seq from audit_boots`)).map((row) => [row.boot_id, row.last_seq])),
    after: (position, limit) => after(connection, position, limit),
    since: async (time, limit) => {
      const rows = await rowsOf(connection, newestFirst(time, limit));
      return [...rows].reverse().flatMap(toEvent);
    },
  };
}

interface BootRow {
  readonly boot_id: string;
  readonly last_seq: number;
}

async function after(connection: Connection, position: TrailPosition, limit: number) {
  const known = JSON.stringify(Object.fromEntries(position));
  const rows = await rowsOf(
    connection,
    sql<TrailRow>`select ${columns} from (
        select b.boot_id, coalesce((${known}::jsonb ->> b.boot_id::text)::bigint, 0) as read, b.last_seq from audit_boots b) b
      cross join lateral (select * from audit_events a where a.boot_id = b.boot_id and a.node_seq > b.read order by a.node_seq limit ${limit}) e
      ${withOrder} where b.last_seq > b.read order by e.at, e.boot_id, e.node_seq`,
  );
  const moved = new Map(position);
  for (const { boot_id: boot, node_seq: seq } of rows) moved.set(boot, Math.max(seq, moved.get(boot) ?? 0));
  return { events: rows.flatMap(toEvent), position: moved };
}

/** The newest `limit`, by the index of the time. */
function newestFirst(time: Date, limit: number): RawBuilder<TrailRow> {
  return sql<TrailRow>`select ${columns} from (
      select * from audit_events a where a.at >= ${time} order by a.at desc, a.boot_id desc, a.node_seq desc limit ${limit}) e
    ${withOrder} order by e.at desc, e.boot_id desc, e.node_seq desc`;
}

function toEvent(row: TrailRow): readonly OrderEvent[] {
  if (row.order_id === null) return [];
  const { at, action, protocol, operation, subject } = row;
  const { state = row.state } = JSON.parse(row.details) as { readonly state?: OrderState };
  const place = { orderId: row.order_id, tenantId: row.tenant_id, profileId: row.profile_id };
  return [{ key: `${row.boot_id}:${row.node_seq}`, at, action, state, ...place, protocol, operation, subject }];
}
