import { sql } from 'kysely';
import type { IssuerViews } from '../enrolment/issuer-views.js';
import { chainFromJson, chainToJson } from './chain-json.js';
import { type Connection, firstOf, rowsOf } from './connection/connection.js';

export function issuerViewStore(connection: Connection): IssuerViews {
  return {
    async find({ connectorId, overrides }) {
      const row = await firstOf(
        connection,
        sql<{ chain: string | null; crl: Buffer | null }>`select chain, crl from issuer_views where connector_id = ${connectorId} and overrides = ${overrides}`,
      );
      return row === undefined || row.chain === null ? undefined : { chain: chainFromJson(row.chain), crl: row.crl ?? undefined };
    },
    async claim({ connectorId, tenantId, overrides }, forMs) {
      const rows = await rowsOf(
        connection,
        sql`insert into issuer_views as v (connector_id, overrides, tenant_id) select id, ${overrides}, ${tenantId}::uuid from connectors where id = ${connectorId}
          on conflict (connector_id, overrides) do update set claimed_at = clock_timestamp()
            where v.claimed_at <= clock_timestamp() - ${forMs} * interval '1 millisecond' returning 1`,
      );
      return rows.length === 1;
    },
    async put({ connectorId, overrides }, { chain, crl }) {
      const [text, list] = [chainToJson(chain), crl ?? null];
      await rowsOf(
        connection,
        sql`update issuer_views set chain = ${text}, crl = ${list}::bytea where connector_id = ${connectorId} and overrides = ${overrides}
          and (chain is distinct from ${text} or crl is distinct from ${list}::bytea)`,
      );
    },
  };
}
