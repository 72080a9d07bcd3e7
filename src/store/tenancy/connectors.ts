import { type Selectable, sql } from 'kysely';
import { fail, ok } from '../../runtime/result.js';
import type { Sealer } from '../../runtime/seal.js';
import type { Secret } from '../../runtime/secret.js';
import type { Connector } from '../../tenancy/connector.js';
import type { Context } from '../../tenancy/context.js';
import type { ConnectorStore } from '../../tenancy/ports.js';
import type { Boot } from '../audit.js';
import { type Connection, type Executor, firstOf } from '../connection/connection.js';
import { rulesThrough } from '../notifications/rules.js';
import { allOf, readPage, searched, versionedSorts } from '../page.js';
import { equals, equalsId, visibleTo } from '../scope.js';
import { openText, sealText } from '../sealed.js';
import type { ConnectorSecretsTable, ConnectorsTable } from '../tables.js';
import { storableJson } from '../text.js';
import { auditChange, changeConfig, changedFields, standingAt, type Trx, type Written } from './config-change.js';

type ConnectorRow = Selectable<ConnectorsTable>;
type SecretRow = Selectable<ConnectorSecretsTable>;
type Changed = Parameters<ConnectorStore['update']>[3];

/** `without-secrets`: as a node that only serves devices may see them, whose database user cannot read the secrets; such a store finds and lists. */
export function connectorStore(connection: Connection, boot: Boot, sealer: Sealer, sight: 'whole' | 'without-secrets' = 'whole'): ConnectorStore {
  const complete = (rows: readonly ConnectorRow[]) =>
    sight === 'whole' ? withSecrets(connection.kysely, sealer, rows) : rows.map((row) => toConnector(row, [], sealer));
  return {
    create: (context, { secrets, config, ...connector }) =>
      changeConfig(connection, async (trx) => {
        const values = { ...connector, tenant_id: context.tenantId, config: storableJson(config) };
        await trx.insertInto('connectors').values(values).execute();
        await writeSecrets(trx, sealer, context.tenantId, connector.id, secrets);
        const details = { name: connector.name, type: connector.type };
        await auditChange(trx, boot, context, 'connector.created', `connector:${connector.id}`, context.tenantId, details);
        return ok((await read(trx, sealer, context, connector.id)) as Connector);
      }),
    find: async (context, id) => (await complete(await standingRows(connection.kysely, context, id)))[0],
    list: async (context, query) => {
      const page = await readPage<ConnectorRow, ConnectorRow>(connection, listing(context, query), query, (row) => row);
      return { ...page, items: await complete(page.items) };
    },
    update: (context, id, version, change) => changeConfig(connection, (trx) => update(trx, boot, sealer, context, id, version, change)),
    remove: (context, id, version) => changeConfig(connection, (trx) => remove(trx, boot, context, id, version)),
    summary: (context) => summary(connection, context),
  };
}

function listing(context: Context, query: Parameters<ConnectorStore['list']>[1]) {
  return {
    select: sql`c.*`,
    from: sql`connectors c join tenants t on t.id = c.tenant_id`,
    where: [
      ...visibleTo(context, sql`c.tenant_id`),
      ...equalsId(sql`c.tenant_id`, query.tenantId),
      ...equals(sql`c.status`, query.status),
      ...equals(sql`c.type`, query.type),
      ...searched(query.q, sql`c.name`, sql`c.type`, sql`t.name`),
    ],
    sorts: {
      ...versionedSorts('c'),
      type: { by: sql`c.type`, type: 'text' },
    },
    defaultSort: '-createdAt',
    id: sql`c.id`,
  } as const;
}

async function read(executor: Executor, sealer: Sealer, context: Context, id: string): Promise<Connector | undefined> {
  return (await withSecrets(executor, sealer, await standingRows(executor, context, id)))[0];
}

async function standingRows(executor: Executor, context: Context, id: string): Promise<readonly ConnectorRow[]> {
  const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`id`, id)]);
  return (await sql<ConnectorRow>`select * from connectors where ${where}`.execute(executor)).rows;
}

async function withSecrets(executor: Executor, sealer: Sealer, connectors: readonly ConnectorRow[]): Promise<readonly Connector[]> {
  if (connectors.length === 0) return [];
  const ids = connectors.map(({ id }) => id);
  const secrets = await executor.selectFrom('connector_secrets').selectAll().where('connector_id', 'in', ids).execute();
  return connectors.map((row) =>
    toConnector(
      row,
      secrets.filter((secret) => secret.connector_id === row.id),
      sealer,
    ),
  );
}

const place = (tenantId: string, connectorId: string, name: string) =>
  ({ table: 'connector_secrets', column: 'ciphertext', tenantId, rowId: `${connectorId}/${name}` }) as const;

/** Absent names keep their value, null clears. */
async function writeSecrets(trx: Trx, sealer: Sealer, tenantId: string, connectorId: string, secrets: Readonly<Record<string, Secret | null>>): Promise<void> {
  for (const [name, secret] of Object.entries(secrets)) {
    await trx.deleteFrom('connector_secrets').where('connector_id', '=', connectorId).where('name', '=', name).execute();
    if (secret === null) continue;
    const ciphertext = sealText(sealer, secret, place(tenantId, connectorId, name));
    await trx.insertInto('connector_secrets').values({ connector_id: connectorId, name, tenant_id: tenantId, ciphertext }).execute();
  }
}

async function update(
  trx: Trx,
  boot: Boot,
  sealer: Sealer,
  context: Context,
  id: string,
  version: number | null,
  { secrets = {}, config, ...change }: Changed,
): Promise<Written<Connector>> {
  const found = standingAt(await read(trx, sealer, context, id), version);
  if (!found.ok) return found;
  const standing = found.value;
  const next = { ...change, ...(config === undefined ? {} : { config: storableJson(config) }), version: standing.version + 1, updated_at: new Date() };
  await trx.updateTable('connectors').set(next).where('id', '=', id).execute();
  await writeSecrets(trx, sealer, standing.tenantId, id, secrets);
  const fields = [...changedFields({ ...change, config }), ...Object.keys(secrets)];
  await auditChange(trx, boot, context, 'connector.updated', `connector:${id}`, standing.tenantId, { fields });
  return ok((await read(trx, sealer, context, id)) as Connector);
}

async function remove(trx: Trx, boot: Boot, context: Context, id: string, version: number): Promise<Written<true>> {
  const found = standingAt((await standingRows(trx, context, id))[0], version);
  if (!found.ok) return found;
  const standing = found.value;
  const profiles = await trx.selectFrom('profiles').select(['id', 'name', 'protocol']).where('connector_id', '=', id).orderBy('name').limit(100).execute();
  const usedBy = [...profiles.map((profile) => ({ ...profile, type: `${profile.protocol}-profile` })), ...(await rulesThrough(trx, id))];
  if (usedBy.length > 0) return fail({ kind: 'in-use', usedBy });
  await trx.deleteFrom('connectors').where('id', '=', id).execute();
  await auditChange(trx, boot, context, 'connector.removed', `connector:${id}`, standing.tenant_id, { name: standing.name });
  return ok(true);
}

/** Active ones are those that are switched on and not down. */
async function summary(connection: Connection, context: Context): ReturnType<ConnectorStore['summary']> {
  const counted = sql<Awaited<ReturnType<ConnectorStore['summary']>>>`select
    count(distinct c.tenant_id) as "totalTenants", count(*) as "totalConnectors",
    count(*) filter (where c.status = 'active' and h.state is distinct from 'DOWN') as "activeConnectors"
    from connectors c left join connector_health h on h.connector_id = c.id where ${allOf(visibleTo(context, sql`c.tenant_id`))}`;
  return (await firstOf(connection, counted)) ?? { totalTenants: 0, totalConnectors: 0, activeConnectors: 0 };
}

function toConnector(row: ConnectorRow, secrets: readonly SecretRow[], sealer: Sealer): Connector {
  const opened = secrets.map(({ name, ciphertext, updated_at }) => {
    const value = openText(sealer, ciphertext, place(row.tenant_id, row.id, name));
    return [name, { value, updatedAt: updated_at }] as const;
  });
  return {
    id: row.id,
    tenantId: row.tenant_id,
    type: row.type,
    name: row.name,
    description: row.description,
    status: row.status,
    config: row.config,
    secrets: Object.fromEntries(opened),
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
