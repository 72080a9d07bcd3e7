import { sql } from 'kysely';
import type { Context } from '../tenancy/context.js';
import type { ListQuery, Page } from '../tenancy/ports.js';
import type { Connection } from './connection/connection.js';
import { readPage } from './page.js';
import { equalsId, visibleTo } from './scope.js';

/** A certificate that reached us when nobody was entitled to it any more. */
export interface OrphanCertificate {
  readonly id: string;
  readonly tenantId: string;
  readonly orderId: string;
  /** DER, or whatever the CA sent in its place. */
  readonly certificate: Buffer;
  readonly reason: string;
  readonly receivedAt: Date;
  readonly revokedAt: Date | null;
}

export interface OrphanReader {
  list(context: Context, query: ListQuery & { readonly orderId?: string }): Promise<Page<OrphanCertificate>>;
}

interface OrphanRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly order_id: string;
  readonly certificate: Buffer;
  readonly reason: string;
  readonly received_at: Date;
  readonly revoked_at: Date | null;
}

export function orphanReader(connection: Connection): OrphanReader {
  return {
    list: (context, query) => {
      const listing = {
        select: sql`c.*`,
        from: sql`orphan_certificates c`,
        where: [...visibleTo(context, sql`c.tenant_id`), ...equalsId(sql`c.order_id`, query.orderId)],
        sorts: { receivedAt: { by: sql`c.received_at`, type: 'timestamptz' } },
        defaultSort: '-receivedAt',
        id: sql`c.id`,
      } as const;
      return readPage<OrphanRow, OrphanCertificate>(connection, listing, query, toOrphan);
    },
  };
}

function toOrphan(row: OrphanRow): OrphanCertificate {
  const { id, certificate, reason } = row;
  return { id, tenantId: row.tenant_id, orderId: row.order_id, certificate, reason, receivedAt: row.received_at, revokedAt: row.revoked_at };
}
