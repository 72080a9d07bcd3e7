import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import t, { type Test } from 'tap';
import { enrolByCmp, secretCredential } from '../../src/device-client/cmp.js';
import { certificateCredential } from '../../src/device-client/cmp-credentials.js';
import { revocationOf, revokeByCmp } from '../../src/device-client/cmp-revocation.js';
import { newDeviceKey } from '../../src/device-client/device-key.js';
import { generateRsaKey, ScepClient } from '../../src/device-client/scep.js';
import { type Certificate, nameFromText, serialHex } from '../../src/pkix/index.js';
import type { Result } from '../../src/runtime/result.js';
import { closedToDevices } from '../../src/store/device-role.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { startFakeEjbca } from '../support/ejbca/index.js';
import { run } from '../support/run.js';
import { untilCmpServed, untilScepServed } from '../support/served.js';
import { freePort, type RunningServer, type ServerProcess, spawnServer, startServer } from '../support/server.js';

t.setTimeout(900_000);

const root = fileURLToPath(new URL('../..', import.meta.url));
const challenge = 'open-sesame-for-all';

function must<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 1_200; tries += 1) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(200);
  }
  throw new Error(`${what}: it did not happen within four minutes`);
}

async function post<T>(server: RunningServer, path: string, body: object): Promise<T> {
  const answer = await server.api(`/api/v1${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

async function scepCertificate(url: string, subject: string, challenge: string): Promise<Certificate> {
  const client = new ScepClient({ url });
  let outcome = must(await client.enrol({ key: generateRsaKey(), subject: must(nameFromText(subject)), challenge }));
  while (outcome.kind === 'pending') {
    await sleep(500);
    outcome = must(await client.poll(outcome.pending));
  }
  if (outcome.kind !== 'issued') throw new Error(JSON.stringify(outcome));
  return outcome.certificate;
}

/** A database with a user of its own for device nodes, made by the file that administrators run. */
async function prepared(t: Test, database: TestDatabase) {
  const device = `gh_${randomBytes(6).toString('hex')}`;
  const file = join(root, 'deploy/postgresql/device-role.sql');
  for (const time of ['once', 'and again']) {
    const ran = await run('psql', ['-q', '-v', `device=${device}`, '-f', file, database.url]);
    t.equal(ran.code, 0, `deploy/postgresql/device-role.sql, ${time}: ${ran.output}`);
  }
  const url = new URL(database.url);
  [url.username, url.password] = [device, 'a password'];
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  await admin.query(`alter role ${device} password 'a password'`);
  const dropUser = async () => {
    await admin.query(`drop owned by ${device}`).catch(() => undefined);
    await admin.query(`revoke connect on database ${new URL(database.url).pathname.slice(1)} from ${device}`);
    await admin.query(`drop role ${device}`);
    await admin.end();
  };
  return { url: url.href, dropUser };
}

async function untilDevicesAreServed(server: ServerProcess): Promise<void> {
  let hasExited = false;
  void server.exited.then(() => {
    hasExited = true;
  });
  await until('the device node', async () => {
    if (hasExited) throw new Error(server.output());
    const answer = await fetch(`${server.deviceUrl}/readyz`).catch(() => undefined);
    return answer?.ok === true ? true : undefined;
  });
}

t.test('a node that only serves devices does so as a database user that reads no secrets of connectors, users, sessions or tokens', async (t) => {
  const database = await createDatabase();
  if (database === undefined) return t.pass('TEST_DATABASE_URL is not set: the embedded database has no users');
  const { url, dropUser } = await prepared(t, database);
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-device-only-'));
  const listen = `127.0.0.1:${await freePort()}`;
  const deviceUrl = `http://${listen}`;
  const both = { GATEHOUSE_DEVICE_URL: deviceUrl, GATEHOUSE_PROCESSES: '1' };
  const outer = { dataDir, env: { ...both, GATEHOUSE_DATABASE_URL: url, GATEHOUSE_LISTEN: listen, GATEHOUSE_ROLES: 'device' } };

  const early = await spawnServer({ ...outer, env: { ...outer.env, GATEHOUSE_DATABASE_URL: database.url } });
  t.same((await early.exited).code, 75, 'it prepares no database');
  t.match(early.output(), /a node that only serves devices makes nothing there/);

  const fake = await startFakeEjbca();
  const inner = await startServer({ dataDir, env: { ...both, GATEHOUSE_DATABASE_URL: database.url } });
  const node = await spawnServer(outer);
  t.teardown(async () => {
    await node.stop();
    await inner.dispose();
    await fake.stop();
    await dropUser();
    await database.drop();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await untilDevicesAreServed(node);

  await t.test('the database closes to it what is none of its business', async (t) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    t.teardown(() => client.end());
    const codeOf = (text: string) =>
      client.query(text).then(
        () => 'done',
        (error: { code?: string }) => error.code,
      );
    for (const table of ['connector_secrets', 'users', 'sessions', 'api_tokens']) t.equal(await codeOf(`select * from ${table}`), '42501', table);
    for (const table of closedToDevices) t.equal(await codeOf(`select 1 from ${table}`), '42501', table);
    for (const change of ['update connectors set name = name', 'delete from profiles', 'insert into settings values (1, 2)', 'create table here (a int)'])
      t.equal(await codeOf(change), '42501', change);
    t.ok((await client.query('select * from connectors')).rows.length > 0, 'row-level security hides nothing that is granted');
  });

  await t.test('doctor says that all is well, and of the other user that it may read too much', async (t) => {
    const doctor = async (settings: object) => {
      const asked = await spawnServer({ dataDir, env: { ...outer.env, ...settings }, args: ['doctor'] });
      await asked.exited;
      return asked.output();
    };
    t.match(await doctor({}), /ok {4}Database user +reads what serving devices needs, and no secrets/);
    t.match(
      await doctor({ GATEHOUSE_DATABASE_URL: database.url }),
      /warn {2}Database user +may read or change connector_secrets, users, sessions, api_tokens and \d+ more/,
    );
  });

  await t.test('the engine inside issues', async (t) => {
    const { scep } = inner.firstRun;
    const certificate = await scepCertificate(scep.url, 'CN=inside', scep.challenge);
    t.ok(certificate.serial.length > 0);
    t.equal(scep.url, `${deviceUrl}/scep/demo`, 'from the node that serves devices');
  });

  await t.test('a CA outside is called by the node inside, for SCEP, CMP and revocation', async (t) => {
    const { url: connectorUrl, trustedCa, pfx, pfxPassword } = fake;
    const names = { caName: 'IssuingCA', endEntityProfile: 'Devices', certificateProfile: 'DeviceTLS' };
    const config = { connectorUrl, ...names, trustedCa, pfx: pfx.good, pfxPassword };
    const { id: connectorId } = await post<{ id: string }>(inner, '/connectors', { type: 'ejbca', name: 'Corporate CA', config });
    const { serverUrl } = await post<{ serverUrl: string }>(inner, '/scep-profiles', { name: 'Outside', connectorId, challengePassword: challenge });
    await untilScepServed(serverUrl);
    const { authorities } = must(await new ScepClient({ url: serverUrl }).certificates());
    const first = await scepCertificate(serverUrl, 'CN=outside-by-scep', challenge);
    t.ok(
      authorities.some(({ subject }) => subject.der.equals(first.issuer.der)),
      'GetCACert shows the chain that the node inside has seen',
    );

    const made = await post<{ cmpUrl: string; credentials: { reference: string; secret: string } }>(inner, '/cmp-profiles', { name: 'Outside', connectorId });
    await untilCmpServed(made.cmpUrl);
    const { reference, secret } = made.credentials;
    const common = { url: made.cmpUrl, recipient: authorities[0]?.subject ?? first.issuer, trusted: authorities, timeoutMs: 300_000 };
    const key = must(newDeviceKey('P-256'));
    const subject = must(nameFromText('CN=outside-by-cmp'));
    const bySecret = { ...common, credential: secretCredential(reference, Buffer.from(secret)) };
    const { certificate } = must(await enrolByCmp({ ...bySecret, type: 'ir', newKey: key.signer ?? key, subject }));
    t.ok(certificate.issuer.der.equals(first.issuer.der));

    const credential = must(certificateCredential(certificate, authorities, key));
    const revoked = await until('an answer signed by the RA key', async () => {
      const answer = await revokeByCmp({ ...common, credential }, [revocationOf(certificate, 1)]);
      return answer.ok || answer.error.kind !== 'http' ? answer : undefined;
    });
    must(revoked);
    const serial = serialHex(certificate.serial);
    await until('the revocation', async () =>
      (await fake.issued()).some((item) => item.serial === serial && item.revokedAt !== undefined) ? true : undefined,
    );
  });
  t.notMatch(node.output(), /permission denied|42501/, 'nothing was refused to it meanwhile');
});
