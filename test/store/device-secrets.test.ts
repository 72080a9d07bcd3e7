import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { uuidv7 } from '../../src/runtime/ids.js';
import { Secret } from '../../src/runtime/secret.js';
import { type TenantContext, tenantContext } from '../../src/tenancy/context.js';
import type { NewDeviceSecret } from '../../src/tenancy/device-secret.js';
import { defaultPolicy } from '../../src/tenancy/policy.js';
import { type RawStore, rawStores } from '../support/raw-store.js';

t.setTimeout(180_000);

for (const raw of await rawStores()) {
  t.test(raw.name, async (t) => {
    t.setTimeout(120_000);
    t.teardown(raw.close);
    await secrets(t, raw);
    await keys(t, raw);
    await passphrases(t, raw);
  });
}

/** A tenant with a CMP profile. */
async function profileOf({ connection }: RawStore): Promise<{ readonly context: TenantContext; readonly profileId: string }> {
  const [tenantId, connectorId, profileId] = [uuidv7(), uuidv7(), uuidv7()];
  const { kysely } = connection;
  await sql`insert into tenants (id, name, slug, status) values (${tenantId}, ${tenantId}, ${tenantId}, 'active')`.execute(kysely);
  await sql`insert into connectors (id, tenant_id, type, name, description, status, config) values (${connectorId}, ${tenantId}, 'crypto-engine', 'CA', '', 'active', '{}')`.execute(
    kysely,
  );
  await sql`insert into profiles (id, tenant_id, connector_id, protocol, name, endpoint_path, legacy_paths, description, status, policy, overrides)
    values (${profileId}, ${tenantId}, ${connectorId}, 'cmp', 'P', ${profileId}, '[]', '', 'active', ${JSON.stringify(defaultPolicy)}::jsonb, '{}')`.execute(
    kysely,
  );
  return { context: tenantContext(tenantId, 'user:admin'), profileId };
}

const query = { limit: 10 };

async function secrets(t: Test, raw: RawStore): Promise<void> {
  const { store, connection } = raw;
  const minted = (profileId: string, fields: Partial<NewDeviceSecret> = {}): NewDeviceSecret => ({
    ...{ id: uuidv7(), profileId, reference: randomBytes(8).toString('hex'), label: 'Lamp', subject: 'CN=lamp', sans: ['dns:lamp.example'], maxUses: 2 },
    ...{ expiresAt: new Date(Date.now() + 60_000), secret: new Secret(Buffer.from('only the device knows')), ...fields },
  });

  await t.test('CMP-215 a secret of one device is kept sealed, found by its reference, and counted once for each transaction', async (t) => {
    const { context, profileId } = await profileOf(raw);
    const secret = minted(profileId);
    t.equal(await store.deviceSecrets.mint(context, secret), true);
    t.equal(await store.deviceSecrets.mint(context, minted(profileId, { reference: secret.reference })), false, 'the reference is taken');
    const { rows } = await sql<{ ciphertext: Buffer }>`select ciphertext from shared_secrets where id = ${secret.id}`.execute(connection.kysely);
    t.notOk(rows[0]?.ciphertext.includes('only the device knows'));
    const found = await store.credentials.findSharedSecret(context, profileId, secret.reference);
    t.equal(found?.secret.reveal().toString(), 'only the device knows');
    t.same(found?.limits, { maxUses: 2, used: 0, subject: 'CN=lamp', sans: ['dns:lamp.example'] });
    const [first, second, third] = [randomBytes(32), randomBytes(32), randomBytes(32)];
    t.equal(await store.deviceSecrets.use(context, secret.id, first), true);
    t.equal(await store.deviceSecrets.use(context, secret.id, first), true, 'a retransmission');
    t.equal(await store.deviceSecrets.use(tenantContext(uuidv7(), 'device'), secret.id, second), false, 'another tenant');
    t.equal(await store.deviceSecrets.use(context, secret.id, second), true);
    t.equal(await store.deviceSecrets.use(context, secret.id, third), false, 'used up');
    t.equal((await store.credentials.findSharedSecret(context, profileId, secret.reference))?.limits?.used, 2, 'found all the same, for what is under way');
    t.equal(await store.deviceSecrets.use(context, 'x', third), false);
  });

  await t.test('CMP-219 of transactions that come at once for the last use one has it', async (t) => {
    const { context, profileId } = await profileOf(raw);
    const secret = minted(profileId, { maxUses: 1 });
    await store.deviceSecrets.mint(context, secret);
    const used = await Promise.all(Array.from({ length: 8 }, () => store.deviceSecrets.use(context, secret.id, randomBytes(32))));
    t.equal(used.filter(Boolean).length, 1);
  });

  await t.test('they are listed and ended by themselves, and no rotation of the profile touches them', async (t) => {
    const { context, profileId } = await profileOf(raw);
    const [secret, old] = [minted(profileId), minted(profileId, { label: null, subject: null, sans: null, expiresAt: new Date(Date.now() - 1_000) })];
    for (const item of [secret, old]) await store.deviceSecrets.mint(context, item);
    t.same(await store.credentials.listSharedSecrets(context, profileId), [], 'no secret of the whole profile');
    await store.credentials.retireSharedSecrets(context, profileId, uuidv7(), new Date());
    t.ok(await store.credentials.findSharedSecret(context, profileId, secret.reference));
    t.equal(await store.credentials.findSharedSecret(context, profileId, old.reference), undefined, 'expired');
    t.equal(await store.deviceSecrets.use(context, old.id, randomBytes(32)), false, 'expired');
    const { items } = await store.deviceSecrets.list(context, profileId, query);
    t.match(
      items.map(({ reference, label, isExpired, used }) => ({ reference, label, isExpired, used })),
      [
        { reference: old.reference, label: null, isExpired: true, used: 0 },
        { reference: secret.reference, label: 'Lamp', isExpired: false, used: 0 },
      ],
    );
    t.equal((await store.deviceSecrets.list(context, profileId, { ...query, q: 'lamp' })).items.length, 1);
    t.same((await store.deviceSecrets.list(tenantContext(uuidv7(), 'x'), profileId, query)).items, []);
    t.equal(await store.deviceSecrets.remove(tenantContext(uuidv7(), 'x'), profileId, secret.id), false);
    t.equal(await store.deviceSecrets.remove(context, profileId, secret.id), true);
    t.equal(await store.deviceSecrets.remove(context, profileId, secret.id), false);
    t.equal(await store.credentials.findSharedSecret(context, profileId, secret.reference), undefined);
  });
}

async function keys(t: Test, raw: RawStore): Promise<void> {
  await t.test('CMP-095 the first name of a key stays its name, also of two that come at once', async (t) => {
    const { certifiedKeys } = raw.store;
    const [{ context, profileId }, other] = [await profileOf(raw), await profileOf(raw)];
    const [key, name] = [randomBytes(32), randomBytes(32)];
    t.equal(await certifiedKeys.claim(context, profileId, key, name), true);
    t.equal(await certifiedKeys.claim(context, profileId, key, name), true, 'again');
    t.equal(await certifiedKeys.claim(context, profileId, key, randomBytes(32)), false);
    t.equal(await certifiedKeys.claim(other.context, other.profileId, key, randomBytes(32)), true, 'another profile');
    const fresh = randomBytes(32);
    const claims = await Promise.all(Array.from({ length: 8 }, () => certifiedKeys.claim(context, profileId, fresh, randomBytes(32))));
    t.equal(claims.filter(Boolean).length, 1);
  });
}

async function passphrases(t: Test, raw: RawStore): Promise<void> {
  const { store, connection } = raw;
  await t.test('CMP-167 a passphrase is kept sealed, one for each owner, found by its identifier in its profile until it expires', async (t) => {
    const [{ context, profileId }, elsewhere] = [await profileOf(raw), await profileOf(raw)];
    const soon = new Date(Date.now() + 60_000);
    const keep = (owner: string, keyId: string, text: string, expiresAt = soon) =>
      store.revocationPassphrases.keep(context, { profileId, owner, keyId: Buffer.from(keyId), passphrase: new Secret(Buffer.from(text)), expiresAt });
    const find = async (keyId: string) => {
      const found = await store.revocationPassphrases.find(context, profileId, Buffer.from(keyId));
      return found && `${found.owner} ${found.passphrase.reveal()}`;
    };
    t.equal(await keep('certificate:01', 'first', 'only one device knows'), true);
    t.equal(await find('first'), 'certificate:01 only one device knows');
    const { rows } = await sql<{ ciphertext: Buffer }>`select ciphertext from revocation_passphrases where profile_id = ${profileId}`.execute(
      connection.kysely,
    );
    t.notOk(
      rows.some(({ ciphertext }) => ciphertext.includes('only one device')),
      'sealed',
    );
    t.equal(await keep('certificate:02', 'first', 'an intruder'), false, 'the identifier of another owner');
    t.equal(await find('first'), 'certificate:01 only one device knows');
    t.equal(await keep('certificate:01', 'second', 'a later one'), true);
    t.same([await find('first'), await find('second')], [undefined, 'certificate:01 a later one'], 'the later one stands in its place');
    t.equal(await keep('certificate:01', 'second', 'under the same name'), true);
    t.equal(await find('second'), 'certificate:01 under the same name');
    t.equal(await store.revocationPassphrases.find(elsewhere.context, profileId, Buffer.from('second')), undefined, 'another tenant');
    t.equal(await store.revocationPassphrases.find(context, elsewhere.profileId, Buffer.from('second')), undefined, 'another profile');
    await keep('certificate:03', 'third', 'over', new Date(Date.now() - 1_000));
    t.equal(await find('third'), undefined, 'expired');
    await keep('certificate:04', 'third', 'the identifier is free again');
    t.equal(await find('third'), 'certificate:04 the identifier is free again');
  });
}
