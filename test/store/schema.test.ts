import { readFileSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { migrations } from '../../migrations/index.js';
import { engineCaStates } from '../../src/crypto-engine/ports.js';
import { operations, orderStates } from '../../src/enrolment/order.js';
import { mailStates } from '../../src/notification/ports.js';
import { createLog } from '../../src/runtime/log.js';
import type { Connection } from '../../src/store/connection/connection.js';
import { connectPglite } from '../../src/store/connection/pglite.js';
import { connectPostgres } from '../../src/store/connection/postgres.js';
import { migrate } from '../../src/store/migrate.js';
import { connectorTypes } from '../../src/tenancy/connector.js';
import { raKeyOrigins, raKeyStates, raKeyUsages } from '../../src/tenancy/credentials.js';
import { roles } from '../../src/tenancy/ports.js';
import { challengeModes, protocols, statuses } from '../../src/tenancy/profile.js';
import { createDatabase } from '../support/database.js';
import { schemaText } from '../support/schema-text.js';

t.setTimeout(600_000);

const golden = new URL('../../migrations/schema.sql', import.meta.url);

async function migratedText(t: Test, connection: Connection): Promise<string> {
  t.same(await migrate(connection), { ok: true, value: true });
  t.same(await migrate(connection), { ok: true, value: true }, 'a second run changes nothing');
  return schemaText(connection);
}

t.test('migrations/schema.sql is what the migrations make (UPDATE_SCHEMA=1 writes it)', async (t) => {
  const connection = await connectPglite('memory://');
  t.teardown(connection.close);
  const text = await migratedText(t, connection);
  if (process.env.UPDATE_SCHEMA === '1') writeFileSync(golden, text);
  t.equal(text, readFileSync(golden, 'utf8'));
});

t.test('PostgreSQL gets the same schema, also when several nodes start at once', async (t) => {
  const database = await createDatabase();
  if (database === undefined) return t.pass('TEST_DATABASE_URL is not set');
  const options = { databaseUrl: database.url, applicationName: 'test', poolSize: 4, log: createLog('fatal') };
  const nodes = [connectPostgres(options), connectPostgres(options), connectPostgres(options)];
  t.teardown(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await database.drop();
  });
  await Promise.all(nodes.map((node) => migrate(node)));
  t.equal(await schemaText(nodes[0] as Connection), readFileSync(golden, 'utf8'));
});

t.test('every closed set stands in the schema as it stands in the code', async (t) => {
  const text = readFileSync(golden, 'utf8');
  const valuesOf = (constraint: string) => {
    const [line = ''] = text.match(new RegExp(`CONSTRAINT ${constraint} .*`)) ?? [];
    return [...line.matchAll(/'([^']+)'::text/g)].map(([, value]) => value).sort();
  };
  const sets = {
    orders_state_check: orderStates,
    orders_operation_check: operations,
    orders_protocol_check: protocols,
    connectors_type_check: connectorTypes,
    connectors_status_check: statuses,
    profiles_protocol_check: protocols,
    profiles_challenge_mode_check: challengeModes,
    ra_keys_state_check: raKeyStates,
    engine_cas_state_check: engineCaStates,
    ra_keys_usage_check: raKeyUsages,
    ra_keys_origin_check: raKeyOrigins,
    users_role_check: roles,
    api_tokens_role_check: roles,
    mails_state_check: mailStates,
    notification_rules_status_check: statuses,
    notification_connectors_state_check: ['up', 'down'],
  };
  for (const [constraint, values] of Object.entries(sets)) t.same(valuesOf(constraint), [...values].sort(), constraint);
});

t.test('every constraint has a name of ours, every table of a tenant its tenant_id, and every migration its number', async (t) => {
  const text = readFileSync(golden, 'utf8');
  const ownedByServer = [
    'audit_boots',
    'audit_checkpoints',
    'audit_keys',
    'audit_runs',
    'audit_sealed',
    'audit_tiles',
    'config_epoch',
    'connector_circuits',
    'engine_cas',
    'engine_certificates',
    'engine_clients',
    'engine_crl_numbers',
    'engine_ocsp_signers',
    'schema_migrations',
    'settings',
    'sign_in_limits',
    'tenants',
  ];
  for (const [, table = '', body = ''] of text.matchAll(/CREATE TABLE (\w+) \(([\s\S]*?)\n\);/g)) {
    t.equal(body.includes('tenant_id uuid'), !ownedByServer.includes(table), table);
    for (const [, constraint = ''] of body.matchAll(/CONSTRAINT (\w+)/g)) t.ok(constraint.startsWith(table), constraint);
  }
  const numbers = migrations.map(({ name }) => Number(/^(\d{4})-/.exec(name)?.[1]));
  t.same(
    numbers,
    [...new Set(numbers)].sort((left, right) => left - right),
    'each number once, in order',
  );
});
