import { sql } from 'kysely';
import type { Account, AccountReader } from '../admin/ports.js';
import type { Connection } from './connection/connection.js';
import { readPage, searched } from './page.js';
import { equalsId, visibleTo } from './scope.js';

interface AccountRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly profile_id: string;
  readonly label: string;
  readonly created_at: Date;
  readonly last_order_at: Date | null;
}

export function accountReader(connection: Connection): AccountReader {
  return {
    list: (context, query) => {
      const listing = {
        select: sql`a.*, (select o.created_at from orders o where o.account_id = a.id order by o.id desc limit 1) as last_order_at`,
        from: sql`accounts a`,
        where: [
          ...visibleTo(context, sql`a.tenant_id`),
          ...equalsId(sql`a.tenant_id`, query.tenantId),
          ...equalsId(sql`a.profile_id`, query.profileId),
          ...searched(query.q, sql`a.label`),
        ],
        sorts: { createdAt: { by: sql`a.created_at`, type: 'timestamptz' }, label: { by: sql`a.label`, type: 'text' } },
        defaultSort: '-createdAt',
        id: sql`a.id`,
      } as const;
      return readPage<AccountRow, Account>(connection, listing, query, toAccount);
    },
  };
}

function toAccount(row: AccountRow): Account {
  const { id, label } = row;
  return { id, tenantId: row.tenant_id, profileId: row.profile_id, label, createdAt: row.created_at, lastOrderAt: row.last_order_at };
}
