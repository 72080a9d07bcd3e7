import t from 'tap';
import { uuidv7 } from '../../src/runtime/ids.js';
import { systemContext, tenantContext } from '../../src/tenancy/context.js';
import { challengeMac } from '../../src/tenancy/credentials.js';
import { testDatabases } from '../support/database.js';
import { newCertificate, newOrder } from '../support/orders.js';
import { openDesk } from './desk.js';

t.setTimeout(120_000);

for (const database of testDatabases()) {
  t.test(`over ${database.name}`, { timeout: 120_000 }, async (t) => {
    const { store, close } = await database.open();
    const auditEvents = async () => (await store.audit.list(systemContext('cli'), { limit: 1000 })).items;
    const { deviceSecrets, givenUpRevocations } = store;
    const desk = await openDesk(async () => ({ ...store, addOrder: async () => '', auditEvents, close }), { deviceSecrets, givenUpRevocations });
    t.teardown(() => desk.close());
    const tenant = await desk.addTenant();
    const { body: profile } = await tenant.admin('POST', '/api/v1/cmp-profiles', { name: 'Lamps', connectorId: tenant.connectorId });
    const base = `/api/v1/cmp-profiles/${profile.id}`;
    const context = tenantContext(tenant.id, 'device');

    await t.test('CMP-215 a secret for one device is made by whoever may mint, shown once, and good for one order unless more are asked for', async (t) => {
      const minter = await desk.as('minter', tenant.id);
      const minted = await minter('POST', `${base}/device-secrets`, { subject: 'CN=lamp-7', sans: ['dns:lamp-7.example'], label: 'Lamp 7' });
      t.equal(minted.status, 201);
      t.equal(minted.headers['cache-control'], 'no-store');
      t.match(minted.body, { reference: /^[A-Za-z0-9]{16}$/, secret: /^[A-Za-z0-9]{24}$/ }, '142 bits');
      const found = await store.credentials.findSharedSecret(context, profile.id, minted.body.reference);
      t.equal(found?.secret.reveal().toString(), minted.body.secret);
      t.same(found?.limits, { maxUses: 1, used: 0, subject: 'CN=lamp-7', sans: ['dns:lamp-7.example'] });
      const listed = await tenant.admin('GET', `${base}/device-secrets`);
      t.match(listed.body.items, [{ id: minted.body.id, reference: minted.body.reference, label: 'Lamp 7', uses: 1, used: 0, isExpired: false }]);
      t.notOk(JSON.stringify(listed.body).includes(minted.body.secret));
      t.equal((await minter('GET', `${base}/device-secrets`)).status, 403);
      t.equal((await minter('DELETE', `${base}/device-secrets/${minted.body.id}`)).status, 403);
      t.match((await tenant.admin('GET', base)).body.credentials.reference, profile.credentials.reference, 'the secret of the profile is another');
      const events = JSON.stringify(await auditEvents());
      t.ok(events.includes('device-secret.minted') && !events.includes(minted.body.secret));
      t.equal((await tenant.admin('DELETE', `${base}/device-secrets/${minted.body.id}`)).status, 204);
      t.equal((await tenant.admin('DELETE', `${base}/device-secrets/${minted.body.id}`)).status, 404);
      t.equal(await store.credentials.findSharedSecret(context, profile.id, minted.body.reference), undefined);
    });

    await t.test('what cannot be is refused', async (t) => {
      const post = (body: object) => tenant.admin('POST', `${base}/device-secrets`, body);
      t.equal((await post({ reference: 'lamp-1', uses: 5 })).status, 201);
      t.equal((await post({ reference: 'lamp-1' })).status, 409, 'the reference is taken');
      const past = new Date(desk.clock.now().getTime() - 1_000).toISOString();
      for (const body of [{ uses: 0 }, { reference: 'with space' }, { subject: 'nonsense' }, { expiresAt: past }, { secret: 'my own' }])
        t.equal((await post(body)).status, 400, JSON.stringify(body));
      const stranger = await desk.addTenant();
      t.equal((await stranger.admin('POST', `${base}/device-secrets`, {})).status, 404);
      t.equal((await stranger.admin('GET', `${base}/device-secrets`)).status, 404);
    });

    await t.test('CMP-099 a registration token is kept as its MAC alone', async (t) => {
      const minted = await tenant.admin('POST', `${base}/registration-tokens`, { subject: 'CN=lamp-*', uses: 2 });
      t.equal(minted.status, 201);
      const mac = challengeMac(desk.deps.challengeMacKey, profile.id, minted.body.challenge);
      t.match(await store.challenges.find(context, profile.id, mac), { subject: 'CN=lamp-*', maxUses: 2, used: 0, isExpired: false });
      const late = new Date(desk.clock.now().getTime() + 400 * 86_400_000).toISOString();
      t.equal((await tenant.admin('POST', `${base}/registration-tokens`, { expiresAt: late })).status, 400);
    });

    await t.test('CMP-189 an operator lets a CA be asked again, or closes the order; others may not', async (t) => {
      const order = newOrder({ protocol: 'cmp', profileId: profile.id, connectorId: tenant.connectorId });
      await store.orders.settleIssued(context, order, newCertificate(), 'issuing');
      await store.orders.move(context, order.id, ['ISSUED'], 'REVOKE_WANTED', 'test', 1);
      const giveUp = async () => {
        const due = (await store.revocations.claim(systemContext('test'), 100, 1)).find((item) => item.orderId === order.id);
        if (due !== undefined) await store.revocations.giveUp(due, 'No such certificate.');
      };
      const url = `/api/v1/orders/${order.id}`;
      const operator = await desk.as('operator', tenant.id);
      t.equal((await operator('POST', `${url}/retry-revocation`, {})).status, 409, 'nothing was given up');
      await giveUp();
      t.match((await operator('GET', url)).body, { state: 'REVOKE_WANTED', failReason: 'No such certificate.' });
      t.equal((await (await desk.as('viewer', tenant.id))('POST', `${url}/retry-revocation`, {})).status, 403);
      t.equal((await (await desk.addTenant()).admin('POST', `${url}/close-revocation`, { reason: 'x' })).status, 404);
      t.match(await operator('POST', `${url}/retry-revocation`, {}), { status: 200, body: { state: 'REVOKE_WANTED', failReason: null } });
      await giveUp();
      t.equal((await operator('POST', `${url}/close-revocation`, {})).status, 400, 'without a reason');
      t.match(await operator('POST', `${url}/close-revocation`, { reason: 'Done by hand.' }), { status: 200, body: { state: 'REVOKED', failReason: null } });
      t.equal((await operator('POST', `${url}/close-revocation`, { reason: 'Again.' })).status, 409);
      t.equal((await operator('POST', `/api/v1/orders/${uuidv7()}/retry-revocation`, {})).status, 404);
    });
  });
}
