import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { generateRsaKey, ScepClient } from '../../src/device-client/scep.js';
import { nameFromText } from '../../src/pkix/index.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { program } from '../support/program.js';
import { run } from '../support/run.js';
import { type RunningServer, startServer } from '../support/server.js';

t.setTimeout(290_000);

async function enrol(server: RunningServer, commonName: string): Promise<string> {
  const subject = nameFromText(`CN=${commonName}`);
  if (!subject.ok) throw new Error('no name');
  const client = new ScepClient({ url: `${server.deviceUrl}/scep/demo` });
  const challenge = (JSON.parse(readFileSync(join(server.dataDir, 'first-run.json'), 'utf8')) as { scep: { challenge: string } }).scep.challenge;
  const enrolled = await client.enrol({ key: generateRsaKey(), subject: subject.value, challenge, transactionId: commonName });
  return enrolled.ok ? enrolled.value.kind : JSON.stringify(enrolled.error);
}

async function subjects(server: RunningServer): Promise<readonly string[]> {
  const { items } = (await (await server.api('/api/v1/orders?sort=createdAt')).json()) as { items: { subject: string }[] };
  return items.map(({ subject }) => subject);
}

/** What holds of an installation that came back: everything of before is there, nothing of after, and it goes on. */
async function goesOn(t: Test, restored: RunningServer): Promise<void> {
  t.same(await subjects(restored), ['CN=before'], 'what was enrolled after the backup is gone');
  t.equal(await enrol(restored, 'after'), 'issued', 'a device that asks again gets its certificate; secrets and keys open');
  const { items } = (await (await restored.api('/api/v1/audit-checkpoints')).json()) as { items: unknown[] };
  t.ok(items.length > 0);
  t.equal((await restored.stop()).code, 0);
}

t.test('a backup by pg_dump is restored by pg_restore, and the trail in it verifies', async (t) => {
  const database = await createDatabase();
  if (database === undefined) return t.comment('TEST_DATABASE_URL is not set: left out');
  const fresh = (await createDatabase()) as TestDatabase;
  const dataDir = t.testdir({});
  const server = await startServer({ dataDir, env: { GATEHOUSE_DATABASE_URL: database.url } });
  t.teardown(async () => {
    await server.stop();
    await Promise.all([database.drop(), fresh.drop()]);
  });
  t.equal(await enrol(server, 'before'), 'issued');
  const dump = join(dataDir, 'gatehouse.dump');
  const dumped = await run('pg_dump', ['--format=custom', '--file', dump, database.url]);
  t.equal(dumped.code, 0, dumped.output);
  t.equal(await enrol(server, 'after'), 'issued');
  await server.stop();
  const back = await run('pg_restore', ['--clean', '--if-exists', '--no-owner', '--dbname', fresh.url, dump]);
  t.equal(back.code, 0, back.output);
  const restored = await startServer({ dataDir, env: { GATEHOUSE_DATABASE_URL: fresh.url } });
  t.teardown(() => restored.stop());
  await goesOn(t, restored);
  const verified = await run(process.execPath, [...program, 'audit', 'verify'], { env: { GATEHOUSE_DATA_DIR: dataDir, GATEHOUSE_DATABASE_URL: fresh.url } });
  t.equal(verified.code, 0, verified.output);
});

t.test('a copy of the data directory brings an embedded database back', async (t) => {
  const folder = t.testdir({ first: {}, copy: {} });
  const env = { GATEHOUSE_DATABASE_URL: '' };
  const server = await startServer({ dataDir: join(folder, 'first'), env });
  t.teardown(() => server.stop());
  t.equal(await enrol(server, 'before'), 'issued');
  t.equal((await server.stop()).code, 0);
  cpSync(join(folder, 'first'), join(folder, 'copy'), { recursive: true });
  const again = await startServer({ dataDir: join(folder, 'first'), env });
  t.teardown(() => again.stop());
  t.equal(await enrol(again, 'after'), 'issued');
  await again.stop();
  const restored = await startServer({ dataDir: join(folder, 'copy'), env });
  t.teardown(() => restored.stop());
  await goesOn(t, restored);
});
