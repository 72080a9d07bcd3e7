import { sql } from 'kysely';
import type { CertifiedKeyStore } from '../enrolment/certified-keys.js';
import { type Connection, rowsOf } from './connection/connection.js';

/** The first name of a key stays: of two that come at once one is refused. */
export function certifiedKeyStore(connection: Connection): CertifiedKeyStore {
  return {
    claim: async ({ tenantId }, profileId, keyHash, nameHash) => {
      const rows = await rowsOf(
        connection,
        sql<{ readonly is_same: boolean }>`insert into certified_keys as held (tenant_id, profile_id, key_hash, name_hash)
          values (${tenantId}, ${profileId}, ${keyHash}, ${nameHash})
          on conflict (profile_id, key_hash) do update set name_hash = held.name_hash returning name_hash = ${nameHash} as is_same`,
      );
      return rows[0]?.is_same === true;
    },
  };
}
