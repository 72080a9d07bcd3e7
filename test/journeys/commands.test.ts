import { existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { needs } from '../support/clients.js';
import { createDatabase } from '../support/database.js';
import { openBench } from '../support/openssl.js';
import { program } from '../support/program.js';
import { type Ran, run } from '../support/run.js';
import { type RunningServer, startServer } from '../support/server.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const isEmbedded = (process.env.TEST_DATABASE_URL ?? '') === '';

t.setTimeout(180_000);

t.test('the commands beside a server', async (t) => {
  const database = await createDatabase();
  const server: RunningServer = await startServer({ env: { GATEHOUSE_DATABASE_URL: database?.url ?? '' } });
  const bench = openBench();
  t.teardown(async () => {
    bench.remove();
    await server.dispose();
    await database?.drop();
  });
  const settings = {
    GATEHOUSE_DATA_DIR: server.dataDir,
    GATEHOUSE_DATABASE_URL: database?.url ?? '',
    GATEHOUSE_LISTEN: new URL(server.deviceUrl).host,
    GATEHOUSE_ADMIN_LISTEN: new URL(server.adminUrl).host,
  };
  const gatehouse = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
    run(process.execPath, [...program, ...args], { cwd: bench.dir, env: { ...settings, ...env } });
  const createToken = (): Promise<Ran> => gatehouse(['token', 'create', '--name', 'from the test', '--role', 'viewer']);

  await t.test('says which version it is', async (t) => {
    const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string };
    t.equal((await gatehouse(['--version'])).stdout.trim(), version);
  });

  await t.test('doctor finds a running server well', async (t) => {
    const ran = await gatehouse(['doctor']);
    t.equal(ran.code, 0, ran.output);
    t.match(ran.stdout, /ok +Device port .* answered by a running Gatehouse/);
    t.match(ran.stdout, /ok +Admin port .* answered by a running Gatehouse/);
    t.match(ran.stdout, /ok +RA certificate +profile demo: valid until/);
    t.match(ran.stdout, isEmbedded ? /held by the running server \(process/ : /ok +Schema/);
    t.match(ran.stdout, /0 failed/);
  });

  await t.test('report tells auditors who may do what, and which dangerous settings are in force', async (t) => {
    const access = await gatehouse(['report', 'access']);
    t.equal(access.code, 0, access.output);
    t.match(access.stdout, /^user +admin +superadmin +every +active +never +never-used administers every-tenant no-second-factor$/m);
    const switches = await gatehouse(['report', 'switches', '--json']);
    t.match(JSON.parse(switches.stdout), { items: [{ kind: 'installation', setting: 'GATEHOUSE_MODE', value: 'dev' }] });
    bench.write('wrong', 'gh_wrong');
    const refused = await gatehouse(['report', 'access', '--token-file', 'wrong']);
    t.equal(refused.code, 1);
    t.match(refused.stderr, /HTTP 401/);
  });

  await t.test('enrol scep gets a certificate and renews it', async (t) => {
    const { url, challenge } = server.firstRun.scep;
    bench.write('challenge', `${challenge}\n`);
    const first = await gatehouse([
      'enrol',
      'scep',
      '--url',
      url,
      '--challenge-file',
      'challenge',
      '--subject',
      'CN=smoke',
      '--san',
      'smoke.example',
      '--out',
      'smoke',
    ]);
    t.equal(first.code, 0, first.output);
    t.equal(statSync(bench.file('smoke.key')).mode & 0o777, 0o600);
    const renewal = await gatehouse([
      'enrol',
      'scep',
      '--url',
      url,
      '--subject',
      'CN=smoke',
      '--san',
      'smoke.example',
      '--renew',
      'smoke.pem',
      '--renew-key',
      'smoke.key',
      '--out',
      'smoke-2',
    ]);
    t.equal(renewal.code, 0, renewal.output);
    t.not(bench.read('smoke-2.pem'), bench.read('smoke.pem'));
    const again = await gatehouse(['enrol', 'scep', '--url', url, '--challenge-file', 'challenge', '--subject', 'CN=smoke', '--out', 'smoke']);
    t.equal(again.code, 64, 'an existing key is never overwritten');
    const pinned = await gatehouse([
      'enrol',
      'scep',
      '--url',
      url,
      '--challenge-file',
      'challenge',
      '--subject',
      'CN=p',
      '--out',
      'p',
      '--ca-sha256',
      '00'.repeat(32),
    ]);
    t.equal(pinned.code, 1);
    t.match(pinned.stderr, /fingerprint/);
    const refused = await gatehouse(['enrol', 'scep', '--url', url, '--challenge', 'wrong', '--subject', 'CN=refused', '--out', 'refused']);
    t.equal(refused.code, 1);
    t.match(refused.stderr, /Refused: badRequest/);
    t.notOk(existsSync(bench.file('refused.key')), 'nothing is left behind');
  });

  await t.test('enrol cmp gets a certificate and updates it', async (t) => {
    const { url, reference, secret } = server.firstRun.cmp;
    const first = await gatehouse(['enrol', 'cmp', '--url', url, '--reference', reference, '--secret', secret, '--subject', 'CN=cmp-smoke', '--out', 'cmp']);
    t.equal(first.code, 0, first.output);
    const signed = ['--cert', 'cmp.pem', '--cert-key', 'cmp.key', '--trusted', server.firstRun.ca.file];
    const update = await gatehouse(['enrol', 'cmp', '--url', url, ...signed, '--key-type', 'P-384', '--out', 'cmp-2']);
    t.equal(update.code, 0, update.output);
    const refused = await gatehouse(['enrol', 'cmp', '--url', url, '--reference', reference, '--secret', 'wrong', '--subject', 'CN=x', '--out', 'x']);
    t.equal(refused.code, 1);
    t.match(refused.stderr, /badMessageCheck/);
    const nobody = await gatehouse([
      'enrol',
      'cmp',
      '--url',
      'http://127.0.0.1:1/cmp/demo',
      '--reference',
      'r',
      '--secret',
      's',
      '--subject',
      'CN=x',
      '--out',
      'x',
    ]);
    t.equal(nobody.code, 1);
    t.match(nobody.stderr, /could not be asked/);
    t.equal((await gatehouse(['enrol', 'cmp', '--url', url, '--subject', 'CN=x', '--out', 'x'])).code, 64, 'without a credential');
  });

  await t.test('token create: on PostgreSQL at any time, on the embedded database 75 while a server holds it', async (t) => {
    const ran = await createToken();
    t.equal(ran.code, isEmbedded ? 75 : 0, ran.output);
    if (isEmbedded) t.match(ran.stderr, /in use by process/);
    else t.equal(await statusWith(server, ran.stdout.trim()), 200);
    const rows: readonly (readonly [readonly string[], RegExp])[] = [
      [['--permission', 'no:such'], /--permission must be one of tenant:read/],
      [['--role', 'viewer', '--permission', 'order:read', 'user:write'], /The role viewer does not have user:write/],
      [['--role', 'auditor', '--tenant', 'default', '--permission', 'audit:export'], /The role auditor of one tenant does not have audit:export/],
    ];
    for (const [options, said] of rows) {
      const refused = await gatehouse(['token', 'create', '--name', 'x', ...options]);
      t.equal(refused.code, 64, refused.output);
      t.match(refused.stderr, said);
    }
  });

  await t.test('the commands of the README work when pasted', needs('openssl', 'pki --scep'), async (t) => {
    symlinkSync(server.dataDir, bench.file('data'));
    symlinkSync(`${root}bin`, bench.file('bin'));
    const blocks = journeysOf(readFileSync(`${root}README.md`, 'utf8'));
    t.strictSame([...blocks.keys()], ['values', 'openssl', 'strongswan', 'gatehouse', 'api']);
    for (const name of ['openssl', 'strongswan', 'gatehouse', 'api']) {
      const ran = await run('bash', ['-euo', 'pipefail', '-c', `${blocks.get('values')}\n${blocks.get(name)}`], { cwd: bench.dir });
      t.equal(ran.code, 0, ran.output);
    }
    for (const file of ['device.pem', 'device-new.pem', 'vpn.pem', 'sensor-1.pem', 'sensor-2.pem']) {
      t.equal((await bench.openssl('verify', '-CAfile', server.firstRun.ca.file, file)).code, 0, file);
    }
  });

  await t.test('after the server has stopped: doctor, migrate and token create work on its data', async (t) => {
    t.equal((await server.stop()).code, 0);
    const doctor = await gatehouse(['doctor']);
    t.equal(doctor.code, 0, doctor.output);
    t.match(doctor.stdout, /ok +Master key +fits the database/);
    const migrate = await gatehouse(['migrate']);
    t.equal(migrate.code, 0, migrate.output);
    t.match(migrate.stdout, /Nothing to do: the schema is at \d{4}-/);
    const token = await createToken();
    t.equal(token.code, 0, token.output);
    t.match(token.stdout, /^gh_\S{29,}\n$/, 'the token alone, for scripts');
    const narrow = await gatehouse(['token', 'create', '--name', 'narrow', '--role', 'auditor', '--permission', 'audit:read', 'order:read']);
    t.equal(narrow.code, 0, narrow.output);
    const wrongKey = await gatehouse(['doctor'], { GATEHOUSE_MASTER_KEY: Buffer.alloc(32, 1).toString('base64') });
    t.equal(wrongKey.code, 1, wrongKey.output);
    t.match(wrongKey.stdout, /fail +Master key/);
  });

  await t.test('doctor lists every fault of the settings', async (t) => {
    const ran = await gatehouse(['doctor'], { GATEHOUSE_MODE: 'production', GATEHOUSE_DATABASE_URL: '', GATEHOUSE_LISTEN: '127.0.0.1:8080' });
    t.equal(ran.code, 1, ran.output);
    for (const name of ['GATEHOUSE_DATABASE_URL', 'GATEHOUSE_MASTER_KEY', 'GATEHOUSE_ADMIN_URL']) t.match(ran.stdout, new RegExp(`fail +Settings +${name}`));
  });

  t.end();
});

async function statusWith(server: RunningServer, token: string): Promise<number> {
  return (await fetch(`${server.adminUrl}/api/v1/orders`, { headers: { authorization: `Bearer ${token}` } })).status;
}

/** The shell blocks that README marks with `<!-- journey: name -->`. */
function journeysOf(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(/<!-- journey: (\w+) -->\s+```sh\n([\s\S]*?)```/g)].map((match) => [match[1] ?? '', match[2] ?? '']));
}
