import { sql } from 'kysely';
import type { HealthState } from '../tenancy/connector-health.js';
import { type Connection, firstOf, rowsOf } from './connection/connection.js';

/** What somebody should look at, of the whole installation. Seconds and counts; nothing that names a device. */
export interface WatchFigures {
  /** Age of the oldest order that is STUCK; 0 where none is. */
  readonly stuckSeconds: number;
  /** Age of the oldest order that waits for its CA. */
  readonly waitingSeconds: number;
  /** Certificates that were issued ten to seventy minutes ago and not fetched since, and how many orders were looked at (10,000 at most). */
  readonly notFetched: { readonly orders: number; readonly of: number };
  /** Valid certificates that end within seven days and that no device has renewed; counted to 10,000. */
  readonly silentDevices: number;
  /** Revocations that were given up. */
  readonly givenUpRevocations: number;
  readonly connectors: readonly { readonly state: HealthState; readonly count: number }[];
  /** Until the first credential of an active connector ends; null where none is known. */
  readonly credentialSeconds: number | null;
  /** Active audit sinks: those that did not take the last batch, and the most events one of them lacks. */
  readonly sinks: { readonly failing: number; readonly behind: number };
}

interface Row {
  readonly stuck: number;
  readonly waiting: number;
  readonly silent: number;
  readonly given_up: number;
  readonly credential: number | null;
  readonly failing: number;
  readonly behind: number;
}

const countedMost = 10_000;

/** Asked once per scrape; each part reads what is left to do, or a bounded number of rows. */
export async function watchFigures(connection: Connection, now: Date): Promise<WatchFigures> {
  const row = await firstOf(
    connection,
    sql<Row>`select
      coalesce((select extract(epoch from clock_timestamp() - min(o.created_at)) from order_work w join orders o on o.id = w.order_id where o.state = 'STUCK'), 0)::float8 as stuck,
      coalesce((select extract(epoch from clock_timestamp() - min(o.created_at)) from order_work w join orders o on o.id = w.order_id
        where o.state in ('ACCEPTED', 'ISSUING', 'UNCERTAIN', 'CA_PENDING')), 0)::float8 as waiting,
      (select count(*) from (select 1 from certificates where not_after > now() and not_after < now() + interval '7 days' and status = 'valid'
        and not_after - not_before > interval '21 days' limit ${countedMost}) as ending) as silent,
      (select count(*) from outbox where given_up_at is not null) as given_up,
      (select extract(epoch from min((life ->> 'notAfter')::timestamptz) - clock_timestamp()) from connector_health h
        join connectors c on c.id = h.connector_id and c.status = 'active', jsonb_array_elements(h.credentials) as life)::float8 as credential,
      (select count(*) from audit_sinks where status = 'active' and last_error is not null) as failing,
      coalesce((select max(coalesce((select last from audit_runs order by first desc limit 1), 0) - position) from audit_sinks where status = 'active'), 0)::bigint as behind`,
  );
  const connectors = await rowsOf(
    connection,
    sql<{ state: HealthState; count: number }>`select h.state, count(*) as count from connector_health h join connectors c on c.id = h.connector_id
      where c.status = 'active' group by h.state`,
  );
  const { stuck = 0, waiting = 0, silent = 0, given_up = 0, credential = null, failing = 0, behind = 0 } = row ?? {};
  return {
    ...{ stuckSeconds: stuck, waitingSeconds: waiting, notFetched: await notFetched(connection, now) },
    ...{ silentDevices: silent, givenUpRevocations: given_up, connectors, credentialSeconds: credential, sinks: { failing, behind } },
  };
}

/** Ids of orders begin with their time (UUIDv7), so that the primary key finds an hour of them. */
async function notFetched(connection: Connection, now: Date): Promise<WatchFigures['notFetched']> {
  const [from, to] = [firstIdOf(now.getTime() - 70 * 60_000), firstIdOf(now.getTime() - 10 * 60_000)];
  const row = await firstOf(
    connection,
    sql<{ orders: number; of: number }>`select count(*) filter (where state = 'ISSUED') as orders, count(*) as of
      from (select state from orders where id >= ${from}::uuid and id < ${to}::uuid order by id desc limit ${countedMost}) as recent`,
  );
  return { orders: row?.orders ?? 0, of: row?.of ?? 0 };
}

function firstIdOf(ms: number): string {
  const hex = Math.max(0, ms).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
