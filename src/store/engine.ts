import { type Selectable, sql } from 'kysely';
import type { EngineCa, EngineStore, IssuedCertificate, NewEngineCa, RecordedCertificate } from '../crypto-engine/ports.js';
import { ok } from '../runtime/result.js';
import type { Sealer } from '../runtime/seal.js';
import { systemContext } from '../tenancy/context.js';
import type { Boot } from './audit.js';
import { type Connection, firstOf, rowsOf } from './connection/connection.js';
import { ocspSignerStore } from './engine-ocsp.js';
import { openBytes } from './sealed.js';
import type { EngineCasTable } from './tables.js';
import { auditChange, changeConfig, type Trx } from './tenancy/config-change.js';

/** The engine's CAs are the server's own: no tenant stands in their place. */
const keyPlace = (rowId: string) => ({ table: 'engine_cas', column: 'ciphertext', tenantId: '', rowId }) as const;

export function engineStore(connection: Connection, boot: Boot, sealer: Sealer): EngineStore {
  const findByRef = (ref: string) =>
    firstOf(
      connection,
      sql<{ caId: string; certificate: Buffer }>`select e.ca_id as "caId", coalesce(e.certificate, c.der) as certificate
        from engine_certificates e left join certificates c on c.id = e.certificate_id where e.ref = ${ref}`,
    );
  return {
    async addCa(ca) {
      await connection.kysely.insertInto('engine_cas').values(caRow(ca, sealer)).execute();
    },
    addNextCa: (ca, activatesAt, actor) =>
      changeCas(connection, boot, actor, 'engine-ca.prepared', ca.id, async (trx) => {
        const row = { ...caRow(ca, sealer), state: 'next' as const, activates_at: activatesAt };
        const { numInsertedOrUpdatedRows: added = 0n } = await trx
          .insertInto('engine_cas')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        return added > 0n;
      }),
    activateCa: (id, actor) =>
      changeCas(connection, boot, actor, 'engine-ca.activated', id, async (trx) => {
        const { rows } = await sql<{
          parent_id: string;
        }>`update engine_cas set state = 'active' where id = ${id} and state = 'next' returning parent_id`.execute(trx);
        const [row] = rows;
        if (row === undefined) return false;
        await sql`update engine_cas set state = 'retired' where state = 'active' and id <> ${id} and id <> parent_id and parent_id = ${row.parent_id}`.execute(
          trx,
        );
        return true;
      }),
    retireCa: (id, actor) =>
      changeCas(connection, boot, actor, 'engine-ca.cancelled', id, async (trx) => {
        const { rows } = await sql`update engine_cas set state = 'retired' where id = ${id} and state = 'next' returning 1`.execute(trx);
        return rows.length === 1;
      }),
    listCas: async () => {
      const rows = await rowsOf(connection, sql<Selectable<EngineCasTable>>`select * from engine_cas order by created_at, id`);
      return rows.map((row) => toCa(row, sealer));
    },
    async record(caId, ref, certificate, serial, notAfter) {
      await rowsOf(
        connection,
        sql`insert into engine_certificates (ca_id, serial, ref, certificate, not_after, issued_at)
          values (${caId}, ${serial}, ${ref}, ${certificate}, ${notAfter}, date_trunc('milliseconds', clock_timestamp()))
          on conflict (ref) do nothing`,
      );
      const standing = await findByRef(ref);
      if (standing === undefined) throw new Error('The certificate that was just recorded is gone.');
      return standing.certificate;
    },
    findByRef,
    findBySerial: (caId, serial) =>
      firstOf(
        connection,
        sql<RecordedCertificate>`select e.ref, coalesce(e.certificate, c.der) as certificate, e.revoked_at as "revokedAt", e.reason
          from engine_certificates e left join certificates c on c.id = e.certificate_id where e.ca_id = ${caId} and e.serial = ${serial}`,
      ),
    listByRef: (prefix, from, to, after, limit) =>
      rowsOf(
        connection,
        sql<IssuedCertificate>`select e.ref, e.serial, e.certificate, e.revoked_at as "revokedAt", e.reason, e.issued_at as "issuedAt"
          from engine_certificates e where e.issued_at >= ${from} and e.issued_at < ${to} and starts_with(e.ref, ${prefix})
            and (${after === undefined} or (e.issued_at, e.serial) > (${after?.issuedAt ?? from}::timestamptz, ${after?.serial ?? ''}))
          order by e.issued_at, e.serial limit ${limit}`,
      ),
    revoke: (caId, serial, reason, at) => revoke(connection, caId, serial, reason, at),
    release: (caId, serial) => release(connection, caId, serial),
    revocations: (caId) =>
      rowsOf(
        connection,
        sql<{ serial: string; revokedAt: Date; reason: number }>`select serial, revoked_at as "revokedAt", reason from engine_certificates
          where ca_id = ${caId} and revoked_at is not null order by revoked_at, serial`,
      ),
    nextCrlNumber: (caId) => nextCrlNumber(connection, caId),
    ...ocspSignerStore(connection, sealer),
  };
}

function caRow(ca: NewEngineCa, sealer: Sealer) {
  return { id: ca.id, certificate: ca.certificate, ciphertext: sealer.seal(ca.privateKey, keyPlace(ca.id)), parent_id: ca.parentId };
}

/** One commit with its audit row and the new epoch; nothing of it stays when nothing was changed. */
async function changeCas(
  connection: Connection,
  boot: Boot,
  actor: string,
  action: string,
  id: string,
  work: (trx: Trx) => Promise<boolean>,
): Promise<boolean> {
  const changed = await changeConfig(connection, async (trx) => {
    const isChanged = await work(trx);
    if (isChanged) await auditChange(trx, boot, systemContext(actor), action, `engine-ca:${id}`, null, {});
    return ok(isChanged);
  });
  return changed.ok && changed.value;
}

async function revoke(connection: Connection, caId: string, serial: string, reason: number, at: Date): Promise<boolean> {
  const rows = await rowsOf(
    connection,
    sql`update engine_certificates set revoked_at = coalesce(revoked_at, ${at}::timestamptz),
        reason = case when revoked_at is null or reason = 6 then ${reason}::integer else reason end
      where ca_id = ${caId} and serial = ${serial} returning 1`,
  );
  return rows.length === 1;
}

/** On hold (reason 6), or not revoked at all: then it was released before. */
async function release(connection: Connection, caId: string, serial: string): Promise<boolean> {
  const rows = await rowsOf(
    connection,
    sql`update engine_certificates set revoked_at = null, reason = null
      where ca_id = ${caId} and serial = ${serial} and (revoked_at is null or reason = 6) returning 1`,
  );
  return rows.length === 1;
}

async function nextCrlNumber(connection: Connection, caId: string): Promise<number> {
  const row = await firstOf(
    connection,
    sql<{ number: number }>`insert into engine_crl_numbers (ca_id, number) values (${caId}, 1)
      on conflict (ca_id) do update set number = engine_crl_numbers.number + 1 returning number`,
  );
  return (row as { number: number }).number;
}

function toCa(row: Selectable<EngineCasTable>, sealer: Sealer): EngineCa {
  return {
    id: row.id,
    certificate: row.certificate,
    privateKey: openBytes(sealer, row.ciphertext, keyPlace(row.id)).reveal(),
    parentId: row.parent_id,
    state: row.state,
    activatesAt: row.activates_at,
    createdAt: row.created_at,
  };
}
