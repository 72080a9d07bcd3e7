import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { checkDataDirectory } from '../../src/cli/checks/data-directory.js';
import { databaseFindings } from '../../src/cli/checks/database.js';
import { checkNodeVersion } from '../../src/cli/checks/node-version.js';
import { checkPort, urlOf } from '../../src/cli/checks/ports.js';
import { expiry } from '../../src/cli/checks/ra-certificates.js';
import { unknownSettingFindings } from '../../src/cli/checks/unknown-settings.js';
import { checkOutput, generateDeviceKey, readCertificates, readKey, writeDeviceFiles } from '../../src/cli/device-files.js';
import { sanExtensions } from '../../src/device-client/san.js';
import { deviceKey, selfSignedCertificate } from '../../src/device-client/scep.js';
import { buildName } from '../../src/pkix/index.js';
import { fail, ok } from '../../src/runtime/result.js';
import type { Inspection } from '../../src/store/inspect.js';
import { freePort } from '../support/server.js';

const sound: Inspection = { version: 'PostgreSQL 15.18', applied: ['0001-a', '0002-b'], missing: [], isKeyRight: true, clockAheadMs: 3, isDurable: true };

const inside = { isEmbedded: false, isServing: false, isDeviceOnly: false } as const;
const embedded = { ...inside, isEmbedded: true } as const;

t.test('doctor says of the Node version whether it is new enough', async (t) => {
  const rows = [
    ['18.20.4', 'fail'],
    ['20.18.9', 'fail'],
    ['20.19.0', 'ok'],
    ['22.0.0', 'ok'],
  ] as const;
  for (const [version, state] of rows) t.equal(checkNodeVersion(version).state, state, version);
});

t.test('doctor names a variable that is no setting, as a warning', async (t) => {
  t.match(unknownSettingFindings(['GATEHOUSE_LISTN']), [{ state: 'warn', what: 'Settings', detail: /GATEHOUSE_LISTN/, todo: /\S/ }]);
});

t.test('doctor says of a database what is wrong with it, and what to do', async (t) => {
  const rows: readonly (readonly [string, Partial<Inspection>, string, RegExp])[] = [
    ['fsync off', { isDurable: false }, 'Database', /fsync/],
    ['too old', { version: 'PostgreSQL 12.22' }, 'Database', /12\.22/],
    ['a newer schema', { unknown: '9999-z' }, 'Schema', /9999-z/],
    ['a wrong master key', { isKeyRight: false }, 'Master key', /not the one/],
    ['clocks apart', { clockAheadMs: -2_500 }, 'Clock', /2500 ms behind/],
  ];
  t.ok(databaseFindings(ok(sound), inside).every(({ state }) => state === 'ok'));
  for (const [name, change, what, detail] of rows) {
    const failed = databaseFindings(ok({ ...sound, ...change }), inside).filter(({ state }) => state === 'fail');
    t.match(failed, [{ what, detail, todo: /\S/ }], name);
    t.equal(failed.length, 1, name);
  }
  const missing = databaseFindings(ok({ ...sound, applied: ['0001-a'], missing: ['0002-b'] }), inside);
  t.match(
    missing.find(({ what }) => what === 'Schema'),
    { state: 'warn', detail: /missing 0002-b/ },
  );
  const open = databaseFindings(ok({ ...sound, wallFault: 'no-role' }), inside);
  t.match(
    open.find(({ what }) => what === 'Tenant wall'),
    { state: 'warn', todo: /roles\.sql/ },
  );
});

t.test("doctor looks at what a device node's database user may read and change", async (t) => {
  const of = (change: Partial<Inspection>) => databaseFindings(ok({ ...sound, wallFault: 'no-role', ...change }), { ...inside, isDeviceOnly: true });
  const user = (change: Partial<Inspection>) => of(change).find(({ what }) => what === 'Database user');
  t.match(user({ deviceGrants: { missing: [], excess: [] } }), { state: 'ok', detail: /no secrets/ });
  t.match(user({ deviceGrants: { missing: [], excess: ['connector_secrets'] } }), { state: 'warn', detail: /connector_secrets/, todo: /device-role\.sql/ });
  t.match(user({ deviceGrants: { missing: ['a', 'b', 'c', 'd', 'e'], excess: [] } }), {
    state: 'fail',
    detail: /a, b, c, d and 1 more/,
    todo: /gatehouse migrate/,
  });
  t.match(
    of({ missing: ['0002-b'] }).find(({ what }) => what === 'Schema'),
    { state: 'fail', todo: /gatehouse migrate/ },
  );
  t.notOk(
    of({}).some(({ what }) => what === 'Tenant wall'),
    'the wall is for callers it does not have',
  );
});

t.test('doctor finds a lock in order only while our own server answers', async (t) => {
  const locked = fail({ kind: 'directory-locked', directory: '/d/db', lockFile: '/d/db.lock', holder: 'process 42 on here' } as const);
  t.match(databaseFindings(locked, { ...embedded, isServing: true }), [{ state: 'ok', detail: /process 42/ }]);
  t.match(databaseFindings(locked, embedded), [{ state: 'warn', detail: /process 42/ }]);
  t.match(databaseFindings(fail({ kind: 'database-unreachable', reason: 'refused' }), inside), [{ state: 'fail' }]);
  t.match(databaseFindings(ok(undefined), embedded), [{ state: 'ok', detail: /first start/ }]);
});

t.test('doctor tells a free port from one that another program has', async (t) => {
  const port = await freePort();
  const listener = { host: '127.0.0.1', port };
  t.match(await checkPort('Device port', listener, 'GATEHOUSE_LISTEN'), { isServing: false, finding: { state: 'ok', detail: /free/ } });
  const other = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello'));
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  const taken = await checkPort('Device port', listener, 'GATEHOUSE_LISTEN');
  t.match(taken, { isServing: false, finding: { state: 'fail', detail: /another program/, todo: /GATEHOUSE_LISTEN/ } });
  t.equal(urlOf({ host: '::1', port: 1, tls: { certFile: 'c', keyFile: 'k' } }), 'https://[::1]:1');
});

t.test('doctor warns a month before an RA certificate expires', async (t) => {
  const now = new Date('2030-01-01T00:00:00Z');
  const after = (days: number): Date => new Date(now.getTime() + days * 86_400_000);
  t.equal(expiry('p', after(31), now).state, 'ok');
  t.equal(expiry('p', after(29), now).state, 'warn');
  t.equal(expiry('p', after(-1), now).state, 'fail');
});

t.test('doctor looks at the data directory', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-doctor-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const look = (name: string, mode: 'dev' | 'production' = 'dev') => checkDataDirectory({ dataDir: join(folder, name), mode });
  t.match(look('absent'), [{ state: 'ok', detail: /first start makes it/ }]);
  writeFileSync(join(folder, 'file'), '');
  t.match(look('file'), [{ state: 'fail', detail: /not a directory/ }]);
  mkdirSync(join(folder, 'data'));
  t.match(look('data'), [{ state: 'ok' }]);
  writeFileSync(join(folder, 'data/master.key'), 'x');
  chmodSync(join(folder, 'data/master.key'), 0o644);
  t.match(look('data'), [{ state: 'ok' }, { state: 'fail', detail: /other users/, todo: /chmod 600/ }]);
  chmodSync(join(folder, 'data/master.key'), 0o600);
  writeFileSync(join(folder, 'data/first-run.json'), '{}', { mode: 0o600 });
  t.equal(look('data').length, 1);
  t.match(look('data', 'production'), [{ state: 'ok' }, { state: 'warn', detail: /first password/ }]);
});

t.test('device files: keys are private, never overwritten, and readable again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-files-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const name = join(folder, 'device');
  const key = generateDeviceKey('P-384');
  const certificate = selfSignedCertificate(deviceKey(key), buildName([['2.5.4.3', 'device']]), new Date());
  t.ok(checkOutput(name).ok);
  t.ok(writeDeviceFiles(name, key, certificate).ok);
  t.notOk(checkOutput(name).ok);
  t.notOk(writeDeviceFiles(name, key, certificate).ok);
  t.ok(readKey(`${name}.key`).ok);
  t.match(readKey(`${name}.pem`), { ok: false, error: /no private key/ });
  t.match(readCertificates(`${name}.key`), { ok: false, error: /no certificate/ });
  const read = readCertificates(`${name}.pem`);
  t.ok(read.ok && read.value[0].der.equals(certificate.der));
  t.match(sanExtensions(['a b']), { ok: false });
  t.match(sanExtensions(['host.example', '2001:db8::1']), { ok: true, value: [{ oid: '2.5.29.17' }] });
});
