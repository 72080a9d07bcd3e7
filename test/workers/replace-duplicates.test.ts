import t from 'tap';
import type { NewOrder } from '../../src/enrolment/ports.js';
import { systemClock } from '../../src/runtime/clock.js';
import { policySchema } from '../../src/tenancy/policy.js';
import { replaceDuplicatesJob } from '../../src/workers/replace-duplicates.js';
import { testDatabases } from '../support/database.js';
import { newCertificate, newOrder, newTenant } from '../support/orders.js';
import { scepProfile } from '../support/profiles.js';

for (const database of testDatabases()) {
  t.test(database.name, async (t) => {
    const { store, close } = await database.open();
    t.teardown(close);
    const tenant = newTenant();
    const replacing = scepProfile({ tenantId: tenant.tenantId, policy: policySchema.parse({ duplicates: 'replace' }) });
    const allowing = scepProfile({ tenantId: tenant.tenantId });
    const profiles = { all: async () => [replacing, allowing], configEpoch: async () => 1 };
    const notAfter = new Date(Date.now() + 86_400_000);

    async function issue(fields: Partial<NewOrder>): Promise<string> {
      const order = newOrder(fields);
      await store.orders.settleIssued(tenant, order, newCertificate({ notAfter }), 'issuing');
      return order.id;
    }
    const stateOf = async (id: string) => (await store.orderReader.find(tenant, id))?.state;

    await t.test('SCEP-151 a new enrolment of the same device has the older certificates revoked, and nothing else', async (t) => {
      const device = { profileId: replacing.id, accountIdentity: newOrder().accountIdentity };
      const elsewhere = { ...device, profileId: allowing.id };
      const first = await issue(device);
      const renews = (await store.orderReader.find(tenant, first))?.certificateId ?? null;
      const [renewed, other, kept] = [
        await issue({ ...device, operation: 'renewal', renews }),
        await issue({ profileId: replacing.id }),
        await issue(elsewhere),
      ];
      const job = replaceDuplicatesJob({ ...store, profiles, clock: systemClock });
      await job.run();
      t.equal(await stateOf(first), 'ISSUED', 'a renewal alone replaces nothing');
      const [fresh, keptToo] = [await issue(device), await issue(elsewhere)];
      await job.run();
      t.same(await Promise.all([first, renewed].map(stateOf)), ['REVOKE_WANTED', 'REVOKE_WANTED']);
      t.same(await Promise.all([other, kept, fresh, keptToo].map(stateOf)), ['ISSUED', 'ISSUED', 'ISSUED', 'ISSUED']);
      const due = await store.revocations.claim({ tenantId: null, actor: 'test' }, 10, 1_000);
      t.same(
        due.map(({ orderId, reason }) => ({ orderId, reason })).sort((a, b) => (a.orderId < b.orderId ? -1 : 1)),
        [
          { orderId: first, reason: 4 },
          { orderId: renewed, reason: 4 },
        ],
      );
      await job.run();
      t.equal(await stateOf(fresh), 'ISSUED', 'and another run changes nothing');
    });

    await t.test('SCEP-151 SCEP-110 a device that comes again with the certificate of another CA has its older certificate revoked', async (t) => {
      const moving = { profileId: replacing.id, accountIdentity: newOrder().accountIdentity, operation: 'renewal', renews: null } as const;
      const [first, second] = [await issue(moving), await issue(moving)];
      await replaceDuplicatesJob({ ...store, profiles, clock: systemClock }).run();
      t.same(await Promise.all([first, second].map(stateOf)), ['REVOKE_WANTED', 'ISSUED']);
    });

    await t.test('SCEP-151 what is on hold or superseded is replaced too: it could be good again', async (t) => {
      const device = { profileId: replacing.id, accountIdentity: newOrder().accountIdentity };
      const certificateOf = async (id: string) => (await store.orderReader.find(tenant, id))?.certificateId ?? '';
      const system = { tenantId: null, actor: 'test' };
      const [held, released, renewed] = [await issue(device), await issue(device), await issue(device)];
      const renewal = await issue({ ...device, operation: 'renewal', renews: await certificateOf(renewed) });
      t.equal(await store.orders.move(tenant, renewal, ['ISSUED'], 'CONFIRMED', 'used'), true);
      for (const id of [held, released]) await store.orders.move(tenant, id, ['ISSUED'], 'REVOKE_WANTED', 'lost', 6);
      for (const due of await store.revocations.claim(system, 10, 1_000)) await store.revocations.done(tenant, due);
      t.same(await Promise.all([held, released].map(stateOf)), ['REVOKED', 'REVOKED']);
      t.equal(await store.orders.changeHeld(tenant, released, await certificateOf(released), 'found', 8), true);
      const fresh = await issue(device);
      const job = replaceDuplicatesJob({ ...store, profiles, clock: systemClock });
      await job.run();
      for (const due of await store.revocations.claim(system, 10, 1_000)) await store.revocations.done(tenant, due);
      await job.run();
      for (const due of await store.revocations.claim(system, 10, 1_000)) await store.revocations.done(tenant, due);
      const reasons = await Promise.all([held, released, renewed, renewal].map(async (id) => await store.certificates.find(tenant, await certificateOf(id))));
      t.match(reasons, Array(4).fill({ status: 'revoked', revocationReason: 4 }));
      t.equal(await stateOf(fresh), 'ISSUED');
      const audited = await store.audit.list(tenant, { limit: 50, object: `order:${held}`, sort: 'at' });
      t.ok(audited.items.some(({ action }) => action === 'certificate.revoke-wanted'));
    });

    await t.test('SCEP-151 a worker that was away finds what was issued meanwhile', async (t) => {
      const device = { profileId: replacing.id, accountIdentity: newOrder().accountIdentity };
      const [first] = [await issue(device), await issue(device)];
      await replaceDuplicatesJob({ ...store, profiles, clock: systemClock }).run();
      t.equal(await stateOf(first as string), 'REVOKE_WANTED');
    });
  });
}
