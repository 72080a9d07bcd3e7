import t from 'tap';
import { uuidv7 } from '../../src/runtime/ids.js';
import { systemContext } from '../../src/tenancy/context.js';
import { switchesOfConnector, switchesOfProfile } from '../../src/tenancy/dangerous-switches.js';
import { policySchema } from '../../src/tenancy/policy.js';
import type { Profile } from '../../src/tenancy/profile.js';
import { generateToken, hashToken } from '../../src/tenancy/token.js';
import { testDatabases } from '../support/database.js';
import { identityOf, storesOf } from './browser.js';
import { type Json, openDesk } from './desk.js';

t.setTimeout(600_000);

const find = (items: readonly Json[], name: string): Json => items.find((item) => item.name === name);

for (const database of testDatabases()) {
  t.test(`reports for auditors over ${database.name}`, async (t) => {
    const { store, close } = await database.open();
    t.teardown(close);
    const installationSwitches = [{ setting: 'GATEHOUSE_MODE', value: 'dev', danger: 'It is no production.' }];
    const desk = await openDesk(async () => storesOf(store), { identity: identityOf(store), installationSwitches });
    t.teardown(() => desk.close());
    const [one, two] = [await desk.addTenant('One'), await desk.addTenant('Two')];
    const user = { email: null, displayName: '', status: 'active', passwordHash: 'x', mustChangePassword: false, identity: null } as const;
    await store.users.create(systemContext('test'), { ...user, id: uuidv7(), username: 'anna', roles: ['admin'], tenantIds: [one.id] });
    await store.users.create(systemContext('test'), { ...user, id: uuidv7(), username: 'root', roles: ['superadmin'], tenantIds: null });
    const narrow = { id: uuidv7(), tenantId: two.id, name: 'narrow', role: 'operator', expiresAt: null, permissions: ['order:read'] } as const;
    await store.access.addToken(systemContext('test'), narrow, hashToken(generateToken()));
    const [everywhere, ofOne] = [await desk.as('auditor', null), await desk.as('auditor', one.id)];

    await t.test('access: rights, last use, and what a reviewer should look at', async (t) => {
      const { status, body } = await everywhere('GET', '/api/v1/reports/access');
      t.equal(status, 200);
      t.match(find(body.items, 'anna'), { kind: 'user', roles: ['admin'], tenantIds: [one.id], lastUsedAt: null });
      t.same(find(body.items, 'anna').remarks, ['never-used', 'administers', 'no-second-factor']);
      t.same(find(body.items, 'root').remarks, ['never-used', 'administers', 'every-tenant', 'no-second-factor']);
      t.ok(find(body.items, 'root').permissions.includes('tenant:write'), 'what follows from the role');
      t.same(find(body.items, 'narrow').permissions, ['order:read'], 'a token that is narrowed has what it is narrowed to');
      t.same(find(body.items, 'narrow').remarks, ['never-used', 'never-expires']);
      t.type(find(body.items, 'auditor of a test').lastUsedAt, 'string', 'the token that asks was used just now');
      const mine = (await ofOne('GET', '/api/v1/reports/access')).body.items as readonly Json[];
      t.ok(find(mine, 'anna'), 'the own tenant');
      t.notOk(find(mine, 'narrow') ?? find(mine, 'root'), 'nobody of another tenant, nor of every tenant');
    });

    await t.test('access: whoever was not there for 90 days stands out', async (t) => {
      desk.clock.advance(91 * 86_400_000);
      const { items } = (await everywhere('GET', '/api/v1/reports/access')).body;
      t.same(find(items, 'narrow').remarks, ['never-used', 'unused', 'never-expires']);
    });

    await t.test('switches: of the node, of connectors and profiles that are active', async (t) => {
      const open = { name: 'Open', connectorId: one.connectorId, challengeMode: 'none', policy: { version: 1, scep: { digests: ['sha1', 'sha256'] } } };
      t.equal((await one.admin('POST', '/api/v1/scep-profiles', open)).status, 201);
      const mail = { server: 'mail.example.test', port: 25, from: 'a@example.test', tls: 'none' };
      t.equal((await two.admin('POST', '/api/v1/connectors', { name: 'Mail', type: 'smtp', config: mail })).status, 201);
      const asked = async (call: typeof everywhere) =>
        ((await call('GET', '/api/v1/reports/switches')).body.items as readonly Json[]).map(({ kind, name, setting }) => `${kind} ${name} ${setting}`);
      const ofOpen = ['scep-profile Open profile', 'scep-profile Open policy.scep.digests, policy.scep.ciphers'];
      t.same(await asked(everywhere), ['installation null GATEHOUSE_MODE', 'connector Mail config.tls', ...ofOpen]);
      t.same(await asked(ofOne), ofOpen, 'a tenant hears of its own');
      const [profile] = (await one.admin('GET', '/api/v1/scep-profiles')).body.items;
      await one.admin('POST', '/api/v1/scep-profiles/bulk/status', { ids: [profile.id], status: 'inactive' });
      t.same(await asked(ofOne), [], 'what is switched off is not in force');
    });

    await t.test('each reading is an event', async (t) => {
      const read = (await desk.stores.auditEvents()).filter(({ action }) => action === 'report.read');
      t.same([...new Set(read.map(({ object }) => object))].sort(), ['report:access', 'report:switches']);
    });
  });
}

t.test('every dangerous setting of a policy is told, and none of the defaults is', (t) => {
  const profile = (protocol: 'scep' | 'cmp', policy: object): Profile =>
    ({ protocol, challengeMode: 'static', challengeCheck: null, policy: policySchema.parse({ version: 1, ...policy }) }) as unknown as Profile;
  t.same(switchesOfProfile(profile('scep', {})), []);
  t.same(switchesOfProfile(profile('cmp', {})), []);
  const rows: readonly (readonly ['scep' | 'cmp', object, string])[] = [
    ['scep', { scep: { ciphers: ['des-ede3-cbc'] } }, 'policy.scep.digests, policy.scep.ciphers'],
    ['scep', { scep: { passwordRecipients: true } }, 'policy.scep.passwordRecipients'],
    ['scep', { scep: { getCert: 'public' } }, 'policy.scep.getCert'],
    ['cmp', { cmp: { messageTimeWindowSeconds: 0 } }, 'policy.cmp.messageTimeWindowSeconds'],
    ['cmp', { cmp: { crlMissing: 'accept', crlUrls: ['http://crl.example.test/a.crl'] } }, 'policy.cmp.crlMissing'],
    ['cmp', { cmp: { unconfirmed: 'keep' } }, 'policy.cmp.unconfirmed'],
    ['cmp', { cmp: { lockOut: { attempts: null } } }, 'policy.cmp.lockOut.attempts'],
    ['cmp', { cmp: { conduct: 'compat' } }, 'policy.cmp.conduct'],
    ['cmp', { renewal: { graceDays: 3 } }, 'policy.renewal.graceDays'],
    ['scep', { keys: { postQuantum: true } }, 'policy.keys.postQuantum'],
    ['cmp', { approval: { mode: 'manual', maxPending: null } }, 'policy.approval.maxPending'],
  ];
  for (const [protocol, policy, setting] of rows)
    t.same(
      switchesOfProfile(profile(protocol, policy)).map((found) => found.setting),
      [setting],
      setting,
    );
  const plain = { config: { url: 'http://ca.example.test' } } as unknown as Parameters<typeof switchesOfConnector>[0];
  t.match(switchesOfConnector(plain), [{ setting: 'config.url', value: 'http://ca.example.test' }]);
  t.end();
});
