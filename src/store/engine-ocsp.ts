import { sql } from 'kysely';
import type { EngineStore } from '../crypto-engine/ports.js';
import type { Sealer } from '../runtime/seal.js';
import { type Connection, rowsOf } from './connection/connection.js';
import { openBytes } from './sealed.js';

const keyPlace = (caId: string, serial: string) => ({ table: 'engine_ocsp_signers', column: 'ciphertext', tenantId: '', rowId: `${caId}/${serial}` }) as const;

interface SignerRow {
  readonly serial: string;
  readonly certificate: Buffer;
  readonly ciphertext: Buffer;
  readonly notAfter: Date;
}

/** The keys that sign the engine's OCSP answers. */
export function ocspSignerStore(connection: Connection, sealer: Sealer): Pick<EngineStore, 'listOcspSigners' | 'addOcspSigner'> {
  return {
    async listOcspSigners(caId) {
      const rows = await rowsOf(
        connection,
        sql<SignerRow>`select serial, certificate, ciphertext, not_after as "notAfter" from engine_ocsp_signers
          where ca_id = ${caId} order by not_after desc, serial`,
      );
      return rows.map(({ serial, certificate, ciphertext, notAfter }) => {
        const privateKey = openBytes(sealer, ciphertext, keyPlace(caId, serial)).reveal();
        return { caId, serial, certificate, notAfter, privateKey };
      });
    },
    async addOcspSigner({ caId, serial, certificate, privateKey, notAfter }) {
      const ciphertext = sealer.seal(privateKey, keyPlace(caId, serial));
      await rowsOf(connection, sql`delete from engine_ocsp_signers where ca_id = ${caId} and not_after < now()`);
      await rowsOf(
        connection,
        sql`insert into engine_ocsp_signers (ca_id, serial, certificate, ciphertext, not_after)
          values (${caId}, ${serial}, ${certificate}, ${ciphertext}, ${notAfter}) on conflict do nothing`,
      );
    },
  };
}
