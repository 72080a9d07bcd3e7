import type { Workload, WorkloadReader } from '../enrolment/workload.js';
import type { Connection } from './connection/connection.js';

const statement = `select exists (select from order_work) as "openOrders", exists (select from outbox) as outbox,
  exists (select from transactions where confirm_until is not null) as confirmations`;

/** One prepared statement, so that it costs next to nothing to ask it again and again. */
export function workloadReader(connection: Connection): WorkloadReader {
  return {
    async read() {
      const [row] = await connection.prepared<Workload>('workload', statement, []);
      if (row === undefined) throw new Error('The database did not say what work there is.');
      return row;
    },
  };
}
