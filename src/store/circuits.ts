import { sql } from 'kysely';
import { type Connection, rowsOf } from './connection/connection.js';

/** Between two calls that try whether a CA is up again, of all processes together. */
const probeEveryMs = 10_000;

interface Circuit {
  readonly connectorId: string;
  readonly reason: string;
}

/** Which CAs are taken for down, for all processes to see. */
export interface CircuitStore {
  exchange(opened: readonly Circuit[], closed: readonly string[]): Promise<readonly Circuit[]>;
  takeProbes(connectorIds: readonly string[]): Promise<readonly string[]>;
  /** How many orders wait for the CA of each connector: those that a person or the CA's own queue has to decide do not count. */
  waiting(): Promise<ReadonlyMap<string, number>>;
}

export function circuitStore(connection: Connection): CircuitStore {
  return {
    async exchange(opened, closed) {
      if (closed.length > 0) await rowsOf(connection, sql`delete from connector_circuits where connector_id = any(${closed})`);
      for (const { connectorId, reason } of opened) await put(connection, connectorId, reason);
      const rows = await rowsOf(connection, sql<{ connector_id: string; reason: string }>`select connector_id, reason from connector_circuits`);
      return rows.map((row) => ({ connectorId: row.connector_id, reason: row.reason }));
    },
    async takeProbes(connectorIds) {
      const rows = await rowsOf(
        connection,
        sql<{ connector_id: string }>`update connector_circuits set probe_after = clock_timestamp() + ${probeEveryMs} * interval '1 millisecond'
          where connector_id = any(${connectorIds}) and probe_after <= clock_timestamp() returning connector_id`,
      );
      return rows.map((row) => row.connector_id);
    },
    async waiting() {
      const rows = await rowsOf(
        connection,
        sql<{ connector_id: string; count: number }>`select o.connector_id, count(*)::integer as count from order_work w join orders o on o.id = w.order_id
          where o.state in ('ACCEPTED', 'ISSUING', 'UNCERTAIN') group by o.connector_id`,
      );
      return new Map(rows.map((row) => [row.connector_id, row.count]));
    },
  };
}

/** A connector that is gone meanwhile has nothing to be put up. */
async function put(connection: Connection, connectorId: string, reason: string): Promise<void> {
  await rowsOf(
    connection,
    sql`insert into connector_circuits (connector_id, reason, probe_after)
      select id, ${reason}, clock_timestamp() + ${probeEveryMs} * interval '1 millisecond' from connectors where id = ${connectorId}
      on conflict (connector_id) do nothing`,
  );
}
