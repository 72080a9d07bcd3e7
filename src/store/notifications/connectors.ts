import { sql } from 'kysely';
import type { Item } from '../../notification/gathering.js';
import type { EventKind } from '../../notification/kinds.js';
import type { ConnectorNews } from '../../notification/ports.js';
import { type Connection, firstOf, transact } from '../connection/connection.js';
import type { Trx } from '../tenancy/config-change.js';
import { noteEvent } from './events.js';
import type { Interest } from './interest.js';
import { durationText, timeText } from './time-text.js';

interface Standing {
  readonly state: 'up' | 'down';
  readonly since: Date;
}

interface ConnectorRow {
  readonly tenant_id: string;
  readonly name: string;
  readonly type: string;
  readonly now: Date;
}

/** Of any number of voices that say the same the first is heard: state and event change in one commit. */
export async function noteConnector(connection: Connection, interest: Interest, news: ConnectorNews): Promise<boolean> {
  const known = await firstOf(connection, sql<Standing>`select state, since from notification_connectors where connector_id = ${news.connectorId}`);
  if (known?.state === news.state) return false;
  return transact(connection, async (trx) => {
    const { rows } = await sql<ConnectorRow>`select tenant_id, name, type, clock_timestamp() as now from connectors
      where id = ${news.connectorId} for key share`.execute(trx);
    const [connector] = rows;
    if (connector === undefined) return false;
    const before = await turn(trx, connector, news);
    if (before === 'same') return false;
    if (before === 'unknown' && news.state === 'up') return true;
    await tell(trx, interest, connector, news, before === 'unknown' ? undefined : before.since);
    return true;
  });
}

async function turn(trx: Trx, { tenant_id, now }: ConnectorRow, { connectorId, state }: ConnectorNews): Promise<Standing | 'unknown' | 'same'> {
  const inserted = await sql`insert into notification_connectors (connector_id, tenant_id, state, since) values (${connectorId}, ${tenant_id}, ${state}, ${now})
    on conflict do nothing returning 1`.execute(trx);
  if (inserted.rows.length === 1) return 'unknown';
  const { rows } = await sql<Standing>`select state, since from notification_connectors where connector_id = ${connectorId} for update`.execute(trx);
  const before = rows[0] as Standing;
  if (before.state === state) return 'same';
  await sql`update notification_connectors set state = ${state}, since = ${now} where connector_id = ${connectorId}`.execute(trx);
  return before;
}

async function tell(
  trx: Trx,
  interest: Interest,
  { tenant_id, name, type, now }: ConnectorRow,
  news: ConnectorNews,
  downSince: Date | undefined,
): Promise<void> {
  const kind: EventKind = news.state === 'down' ? 'connector-down' : 'connector-recovered';
  if (interest.wants(tenant_id, kind) === undefined) await interest.load(trx);
  if (interest.wants(tenant_id, kind) !== true) return;
  const last = news.state === 'down' ? news.reason : downSince === undefined ? '' : durationText(now.getTime() - downSince.getTime());
  const item: Item = { cells: [name, timeText(now), type, last] };
  await noteEvent(trx, tenant_id, { kind, item });
}
