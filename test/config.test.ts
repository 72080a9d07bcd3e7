import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseConfig, unknownSettings } from '../src/config.js';

const masterKey = Buffer.alloc(32, 7).toString('base64');
const production = {
  GATEHOUSE_MODE: 'production',
  GATEHOUSE_DATABASE_URL: 'postgresql://gatehouse@127.0.0.1/gatehouse',
  GATEHOUSE_MASTER_KEY: masterKey,
  GATEHOUSE_ADMIN_URL: 'https://gatehouse.example',
  GATEHOUSE_DEVICE_URL: 'http://enrol.example',
};

t.test('an empty environment is dev mode on loopback with the embedded database', async (t) => {
  const parsed = parseConfig({});
  t.ok(parsed.ok);
  if (!parsed.ok) return;
  t.match(parsed.value, {
    mode: 'dev',
    processes: 1,
    deviceUrl: 'http://127.0.0.1:8080',
    adminUrl: 'http://127.0.0.1:8081',
    roles: ['device', 'admin', 'worker'],
    refusalDays: 90,
    connectorLogDays: 90,
  });
  t.equal(parsed.value.databaseUrl, undefined);
  t.equal(parsed.value.masterKey, undefined);
});

t.test('production without settings lists every fault at once', async (t) => {
  const parsed = parseConfig({ GATEHOUSE_MODE: 'production' });
  t.notOk(parsed.ok);
  if (parsed.ok) return;
  const variables = parsed.error.map((fault) => fault.variable).sort();
  t.same(variables, ['GATEHOUSE_ADMIN_URL', 'GATEHOUSE_DATABASE_URL', 'GATEHOUSE_DEVICE_URL', 'GATEHOUSE_MASTER_KEY']);
});

t.test('a second master key needs the first, another one, and a database that nodes share', async (t) => {
  const other = Buffer.alloc(32, 8).toString('base64');
  const parsed = parseConfig({ ...production, GATEHOUSE_OTHER_MASTER_KEY: other });
  t.same(parsed.ok && parsed.value.otherMasterKey?.reveal(), Buffer.alloc(32, 8));
  const faulty = [
    { ...production, GATEHOUSE_OTHER_MASTER_KEY: masterKey },
    { GATEHOUSE_OTHER_MASTER_KEY: other },
    { GATEHOUSE_MASTER_KEY: masterKey, GATEHOUSE_OTHER_MASTER_KEY: other },
  ];
  for (const environment of faulty) t.match(parseConfig(environment), { ok: false, error: [{ variable: 'GATEHOUSE_OTHER_MASTER_KEY' }] });
});

t.test('a malformed setting does not hide what else is wrong', async (t) => {
  const parsed = parseConfig({ GATEHOUSE_MODE: 'production', GATEHOUSE_DEVICE_URL: 'enrol.example', GATEHOUSE_TLS_CERT_FILE: '/nonexistent' });
  t.notOk(parsed.ok);
  if (parsed.ok) return;
  const variables = parsed.error.map((fault) => fault.variable).sort();
  t.same(variables, [
    'GATEHOUSE_ADMIN_URL',
    'GATEHOUSE_DATABASE_URL',
    'GATEHOUSE_DEVICE_URL',
    'GATEHOUSE_MASTER_KEY',
    'GATEHOUSE_TLS_CERT_FILE',
    'GATEHOUSE_TLS_CERT_FILE',
  ]);
});

t.test('TLS files that are no certificate with its key are named before anything starts', async (t) => {
  const file = join(t.testdir({ 'junk.pem': 'junk' }), 'junk.pem');
  const parsed = parseConfig({ GATEHOUSE_ADMIN_TLS_CERT_FILE: file, GATEHOUSE_ADMIN_TLS_KEY_FILE: file });
  t.match(parsed, { ok: false, error: [{ variable: 'GATEHOUSE_ADMIN_TLS_CERT_FILE', message: /no certificate with its key/ }] });
});

t.test('lists of addresses hold addresses', async (t) => {
  const taken = parseConfig({ GATEHOUSE_TRUSTED_PROXIES: 'loopback, 10.0.0.0/8 ::1', GATEHOUSE_CONNECTOR_ALLOW: 'ca.example *.example 10.0.0.0/8 fd00::/8' });
  t.ok(taken.ok);
  for (const proxies of ['proxy.example', '10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/8/8']) {
    t.match(parseConfig({ GATEHOUSE_TRUSTED_PROXIES: proxies }), { ok: false, error: [{ variable: 'GATEHOUSE_TRUSTED_PROXIES' }] }, proxies);
  }
  t.match(parseConfig({ GATEHOUSE_CONNECTOR_ALLOW: '10.0.0.0/33' }), { ok: false, error: [{ variable: 'GATEHOUSE_CONNECTOR_ALLOW' }] });
});

t.test('a complete production environment is accepted and hides its secrets', async (t) => {
  const parsed = parseConfig(production);
  t.ok(parsed.ok);
  if (!parsed.ok) return;
  t.equal(parsed.value.databaseUrl?.reveal(), production.GATEHOUSE_DATABASE_URL);
  t.same(parsed.value.masterKey?.reveal(), Buffer.alloc(32, 7));
  t.notMatch(JSON.stringify(parsed.value), /gatehouse@|BwcHBw/);
});

t.test('each malformed setting is named', async (t) => {
  const malformed = {
    GATEHOUSE_MODE: 'prod',
    GATEHOUSE_DATABASE_URL: 'mysql://x',
    GATEHOUSE_MASTER_KEY: 'c2hvcnQ=',
    GATEHOUSE_DEVICE_URL: 'ftp://x',
    GATEHOUSE_LISTEN: '8080',
    GATEHOUSE_ADMIN_LISTEN: '127.0.0.1:99999',
    GATEHOUSE_ROLES: 'device,cook',
    GATEHOUSE_PROCESSES: '0',
    GATEHOUSE_ADMIN_TOKEN: 'short',
    GATEHOUSE_LOG_LEVEL: 'loud',
  };
  for (const [variable, value] of Object.entries(malformed)) {
    const parsed = parseConfig({ [variable]: value });
    t.notOk(parsed.ok, `${variable}=${value}`);
    if (!parsed.ok) t.same([...new Set(parsed.error.map((fault) => fault.variable))], [variable]);
  }
  const all = parseConfig(malformed);
  t.notOk(all.ok);
  if (!all.ok) t.same(new Set(all.error.map((fault) => fault.variable)), new Set(Object.keys(malformed)), 'and all together');
});

t.test('a secret can come from a file, but not from two places', async (t) => {
  const file = join(t.testdir({ key: '' }), 'key');
  writeFileSync(file, `${masterKey}\n`);
  const parsed = parseConfig({ GATEHOUSE_MASTER_KEY_FILE: file });
  t.ok(parsed.ok);
  if (parsed.ok) t.same(parsed.value.masterKey?.reveal(), Buffer.alloc(32, 7));
  t.notOk(parseConfig({ GATEHOUSE_MASTER_KEY_FILE: file, GATEHOUSE_MASTER_KEY: masterKey }).ok);
  t.notOk(parseConfig({ GATEHOUSE_MASTER_KEY_FILE: `${file}.missing` }).ok);
});

t.test('TLS files come in pairs and must be readable', async (t) => {
  t.notOk(parseConfig({ GATEHOUSE_TLS_CERT_FILE: '/etc/hostname' }).ok);
  t.notOk(parseConfig({ GATEHOUSE_TLS_CERT_FILE: '/nonexistent', GATEHOUSE_TLS_KEY_FILE: '/etc/hostname' }).ok);
});

t.test('more than one process needs PostgreSQL', async (t) => {
  t.notOk(parseConfig({ GATEHOUSE_PROCESSES: '2' }).ok);
  t.ok(parseConfig({ GATEHOUSE_PROCESSES: '2', GATEHOUSE_DATABASE_URL: 'postgresql://x/y' }).ok);
});

t.test('IPv6 listeners and their URLs', async (t) => {
  const parsed = parseConfig({ GATEHOUSE_LISTEN: '[::1]:9080' });
  t.ok(parsed.ok);
  if (parsed.ok) t.match(parsed.value, { listen: { host: '::1', port: 9080 }, deviceUrl: 'http://[::1]:9080' });
});

t.test('a variable that looks like a setting and is none is named; what others set is not', async (t) => {
  t.strictSame(unknownSettings({ ...production, GATEHOUSE_MASTER_KEY_FILE: '/k', GATEHOUSE_TLS_CERT_FILE: '/c', PATH: '/bin' }), []);
  const slips = { GATEHOUSE_LISTN: '127.0.0.1:1', GATEHOUSE_LOG_LEVEL_FILE: '/l', GATEHOUSE_DATABASE: 'x', GATEHOUSE_OLD: '' };
  t.strictSame(unknownSettings(slips), ['GATEHOUSE_DATABASE', 'GATEHOUSE_LISTN', 'GATEHOUSE_LOG_LEVEL_FILE']);
  const services = {
    GATEHOUSE_REQUIRE_CLIENTS: '1',
    GATEHOUSE_PORT: 'tcp://10.0.0.1:8080',
    GATEHOUSE_PORT_8080_TCP_ADDR: '10.0.0.1',
    GATEHOUSE_SERVICE_HOST: '10.0.0.1',
    GATEHOUSE_ADMIN_SERVICE_PORT_HTTPS: '8081',
  };
  t.strictSame(unknownSettings(services), []);
});
