import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { uuidv7 } from '../../src/runtime/ids.js';
import { Secret } from '../../src/runtime/secret.js';
import type { Store } from '../../src/store/store.js';
import { type ChallengeCheck, hmacSettingsSchema } from '../../src/tenancy/challenge-check.js';
import { systemContext, type TenantContext, tenantContext } from '../../src/tenancy/context.js';
import type { SharedSecret } from '../../src/tenancy/credentials.js';
import { defaultPolicy } from '../../src/tenancy/policy.js';
import type { NewCmpProfile, NewConnector, NewScepProfile } from '../../src/tenancy/ports.js';
import { withLegacyAlgorithms } from '../../src/tenancy/presets.js';
import type { ScepProfile } from '../../src/tenancy/profile.js';
import { newCertificate, newOrder } from '../support/orders.js';

const system = systemContext('cli');
const unique = () => randomBytes(6).toString('hex');

async function newTenant(store: Store): Promise<TenantContext> {
  const id = uuidv7();
  await store.tenants.create(system, { id, name: `Tenant ${id}`, slug: id, status: 'active' });
  return tenantContext(id, 'user:test');
}

function newConnector(change: Partial<NewConnector> = {}): NewConnector {
  const defaults = { type: 'crypto-engine', name: 'Engine', description: '', status: 'active', config: { url: 'embedded:' } } as const;
  return { id: uuidv7(), ...defaults, secrets: { clientSecret: new Secret('hush') }, ...change };
}

function newScepProfile(connectorId: string, change: Partial<NewScepProfile> = {}): NewScepProfile {
  return {
    id: uuidv7(),
    protocol: 'scep',
    connectorId,
    name: `Phones ${unique()}`,
    endpointPath: `p-${unique()}`,
    legacyPaths: [],
    description: '',
    status: 'active',
    policy: defaultPolicy,
    overrides: {},
    publicBaseUrl: null,
    challengeMode: 'static',
    challengeMac: Buffer.alloc(32, 3),
    ...change,
  };
}

function newCmpProfile(connectorId: string, change: Partial<NewCmpProfile> = {}): NewCmpProfile {
  const { challengeMac: _mac, challengeMode: _mode, publicBaseUrl: _url, protocol: _protocol, ...common } = newScepProfile(connectorId);
  return { ...common, protocol: 'cmp', javaBaseUrl: 'https://pki.example', isDefault: false, ...change };
}

async function tenantWithConnector(store: Store) {
  const context = await newTenant(store);
  const connector = newConnector();
  await store.connectors.create(context, connector);
  return { context, connectorId: connector.id };
}

/** What every implementation of the configuration ports does. */
export async function tenancyContract(t: Test, store: Store): Promise<void> {
  await t.test('tenants', (t) => tenants(t, store));
  await t.test('connectors', (t) => connectors(t, store));
  await t.test('profiles', (t) => profiles(t, store));
  await t.test('credentials', (t) => credentials(t, store));
  await t.test('access', (t) => access(t, store));
  await t.test('settings', (t) => settings(t, store));
}

async function tenants(t: Test, store: Store): Promise<void> {
  t.test('creates, changes and versions a tenant', async (t) => {
    const id = uuidv7();
    const created = await store.tenants.create(system, { id, name: 'Acme', slug: `acme-${id}`, status: 'active' });
    t.match(created, { ok: true, value: { id, name: 'Acme', version: 1, createdAt: Date } });
    t.match(await store.tenants.update(system, id, 1, { name: 'Acme Ltd' }), { ok: true, value: { name: 'Acme Ltd', status: 'active', version: 2 } });
    t.same(await store.tenants.update(system, id, 1, { name: 'x' }), { ok: false, error: { kind: 'stale', version: 2 } });
    t.same(await store.tenants.update(system, uuidv7(), 1, {}), { ok: false, error: { kind: 'not-found' } });
    t.match(await store.tenants.find(system, id), { name: 'Acme Ltd' });
    t.equal(await store.tenants.find(system, 'no-uuid'), undefined);
    const again = await store.tenants.create(system, { id: uuidv7(), name: 'Other', slug: `acme-${id}`, status: 'active' });
    t.same(again, { ok: false, error: { kind: 'conflict', field: 'slug' } });
    const named = await store.tenants.create(system, { id: uuidv7(), name: 'Acme Ltd', slug: uuidv7(), status: 'active' });
    t.same(named, { ok: false, error: { kind: 'conflict', field: 'name' } });
  });

  t.test('shows a tenant only itself', async (t) => {
    const context = await newTenant(store);
    const other = await newTenant(store);
    t.equal(await store.tenants.find(context, other.tenantId), undefined);
    const page = await store.tenants.list(context, { limit: 50 });
    t.same([page.total, page.items.map(({ id }) => id)], [1, [context.tenantId]]);
  });

  t.test('pages through a sorted, searched list without losing or repeating a row', async (t) => {
    const mark = unique();
    const names = ['b', 'd', 'a', 'c', 'a_%', 'e'].map((name) => `${mark} ${name}`);
    for (const name of names) await store.tenants.create(system, { id: uuidv7(), name, slug: uuidv7(), status: 'active' });
    for (const sort of ['name', '-name', 'createdAt', '-createdAt', undefined]) {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.tenants.list(system, {
          limit: 2,
          q: mark.toUpperCase(),
          ...(sort === undefined ? {} : { sort }),
          ...(cursor === undefined ? {} : { cursor }),
        });
        t.equal(page.total, names.length);
        t.notOk(page.totalIsLowerBound);
        seen.push(...page.items.map(({ name }) => name));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      t.same([...seen].sort(), [...names].sort(), sort ?? 'default');
      if (sort === 'createdAt') t.same(seen, names);
      if (sort === '-createdAt' || sort === undefined) t.same(seen, [...names].reverse());
    }
    t.equal((await store.tenants.list(system, { limit: 5, q: `${mark} a_%` })).total, 1, "LIKE's signs mean themselves");
    await t.rejects(store.tenants.list(system, { limit: 5, sort: 'password' }), { name: 'InvalidListQuery' });
    await t.rejects(store.tenants.list(system, { limit: 5, cursor: 'x' }), { name: 'InvalidListQuery' });
  });
}

async function connectors(t: Test, store: Store): Promise<void> {
  t.test('keeps secrets apart, opens them, and changes them one by one', async (t) => {
    const context = await newTenant(store);
    const connector = newConnector({ secrets: { pfx: new Secret('p12'), pfxPassword: new Secret('päss') }, config: { list: ['a', 1], deep: { x: null } } });
    const created = await store.connectors.create(context, connector);
    if (!created.ok) throw new Error(created.error.kind);
    t.equal(created.value.secrets.pfxPassword?.value.reveal(), 'päss');
    t.same(created.value.config, connector.config);
    const changed = await store.connectors.update(context, connector.id, 1, { name: 'New', secrets: { pfx: null, extra: new Secret('x') } });
    if (!changed.ok) throw new Error(changed.error.kind);
    t.same(Object.keys(changed.value.secrets).sort(), ['extra', 'pfxPassword']);
    t.match(changed.value, { name: 'New', version: 2, type: 'crypto-engine' });
    t.same(await store.connectors.update(context, connector.id, 1, {}), { ok: false, error: { kind: 'stale', version: 2 } });
    t.match(await store.connectors.update(context, connector.id, null, { status: 'inactive' }), { ok: true, value: { version: 3 } });
    t.same(created.value.config, (await store.connectors.find(context, connector.id))?.config);
  });

  t.test('belongs to its tenant alone', async (t) => {
    const { context, connectorId } = await tenantWithConnector(store);
    const stranger = await newTenant(store);
    t.equal(await store.connectors.find(stranger, connectorId), undefined);
    t.same(await store.connectors.update(stranger, connectorId, 1, { name: 'x' }), { ok: false, error: { kind: 'not-found' } });
    t.same(await store.connectors.remove(stranger, connectorId, 1), { ok: false, error: { kind: 'not-found' } });
    t.equal((await store.connectors.list(stranger, { limit: 10 })).total, 0);
    t.same(await store.connectors.summary(context), { totalTenants: 1, totalConnectors: 1, activeConnectors: 1 });
    t.match(await store.connectors.list(system, { limit: 10, tenantId: context.tenantId, type: 'crypto-engine' }), { total: 1, items: [{ id: connectorId }] });
    t.equal((await store.connectors.list(context, { limit: 10, type: 'smtp' })).total, 0);
    t.same(await store.connectors.create(tenantContext(uuidv7(), 'x'), newConnector()), { ok: false, error: { kind: 'not-found' } });
  });

  t.test('has a name that no other of its tenant has', async (t) => {
    const { context } = await tenantWithConnector(store);
    const taken = { ok: false, error: { kind: 'conflict', field: 'name' } };
    t.same(await store.connectors.create(context, newConnector()), taken);
    const other = newConnector({ name: 'Other' });
    t.equal((await store.connectors.create(context, other)).ok, true);
    t.same(await store.connectors.update(context, other.id, 1, { name: 'Engine' }), taken);
    t.match(await store.connectors.find(context, other.id), { name: 'Other', version: 1 });
    const twins = await Promise.all(['a', 'b'].map(() => store.connectors.create(context, newConnector({ name: 'Twin' }))));
    t.equal(twins.filter(({ ok }) => ok).length, 1, 'one of two at the same moment');
  });

  t.test('the cards count tenants that have connectors', async (t) => {
    const before = await store.connectors.summary(system);
    const empty = await newTenant(store);
    t.same(await store.connectors.summary(empty), { totalTenants: 0, totalConnectors: 0, activeConnectors: 0 });
    const { context } = await tenantWithConnector(store);
    await store.connectors.create(context, newConnector({ name: 'Second', status: 'inactive' }));
    t.same(await store.connectors.summary(context), { totalTenants: 1, totalConnectors: 2, activeConnectors: 1 });
    t.equal((await store.connectors.summary(system)).totalTenants, before.totalTenants + 1);
  });

  t.test('stays while a profile uses it', async (t) => {
    const { context, connectorId } = await tenantWithConnector(store);
    const profile = newScepProfile(connectorId);
    await store.profiles.createScep(context, profile);
    const refused = await store.connectors.remove(context, connectorId, 1);
    t.match(refused, { ok: false, error: { kind: 'in-use', usedBy: [{ type: 'scep-profile', id: profile.id, name: profile.name }] } });
    t.same(await store.connectors.remove(context, connectorId, 7), { ok: false, error: { kind: 'stale', version: 1 } });
    t.same(await store.profiles.remove(context, 'scep', profile.id, 1), { ok: true, value: true });
    t.same(await store.connectors.remove(context, connectorId, 1), { ok: true, value: true });
    t.equal(await store.connectors.find(context, connectorId), undefined);
  });
}

async function profiles(t: Test, store: Store): Promise<void> {
  t.test('keeps a SCEP profile and a CMP profile field for field', async (t) => {
    const { context, connectorId } = await tenantWithConnector(store);
    const scep = newScepProfile(connectorId, { legacyPaths: [`/certsrv/${unique()}`], overrides: { caName: 'X' } });
    const cmp = newCmpProfile(connectorId);
    const createdScep = await store.profiles.createScep(context, scep);
    const createdCmp = await store.profiles.createCmp(context, cmp);
    t.match(createdScep, { ok: true, value: { ...scep, tenantId: context.tenantId, version: 1, challengeUpdatedAt: Date } });
    t.match(createdCmp, { ok: true, value: { ...cmp, tenantId: context.tenantId, version: 1 } });
    const found = await store.profiles.find(context, 'cmp', cmp.id);
    t.match(found, { ...cmp, connectorName: 'Engine', orders: { success: 0, failed: 0, total: 0 } });
    t.equal(await store.profiles.find(context, 'scep', cmp.id), undefined, 'a profile of the other protocol');
    const all = await store.profiles.all(system);
    t.same(
      all.find(({ id }) => id === scep.id),
      createdScep.ok && createdScep.value,
    );
  });

  t.test('changes only what is named', async (t) => {
    const { context, connectorId } = await tenantWithConnector(store);
    const profile = newScepProfile(connectorId);
    await store.profiles.createScep(context, profile);
    const renamed = await store.profiles.updateScep(context, profile.id, 1, { name: 'Tablets' });
    t.match(renamed, { ok: true, value: { ...profile, name: 'Tablets', version: 2 } });
    const cleared = await store.profiles.updateScep(context, profile.id, 2, { challengeMac: null, challengeMode: 'one-time' });
    t.match(cleared, { ok: true, value: { challengeMac: null, challengeUpdatedAt: null, challengeMode: 'one-time', name: 'Tablets' } });
    t.same(await store.profiles.updateScep(context, profile.id, 1, {}), { ok: false, error: { kind: 'stale', version: 3 } });
    t.same(await store.profiles.updateCmp(context, profile.id, 3, {}), { ok: false, error: { kind: 'not-found' } });
  });

  t.test('a challenge check is kept with its secret sealed, replaced and cleared', async (t) => {
    const { context, connectorId } = await tenantWithConnector(store);
    const secretUpdatedAt = new Date('2026-03-01T00:00:00.000Z');
    const check = (secret: string): ChallengeCheck => ({
      kind: 'hmac',
      settings: hmacSettingsSchema.parse({ uses: 3 }),
      secret: new Secret(secret),
      secretUpdatedAt,
    });
    const profile = newScepProfile(connectorId, { challengeMode: 'hmac', challengeMac: null, challengeCheck: check('the first of two') });
    const created = await store.profiles.createScep(context, profile);
    t.match(created, { ok: true, value: { challengeCheck: { kind: 'hmac', settings: { identity: 'CN', uses: 3, maxHours: 168 }, secretUpdatedAt } } });
    const secretOf = async () => ((await store.profiles.find(context, 'scep', profile.id)) as ScepProfile).challengeCheck?.secret.reveal();
    t.equal(await secretOf(), 'the first of two');
    await store.profiles.updateScep(context, profile.id, 1, { name: 'Tablets' });
    t.equal(await secretOf(), 'the first of two', 'what is not named stays');
    await store.profiles.updateScep(context, profile.id, 2, { challengeCheck: check('the second') });
    t.equal(await secretOf(), 'the second');
    t.notMatch(JSON.stringify(await store.profiles.find(context, 'scep', profile.id)), /the second/, 'SCEP-100 a secret does not show itself');
    await store.profiles.updateScep(context, profile.id, 3, { challengeMode: 'one-time', challengeCheck: null });
    t.equal(((await store.profiles.find(context, 'scep', profile.id)) as ScepProfile).challengeCheck, null);
  });

  t.test('the audit tells who let SHA-1 and 3DES in, at creation and at a change', async (t) => {
    const { context, connectorId } = await tenantWithConnector(store);
    const profile = newScepProfile(connectorId, { policy: withLegacyAlgorithms(defaultPolicy) });
    await store.profiles.createScep(context, profile);
    await store.profiles.updateScep(context, profile.id, 1, { policy: defaultPolicy });
    await store.profiles.updateScep(context, profile.id, 2, { policy: { ...defaultPolicy, scep: { ...defaultPolicy.scep, digests: ['sha1', 'sha256'] } } });
    const { items } = await store.audit.list(context, { limit: 10, object: `profile:${profile.id}`, sort: 'at' });
    t.same(
      items.map(({ details }) => details.legacyAlgorithms),
      [['sha1', 'des-ede3-cbc'], undefined, ['sha1']],
    );
  });

  t.test('names the field that is taken: path, legacy path, default, connector', async (t) => {
    const first = await tenantWithConnector(store);
    const second = await tenantWithConnector(store);
    const path = `p-${unique()}`;
    const legacy = `/Legacy/${unique()}`;
    const conflict = (field: string) => ({ ok: false, error: { kind: 'conflict', field } });
    await store.profiles.createScep(first.context, newScepProfile(first.connectorId, { endpointPath: path, legacyPaths: [legacy] }));
    const { profiles } = store;
    t.same(await profiles.createScep(second.context, newScepProfile(second.connectorId, { endpointPath: path })), conflict('endpointPath'));
    t.equal((await profiles.createScep(second.context, newScepProfile(second.connectorId, { endpointPath: path.toUpperCase() }))).ok, true);
    t.equal((await profiles.createCmp(second.context, newCmpProfile(second.connectorId, { endpointPath: path }))).ok, true, 'per protocol');
    const sameLegacy = newScepProfile(second.connectorId, { legacyPaths: [legacy.toLowerCase()] });
    t.same(await profiles.createScep(second.context, sameLegacy), conflict('legacyPaths'));
    t.same(await profiles.createScep(second.context, newScepProfile(first.connectorId)), conflict('connectorId'), "another tenant's connector");
    const mail = newConnector({ type: 'smtp', name: 'Mail' });
    await store.connectors.create(first.context, mail);
    t.same(await profiles.createScep(first.context, newScepProfile(mail.id)), conflict('connectorId'), 'one that does not issue');
    const named = newScepProfile(first.connectorId);
    t.equal((await profiles.createScep(first.context, named)).ok, true);
    t.same(await profiles.createScep(first.context, newScepProfile(first.connectorId, { name: named.name })), conflict('name'));
    t.equal((await profiles.createCmp(first.context, newCmpProfile(first.connectorId, { name: named.name }))).ok, true, 'the other protocol may use it');
    t.equal((await profiles.createScep(second.context, newScepProfile(second.connectorId, { name: named.name }))).ok, true, 'and another tenant');
    const isDefault = newCmpProfile(first.connectorId, { isDefault: true });
    t.equal((await profiles.createCmp(first.context, isDefault)).ok, true);
    t.same(await profiles.createCmp(second.context, newCmpProfile(second.connectorId, { isDefault: true })), conflict('isDefault'));
    t.same(await profiles.remove(first.context, 'cmp', isDefault.id, 1), { ok: true, value: true });
  });

  t.test('counts orders, filters by rate, and goes only when nothing is open', async (t) => {
    const { context, connectorId } = await tenantWithConnector(store);
    const [good, poor] = [newScepProfile(connectorId, { name: 'good' }), newScepProfile(connectorId, { name: 'poor' })];
    for (const profile of [good, poor]) await store.profiles.createScep(context, profile);
    const order = () => newOrder({ profileId: good.id, connectorId });
    await store.orders.settleIssued(context, order(), newCertificate(), 'issuing');
    const open = order();
    await store.orders.record(context, open, 'ACCEPTED');
    await store.orders.record(context, newOrder({ profileId: poor.id }), { state: 'FAILED', failInfo: 'x', failReason: 'x' });
    await store.orders.record(context, newOrder({ profileId: poor.id }), { state: 'REJECTED', failInfo: 'x', failReason: 'x' });
    const page = await store.profiles.listScep(context, { limit: 10, sort: 'name' });
    t.match(page.items, [
      { name: 'good', orders: { success: 1, failed: 0, total: 2 } },
      { name: 'poor', orders: { success: 0, failed: 1, total: 2 } },
    ]);
    t.match(await store.profiles.listScep(context, { limit: 10, minSuccessRate: 50 }), { total: 1, items: [{ name: 'good' }] });
    t.match(await store.profiles.listScep(context, { limit: 10, maxSuccessRate: 50 }), { total: 1, items: [{ name: 'poor' }] });
    t.match(await store.profiles.remove(context, 'scep', good.id, 1), { ok: false, error: { kind: 'in-use', usedBy: [{ type: 'order', id: open.id }] } });
    await store.orders.move(context, open.id, ['ACCEPTED'], 'FAILED', 'x');
    t.same(await store.profiles.remove(context, 'scep', good.id, 1), { ok: true, value: true });
    t.match(await store.orderReader.find(context, open.id), { profileId: good.id }, 'its orders stay');
  });

  t.test('raises the epoch with every change of the configuration, and with no other', async (t) => {
    const { context, connectorId } = await tenantWithConnector(store);
    let epoch = await store.profiles.configEpoch();
    const rises = async (what: string, change: () => Promise<unknown>) => {
      await change();
      const next = await store.profiles.configEpoch();
      t.ok(next > epoch, what);
      epoch = next;
    };
    const profile = newScepProfile(connectorId);
    await rises('tenant', () => newTenant(store));
    await rises('connector', () => store.connectors.update(context, connectorId, 1, { name: 'x' }));
    await rises('profile', () => store.profiles.createScep(context, profile));
    await rises('secret', () => store.credentials.addSharedSecret(context, newSecret(profile.id)));
    await rises('removal', () => store.profiles.remove(context, 'scep', profile.id, 1));
    await store.orders.record(context, newOrder(), 'ACCEPTED');
    t.equal(await store.profiles.configEpoch(), epoch);
  });
}

function newSecret(profileId: string, change: Partial<SharedSecret> = {}): Omit<SharedSecret, 'tenantId' | 'createdAt'> {
  return { id: uuidv7(), profileId, reference: unique(), secret: new Secret(randomBytes(16)), status: 'active', expiresAt: null, ...change };
}

async function tenantWithProfile(store: Store) {
  const { context, connectorId } = await tenantWithConnector(store);
  const profile = newCmpProfile(connectorId);
  await store.profiles.createCmp(context, profile);
  return { context, profileId: profile.id };
}

async function credentials(t: Test, store: Store): Promise<void> {
  t.test('finds a shared secret while it may be used', async (t) => {
    const { context, profileId } = await tenantWithProfile(store);
    const secret = newSecret(profileId, { reference: 'ref/1 ü' });
    t.equal((await store.credentials.addSharedSecret(context, secret)).ok, true);
    const found = await store.credentials.findSharedSecret(context, profileId, 'ref/1 ü');
    t.same(found?.secret.reveal(), secret.secret.reveal());
    t.equal(await store.credentials.findSharedSecret(context, profileId, 'ref/2'), undefined);
    t.equal(await store.credentials.findSharedSecret(await newTenant(store), profileId, 'ref/1 ü'), undefined);
    const twin = newSecret(profileId, { reference: 'ref/1 ü' });
    t.same(await store.credentials.addSharedSecret(context, twin), { ok: false, error: { kind: 'conflict', field: 'reference' } });
    await store.credentials.addSharedSecret(context, newSecret(profileId, { reference: 'old', expiresAt: new Date(Date.now() - 1000) }));
    t.equal(await store.credentials.findSharedSecret(context, profileId, 'old'), undefined, 'expired');
    await store.credentials.addSharedSecret(context, newSecret(profileId, { reference: 'gone', status: 'revoked' }));
    t.equal(await store.credentials.findSharedSecret(context, profileId, 'gone'), undefined, 'revoked');
  });

  t.test('retires all shared secrets but one', async (t) => {
    const { context, profileId } = await tenantWithProfile(store);
    const [old, next] = [newSecret(profileId), newSecret(profileId)];
    for (const secret of [old, next]) await store.credentials.addSharedSecret(context, secret);
    const until = new Date(Date.now() + 60_000);
    await store.credentials.retireSharedSecrets(context, profileId, next.id, until);
    t.match(await store.credentials.listSharedSecrets(context, profileId), [
      { id: old.id, status: 'retiring', expiresAt: until },
      { id: next.id, status: 'active', expiresAt: null },
    ]);
    t.ok(await store.credentials.findSharedSecret(context, profileId, old.reference), 'usable until it expires');
  });

  t.test('carries an RA key from next to destroyed', async (t) => {
    const { context, profileId } = await tenantWithProfile(store);
    const { credentials } = store;
    const fresh = { purpose: 'cmp', state: 'next', spki: randomBytes(30), certificate: null, chain: [] } as const;
    const key = { ...fresh, id: uuidv7(), profileId, privateKey: new Secret(randomBytes(100)) };
    t.match(await credentials.addRaKey(context, key), { id: key.id, tenantId: context.tenantId, certificate: null });
    const chain = [randomBytes(20), randomBytes(30)];
    await credentials.setRaCertificate(context, key.id, Buffer.from('certificate'), chain, 'active');
    const [stored] = await credentials.listRaKeys(context, profileId);
    t.match(stored, { state: 'active', certificate: Buffer.from('certificate'), spki: key.spki });
    t.same([stored?.chain, stored?.privateKey.reveal()], [chain, key.privateKey.reveal()]);
    t.same(await credentials.listRaKeys(await newTenant(store), profileId), []);
    await credentials.setRaKeyState(await newTenant(store), key.id, 'destroyed');
    t.equal((await credentials.listRaKeys(system, profileId)).length, 1, 'not by a stranger');
    await credentials.setRaKeyState(context, key.id, 'retiring');
    t.match(await credentials.listRaKeys(system, profileId), [{ state: 'retiring' }]);
    await credentials.setRaKeyState(context, key.id, 'destroyed');
    t.same(await credentials.listRaKeys(context, profileId), []);
  });

  t.test('SCEP-044 puts a successor in the place of an RA key, both or neither', async (t) => {
    const { context, profileId } = await tenantWithProfile(store);
    const { credentials } = store;
    const fresh = () => ({ id: uuidv7(), profileId, purpose: 'scep', spki: randomBytes(30), chain: [], privateKey: new Secret(randomBytes(100)) }) as const;
    const old = await credentials.addRaKey(context, { ...fresh(), state: 'active', certificate: Buffer.from('old') });
    const next = await credentials.addRaKey(context, { ...fresh(), state: 'next', certificate: null });
    const inUse = { id: next.id, certificate: Buffer.from('new'), chain: [Buffer.from('ca')] };
    t.equal(await credentials.putRaKeyInUse(await newTenant(store), inUse, old.id), false, 'not by a stranger');
    const epoch = await store.profiles.configEpoch();
    t.equal(await credentials.putRaKeyInUse(context, inUse, old.id), true);
    t.equal(await store.profiles.configEpoch(), epoch + 1, 'one commit');
    t.match(await credentials.listRaKeys(context, profileId), [
      { id: old.id, state: 'retiring' },
      { id: next.id, state: 'active', certificate: Buffer.from('new'), chain: [Buffer.from('ca')] },
    ]);
    await credentials.setRaKeyState(context, old.id, 'destroyed');
    t.equal(await credentials.putRaKeyInUse(context, { ...inUse, id: old.id }, next.id), false, 'a destroyed key does not come back');
    t.match(await credentials.listRaKeys(context, profileId), [{ id: next.id, state: 'active' }], 'and the one in use stays so');
  });
}

async function access(t: Test, store: Store): Promise<void> {
  t.test('adds users with unique names', async (t) => {
    const before = await store.users.count();
    const facts = { email: 'a@example.test', displayName: 'A', roles: ['viewer', 'minter'], tenantIds: null, status: 'active' } as const;
    const shown = { id: uuidv7(), username: unique(), ...facts, mustChangePassword: false, identity: null };
    const user = { ...shown, passwordHash: '$scrypt$x' };
    t.match(await store.users.create(system, user), { ok: true, value: shown });
    t.same(await store.users.create(system, { ...user, id: uuidv7() }), { ok: false, error: { kind: 'conflict', field: 'username' } });
    t.match(await store.users.findByName(user.username), { user: shown, passwordHash: user.passwordHash });
    t.equal(await store.users.findByName('nobody\u0000'), undefined);
    t.equal(await store.users.count(), before + 1);
  });

  t.test('finds a token until it expires or is revoked', async (t) => {
    const hash = () => randomBytes(32);
    const token = () => ({ id: uuidv7(), tenantId: null, name: unique(), role: 'viewer', expiresAt: null }) as const;
    const [lasting, expired, revoked] = [hash(), hash(), hash()];
    await store.access.addToken(system, token(), lasting);
    await store.access.addToken(system, { ...token(), expiresAt: new Date(Date.now() - 1000) }, expired);
    const { id } = await store.access.addToken(system, token(), revoked);
    t.match(await store.access.findToken(lasting), { role: 'viewer', lastUsedAt: null });
    t.match(await store.access.findToken(lasting), { lastUsedAt: Date }, 'the use was noted');
    t.equal(await store.access.findToken(expired), undefined);
    t.ok(await store.access.findToken(revoked));
    t.equal(await store.access.revokeToken(await newTenant(store), id), false, 'not by a tenant that does not own it');
    t.equal(await store.access.revokeToken(system, id), true);
    t.equal(await store.access.revokeToken(system, id), false);
    t.equal(await store.access.findToken(revoked), undefined);
    t.equal(await store.access.findToken(hash()), undefined);
  });
}

async function settings(t: Test, store: Store): Promise<void> {
  t.test('stores a value once', async (t) => {
    const name = unique();
    t.equal(await store.settings.get(name), undefined);
    const standing = await Promise.all(['a', 'b', 'c'].map((value) => store.settings.putOnce(name, value)));
    t.equal(new Set(standing).size, 1);
    t.equal(await store.settings.get(name), standing[0]);
  });

  t.test('replaces a value for one of those who saw it', async (t) => {
    const name = unique();
    t.notOk(await store.settings.replace(name, 'a', 'b'), 'not what was never there');
    await store.settings.putOnce(name, 'a');
    const replaced = await Promise.all(['b', 'c', 'd'].map((value) => store.settings.replace(name, 'a', value)));
    t.equal(replaced.filter(Boolean).length, 1);
    t.equal(await store.settings.get(name), ['b', 'c', 'd'][replaced.indexOf(true)]);
  });
}
