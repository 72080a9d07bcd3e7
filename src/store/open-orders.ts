import { sql } from 'kysely';
import { type OrderState, openStates } from '../enrolment/order.js';
import type { Protocol } from '../tenancy/profile.js';
import { type Connection, rowsOf } from './connection/connection.js';

export interface OpenOrders {
  readonly protocol: Protocol;
  readonly state: OrderState;
  readonly count: number;
}

/** How many orders wait for an answer, of all tenants; read from what is left to be done, not from all orders. */
export function countOpenOrders(connection: Connection): Promise<readonly OpenOrders[]> {
  return rowsOf(
    connection,
    sql<OpenOrders>`select o.protocol, o.state, count(*) as count from order_work w join orders o on o.id = w.order_id
      where o.state in (${sql.join([...openStates])}) group by o.protocol, o.state`,
  );
}
