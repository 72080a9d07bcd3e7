import { sql } from 'kysely';
import type { EngineClient, EngineClientStore } from '../crypto-engine/ports.js';
import { ok } from '../runtime/result.js';
import { systemContext } from '../tenancy/context.js';
import type { Boot } from './audit.js';
import { type Connection, rowsOf } from './connection/connection.js';
import { auditChange, changeConfig, type Trx } from './tenancy/config-change.js';
import { isUuid, storableText } from './text.js';

/** Clients of the embedded engine's API. They are the server's own, as its CAs are: no tenant stands in their place. */
export function engineClientStore(connection: Connection, boot: Boot): EngineClientStore {
  return {
    listClients: () =>
      rowsOf(
        connection,
        sql<EngineClient & { readonly secretHash: Buffer }>`select id, client_id as "clientId", name, scopes, secret_hash as "secretHash",
            created_at as "createdAt", secret_set_at as "secretSetAt" from engine_clients order by created_at, id`,
      ),
    addClient: ({ id, clientId, name, scopes, secretHash }, actor) =>
      change(connection, boot, actor, 'engine-client.created', id, async (trx) => {
        const { rows } = await sql`insert into engine_clients (id, client_id, name, scopes, secret_hash)
          values (${id}, ${storableText(clientId)}, ${storableText(name)}, ${[...scopes]}::text[], ${secretHash}) on conflict do nothing returning 1`.execute(
          trx,
        );
        return rows.length === 1 ? { clientId, scopes: scopes.join(' ') } : undefined;
      }),
    setClientSecret: (id, secretHash, actor) =>
      change(connection, boot, actor, 'engine-client.secret-rotated', id, async (trx) =>
        firstClient(
          await sql<{ clientId: string }>`update engine_clients set secret_hash = ${secretHash}, secret_set_at = now()
          where id = ${id}::uuid returning client_id as "clientId"`.execute(trx),
        ),
      ),
    removeClient: (id, actor) =>
      change(connection, boot, actor, 'engine-client.removed', id, async (trx) =>
        firstClient(await sql<{ clientId: string }>`delete from engine_clients where id = ${id}::uuid returning client_id as "clientId"`.execute(trx)),
      ),
  };
}

const firstClient = ({ rows }: { readonly rows: readonly { readonly clientId: string }[] }) => rows[0];

/** One commit with its audit row and the new epoch; nothing of it stays when `work` finds nothing to change. */
async function change(
  connection: Connection,
  boot: Boot,
  actor: string,
  action: string,
  id: string,
  work: (trx: Trx) => Promise<Readonly<Record<string, string>> | undefined>,
): Promise<boolean> {
  if (!isUuid(id)) return false;
  const changed = await changeConfig(connection, async (trx) => {
    const details = await work(trx);
    if (details !== undefined) await auditChange(trx, boot, systemContext(actor), action, `engine-client:${id}`, null, details);
    return ok(details !== undefined);
  });
  return changed.ok && changed.value;
}
