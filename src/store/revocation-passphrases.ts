import { sql } from 'kysely';
import type { PassphraseStore } from '../enrolment/revocation-passphrase.js';
import { uuidv7 } from '../runtime/ids.js';
import type { Sealer } from '../runtime/seal.js';
import { type Connection, firstOf, rowsOf } from './connection/connection.js';
import { openBytes } from './sealed.js';

const place = (tenantId: string, rowId: string) => ({ table: 'revocation_passphrases', column: 'ciphertext', tenantId, rowId }) as const;

interface Row {
  readonly id: string;
  readonly owner: string;
  readonly ciphertext: Buffer;
}

/** Expired ones of a profile go with the next that is kept there. */
export function revocationPassphraseStore(connection: Connection, sealer: Sealer): PassphraseStore {
  return {
    async keep({ tenantId }, { profileId, keyId, owner, passphrase, expiresAt }) {
      const id = uuidv7();
      const ciphertext = sealer.seal(passphrase.reveal(), place(tenantId, id));
      await rowsOf(connection, sql`delete from revocation_passphrases where profile_id = ${profileId} and expires_at < now()`);
      const kept = await rowsOf(
        connection,
        sql`insert into revocation_passphrases (id, tenant_id, profile_id, key_id, owner, ciphertext, expires_at)
          select ${id}::uuid, ${tenantId}::uuid, ${profileId}::uuid, ${keyId}::bytea, ${owner}::text, ${ciphertext}::bytea, ${expiresAt}::timestamptz
          where not exists (select 1 from revocation_passphrases where profile_id = ${profileId} and key_id = ${keyId} and owner <> ${owner})
          on conflict (profile_id, owner) do update
            set id = excluded.id, key_id = excluded.key_id, ciphertext = excluded.ciphertext, expires_at = excluded.expires_at, created_at = now()
          returning 1`,
      );
      return kept.length > 0;
    },
    async find({ tenantId }, profileId, keyId) {
      const row = await firstOf(
        connection,
        sql<Row>`select id, owner, ciphertext from revocation_passphrases
          where profile_id = ${profileId} and key_id = ${keyId} and tenant_id = ${tenantId} and expires_at > now()`,
      );
      return row && { id: row.id, owner: row.owner, passphrase: openBytes(sealer, row.ciphertext, place(tenantId, row.id)) };
    },
  };
}
