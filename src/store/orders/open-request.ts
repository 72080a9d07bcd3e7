import { sql } from 'kysely';
import type { OpenRequestReader } from '../../admin/ports/open-requests.js';
import type { Sealer } from '../../runtime/seal.js';
import { type Connection, firstOf } from '../connection/connection.js';
import { allOf } from '../page.js';
import { visibleTo } from '../scope.js';
import { isUuid } from '../text.js';
import { type RequestRow, requestOf } from './request-json.js';

/** The requests of open orders, as `order_work` keeps them. */
export function openRequestReader(connection: Connection, sealer: Sealer): OpenRequestReader {
  return {
    async pkcs10Of(context, orderId) {
      if (!isUuid(orderId)) return undefined;
      const where = allOf([...visibleTo(context, sql`w.tenant_id`), sql`w.order_id = ${orderId}`]);
      const row = await firstOf(connection, sql<RequestRow>`select w.order_id, w.tenant_id, w.request, w.pkcs10 from order_work w where ${where}`);
      return row === undefined ? undefined : requestOf(row, sealer).pkcs10;
    },
  };
}
