import t, { type Test } from 'tap';
import { newCertificate, newOrder, newTenant, system } from '../support/orders.js';
import { type RawStore, rawStores } from '../support/raw-store.js';

t.setTimeout(400_000);

for (const raw of await rawStores()) {
  t.test(raw.name, async (t) => {
    t.setTimeout(300_000);
    t.teardown(raw.close);
    await stuck(t, raw);
    await surplus(t, raw);
    await counted(t, raw);
  });
}

/** An order whose CA call ended so that an operator has to look. */
async function stuckOrder({ store }: RawStore) {
  const tenant = newTenant();
  const order = newOrder();
  await store.orders.record(tenant, order, 'ACCEPTED');
  const claimed = await store.orders.claim(system, order.id, 10_000);
  if (claimed === undefined) throw new Error('not claimed');
  await store.orders.settleClaimed(tenant, claimed, { kind: 'stuck', reason: 'nobody knows' });
  return { tenant, order };
}

async function stuck(t: Test, raw: RawStore): Promise<void> {
  const { stuckOrders, orderReader, orders } = raw.store;

  await t.test('a stuck order begins anew, its calls forgotten; once, and for its own tenant', async (t) => {
    const { tenant, order } = await stuckOrder(raw);
    t.equal(await stuckOrders.retryStuck(newTenant(), order.id, 'x'), false);
    t.equal(await stuckOrders.retryStuck(tenant, order.id, 'the CA issued nothing'), true);
    t.equal(await stuckOrders.retryStuck(tenant, order.id, 'again'), false);
    t.match(await orders.claim(system, order.id, 10_000), { calls: 1 });
    const events = await orderReader.timeline(tenant, order.id);
    t.ok(events.some(({ state, detail }) => state === 'ACCEPTED' && detail.includes('the CA issued nothing')));
  });

  await t.test('a stuck order is given the certificate that its CA issued, which no other order may have', async (t) => {
    const { tenant, order } = await stuckOrder(raw);
    const other = await stuckOrder(raw);
    const certificate = newCertificate();
    t.match(await stuckOrders.openRequest(tenant, order.id), { publicKey: order.request.publicKey, pkcs10: order.request.pkcs10 });
    t.equal(await stuckOrders.openRequest(newTenant(), order.id), undefined);
    t.equal(await stuckOrders.resolveStuck(tenant, order.id, certificate, 'found at the CA'), true);
    t.match(await orderReader.find(tenant, order.id), { state: 'ISSUED', certificateId: certificate.id });
    t.ok((await orders.findTransaction(tenant, order.dedupeKey))?.certificate?.equals(certificate.der));
    t.equal(await stuckOrders.resolveStuck(tenant, order.id, newCertificate(), 'again'), false);
    t.equal(await stuckOrders.resolveStuck(other.tenant, other.order.id, certificate, 'the same'), 'taken');
    t.match(await orderReader.find(other.tenant, other.order.id), { state: 'STUCK' });
  });
}

async function surplus(t: Test, { store }: RawStore): Promise<void> {
  await t.test('F16 a certificate that came too late is revoked once its order is over without it, and only then', async (t) => {
    const tenant = newTenant();
    const order = newOrder();
    await store.orders.record(tenant, order, 'ACCEPTED');
    const lost = await store.orders.claim(system, order.id, -1);
    if (lost === undefined) throw new Error('not claimed');
    await store.orders.reapLeases(system);
    const late = newCertificate();
    t.equal(await store.orders.settleClaimed(tenant, lost, { kind: 'issued', certificate: late }), false);
    t.equal(await store.orders.revokeSurplus(system), 0, 'a look-up may yet adopt it');
    const looked = await store.orders.claimLookup(system, order.id, 10_000);
    t.type(looked?.calledMsAgo, 'number');
    if (looked === undefined) throw new Error('not claimed');
    await store.orders.settleClaimed(tenant, looked, { kind: 'issued', certificate: newCertificate() });
    t.equal(await store.orders.revokeSurplus(system), 1);
    t.equal(await store.orders.revokeSurplus(system), 0, 'it is wanted once');
    const due = await store.revocations.claim(system, 10, 60_000);
    t.match(
      due.find(({ orderId }) => orderId === order.id),
      { certificate: late.der, reason: 4 },
    );
  });
}

async function counted(t: Test, { store }: RawStore): Promise<void> {
  await t.test('F13 a call that never got to the CA is no call of its order; what is held back is not looked for', async (t) => {
    const tenant = newTenant();
    const order = newOrder();
    await store.orders.record(tenant, order, 'ACCEPTED');
    for (let round = 0; round < 3; round += 1) {
      const claimed = await store.orders.claim(system, order.id, 10_000);
      t.equal(claimed?.calls, 1);
      if (claimed !== undefined) await store.orders.settleClaimed(tenant, claimed, { kind: 'retry', reason: 'refused', delayMs: 0, notCounted: true });
    }
    const isDue = async (except?: readonly string[]) => (await store.orders.due(system, 'issue', 100, except)).find(({ orderId }) => orderId === order.id);
    t.ok(await isDue(), 'it is called for as if for the first time');
    t.equal(await isDue([order.connectorId]), undefined);
    t.equal((await store.circuits.waiting()).get(order.connectorId), 1);
  });
}
