import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import t from 'tap';
import { run } from '../support/run.js';
import { type Exit, freePort, type RunningServer, type ServerOptions, spawnServer, startServer } from '../support/server.js';

/** The embedded database, also where the other journeys run on PostgreSQL: an empty setting counts as none. */
const embedded = { GATEHOUSE_DATABASE_URL: '' };
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Faults in the settings are found before anything is made. */
const neverMade = join(tmpdir(), `gatehouse-never-made-${process.pid}`);

interface Ended extends Exit {
  readonly output: string;
}

/** Runs a command of the program that is expected to end by itself. */
async function ended(options: ServerOptions): Promise<Ended> {
  const process = await spawnServer(options);
  const timer = setTimeout(() => void process.stop('SIGKILL'), 60_000);
  const exit = await process.exited;
  clearTimeout(timer);
  return { ...exit, output: process.output() };
}

function restart(before: { readonly dataDir: string }, env: Readonly<Record<string, string>> = {}): Promise<RunningServer> {
  return startServer({ dataDir: before.dataDir, env: { ...embedded, ...env } });
}

t.setTimeout(180_000);

t.test('the life of a server process on the embedded database', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-life-'));
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));
  const first = await startServer({ dataDir, env: embedded });
  t.teardown(() => first.stop('SIGKILL'));
  const { firstRun } = first;

  await t.test('the first start writes first-run.json for its owner alone, with what a device and an operator need', async (t) => {
    t.equal(statSync(join(dataDir, 'first-run.json')).mode & 0o777, 0o600);
    t.match(firstRun, {
      admin: { url: first.adminUrl, username: 'admin', password: /^\S{16,}$/, token: /^gh_\S{29,}$/ },
      ca: { subject: /CN=/, sha256: /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/, file: join(dataDir, 'ca.pem') },
      scep: { url: `${first.deviceUrl}/scep/demo`, challenge: /^[A-Za-z0-9]{22,32}$/ },
      cmp: {
        url: `${first.deviceUrl}/cmp/demo`,
        server: new URL(first.deviceUrl).host,
        path: 'cmp/demo',
        reference: /^\w+$/,
        secret: /^[A-Za-z0-9]{22,}$/,
        recipient: /^\/.*CN=/,
      },
    });
    t.ok(isAbsolute(firstRun.ca.file));
    t.equal(readFileSync(firstRun.ca.file, 'utf8').match(/BEGIN CERTIFICATE/g)?.length, 2, 'issuing CA and root');
  });

  await t.test('it prints the same once', async (t) => {
    for (const text of [firstRun.admin.password, firstRun.admin.token, firstRun.ca.sha256, firstRun.scep.challenge, firstRun.cmp.secret]) {
      t.ok(first.output().includes(text), text);
    }
  });

  await t.test('the listeners are apart: no protocol on the admin port, no API on the device port', async (t) => {
    const status = async (url: string, init?: RequestInit): Promise<number> => (await fetch(url, init)).status;
    t.equal(await status(`${first.deviceUrl}/healthz`), 200);
    t.equal(await status(`${first.adminUrl}/healthz`), 200);
    t.equal(await status(`${first.deviceUrl}/api/v1/orders`), 404);
    t.equal(await status(`${first.adminUrl}/scep/demo?operation=GetCACaps`), 404);
    t.equal(await status(`${first.adminUrl}/cmp/demo`, { method: 'POST', headers: { 'content-type': 'application/pkixcmp' }, body: 'x' }), 404);
    t.equal(await status(`${first.adminUrl}/api/v1/orders`), 401, 'without a token');
    t.equal((await first.api('/api/v1/orders')).status, 200);
    t.equal(await status(`${first.deviceUrl}/scep/unknown?operation=GetCACaps`), 404);
  });

  await t.test('a second process on the same data directory is refused with 75 and told who holds it', async (t) => {
    const second = await ended({ dataDir, env: embedded });
    t.equal(second.code, 75, second.output);
    t.match(second.output, new RegExp(`\\b${first.pid}\\b`));
    t.notMatch(second.output, /\n\s+at /, 'no stack');
    t.equal((await fetch(`${first.deviceUrl}/readyz`)).status, 200, 'the first one is unharmed');
  });

  await t.test('SIGTERM ends it with 0 and frees the data directory', async (t) => {
    const exit = await first.stop('SIGTERM');
    t.strictSame(exit, { code: 0, signal: null }, first.output());
  });

  await t.test('a later start prints no secrets, and everything is still there after kill -9', async (t) => {
    const second = await restart({ dataDir });
    t.notOk(second.output().includes(firstRun.admin.token));
    t.notOk(second.output().includes(firstRun.scep.challenge));
    const profiles = async (server: RunningServer): Promise<unknown> => (await server.api('/api/v1/scep-profiles')).json();
    t.match(await profiles(second), { items: [{ name: 'demo', endpointPath: 'demo', status: 'active' }] });
    await second.stop('SIGKILL');
    const third = await restart({ dataDir });
    t.match(await profiles(third), { items: [{ name: 'demo' }] });
    t.equal((await third.stop()).code, 0);
  });

  await t.test('a wrong master key is refused before anything is written', async (t) => {
    const wrong = await ended({ dataDir, env: { ...embedded, GATEHOUSE_MASTER_KEY: randomBytes(32).toString('base64') } });
    t.equal(wrong.code, 78, wrong.output);
    t.match(wrong.output, /master key/i);
    t.notMatch(wrong.output, /\n\s+at /, 'no stack');
  });

  await t.test('a database written by a newer version is refused', async (t) => {
    const addStep = async (sql: string): Promise<void> => {
      const database = await PGlite.create({ dataDir: join(dataDir, 'db') });
      await database.exec(sql);
      await database.close();
    };
    await addStep("insert into schema_migrations (name) values ('9999-from-the-future')");
    const refused = await ended({ dataDir, env: embedded });
    t.equal(refused.code, 78, refused.output);
    t.match(refused.output, /newer/);
    t.match(refused.output, /9999-from-the-future/);
    await addStep("delete from schema_migrations where name = '9999-from-the-future'");
  });

  await t.test('a taken port is named, with the setting that changes it', async (t) => {
    const port = await freePort();
    const other = createServer().listen(port, '127.0.0.1');
    t.teardown(() => other.close());
    const refused = await ended({ dataDir, env: { ...embedded, GATEHOUSE_LISTEN: `127.0.0.1:${port}` } });
    t.equal(refused.code, 1, refused.output);
    t.match(refused.output, `127.0.0.1:${port}`);
    t.match(refused.output, /GATEHOUSE_LISTEN/);
    t.notMatch(refused.output, /\n\s+at /, 'no stack');
  });

  t.end();
});

t.test('a data directory that cannot be made is named', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-file-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'file'), '');
  const refused = await ended({ dataDir: join(folder, 'file', 'data'), env: embedded });
  t.equal(refused.code, 73, refused.output);
  t.match(refused.output, join(folder, 'file', 'data'));
  t.match(refused.output, /GATEHOUSE_DATA_DIR/);
  const command = await ended({ dataDir: join(folder, 'file', 'data'), env: embedded, args: ['token', 'create', '--name', 'x'] });
  t.equal(command.code, 73, command.output);
  t.match(command.output, /^gatehouse: The data directory .*GATEHOUSE_DATA_DIR/, 'by the commands too, in one line');
});

/** All that a process printed besides the log's JSON lines. */
const spoken = (output: string): string[] => output.split('\n').filter((line) => line !== '' && !line.startsWith('{'));

t.test('what nobody foresaw at start is one line on standard error and a cause in the log, with exit code 1', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-unforeseen-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const starts = {
    thrown: "await serve(config.value, { wrapStore: () => { throw new Error('the floor\\n  is gone', { cause: new Error('the river') }); } });",
    'thrown beside the start':
      "setImmediate(() => { throw new Error('the floor\\n  is gone', { cause: new Error('the river') }); }); await serve(config.value);",
  };
  for (const [name, start] of Object.entries(starts)) {
    const script = `
      import { parseConfig } from './src/config.ts';
      import { serve } from './src/serve.ts';
      const config = parseConfig({ GATEHOUSE_DATA_DIR: ${JSON.stringify(join(folder, 'data'))}, GATEHOUSE_LISTEN: '127.0.0.1:0', GATEHOUSE_ADMIN_LISTEN: '127.0.0.1:0' });
      ${start}`;
    const ran = await run(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { cwd: root });
    t.equal(ran.code, 1, name);
    t.equal(ran.stderr, 'gatehouse: the floor is gone\n', name);
    t.match(ran.stdout, /"level":60.*the river/, name);
  }
});

t.test('a command that breaks says so in one line', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-broken-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'file'), '');
  const env = { ...embedded, GATEHOUSE_DATA_DIR: join(folder, 'file', 'data') };
  const broken = await ended({ dataDir: join(folder, 'file', 'data'), env, args: ['token', 'create', '--name', 'x'] });
  t.equal(broken.code, 73, broken.output);
  t.match(spoken(broken.output), [/^gatehouse: .*ENOTDIR/]);
  t.equal(spoken(broken.output).length, 1, broken.output);
});

t.test('a variable that is no setting is named at start and by doctor, and nothing fails for it', async (t) => {
  const env = { ...embedded, GATEHOUSE_LISTN: '127.0.0.1:1', GATEHOUSE_SERVICE_HOST: '10.0.0.1' };
  const server = await startServer({ env });
  t.teardown(() => server.dispose());
  const warning = server
    .output()
    .split('\n')
    .find((line) => line.includes('GATEHOUSE_LISTN'));
  t.match(JSON.parse(warning ?? '{}'), { level: 40, variables: ['GATEHOUSE_LISTN'] });
  const doctor = await ended({ dataDir: server.dataDir, env, args: ['doctor'] });
  t.match(doctor.output, /warn +Settings +GATEHOUSE_LISTN is no setting/);
});

t.test('production mode without settings lists every fault and ends with 78', async (t) => {
  const refused = await ended({ dataDir: neverMade, env: { ...embedded, GATEHOUSE_MODE: 'production' } });
  t.equal(refused.code, 78, refused.output);
  t.notOk(existsSync(neverMade));
  for (const name of ['GATEHOUSE_DATABASE_URL', 'GATEHOUSE_MASTER_KEY', 'GATEHOUSE_ADMIN_URL']) t.match(refused.output, name);
});

t.test('wrong settings are listed all at once', async (t) => {
  const env = { ...embedded, GATEHOUSE_LISTEN: 'nowhere', GATEHOUSE_LOG_LEVEL: 'loud', GATEHOUSE_MASTER_KEY: 'short' };
  const refused = await ended({ dataDir: neverMade, env });
  t.equal(refused.code, 78, refused.output);
  for (const name of ['GATEHOUSE_LISTEN', 'GATEHOUSE_LOG_LEVEL', 'GATEHOUSE_MASTER_KEY']) t.match(refused.output, name);
  t.notMatch(refused.output, 'short', 'a secret is not repeated');
});

t.test('bin/gatehouse.js without a built server says what to do', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bin-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  copyFileSync(join(root, 'bin/gatehouse.js'), join(folder, 'bin/gatehouse.js'));
  const ran = await run(process.execPath, [join(folder, 'bin/gatehouse.js')]);
  t.equal(ran.code, 1);
  t.match(ran.stderr, /not built.*npm ci/s);
});
