import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import type { Session } from '../../src/enrolment/order.js';
import type { NewOrder } from '../../src/enrolment/ports.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import type { TenantContext } from '../../src/tenancy/context.js';
import { claimedOrder, newCertificate, newOrder, newTenant, system } from '../support/orders.js';
import type { OrderPorts } from './order-store.js';

const hour = 3_600_000;
const wait = { confirmWait: 60 };

/** Waits for confirmations, as every implementation of the order ports ends them. */
export async function confirmations(t: Test, { orders, orderReader, revocations, flush }: OrderPorts): Promise<void> {
  const stateOf = async (tenant: TenantContext, order: NewOrder) => (await orderReader.find(tenant, order.id))?.state;
  const sessionOf = async (tenant: TenantContext, order: NewOrder) => (await orders.findTransaction(tenant, order.dedupeKey))?.session ?? {};
  const issued = async (tenant: TenantContext, session: Session, isDelivered = true) => {
    const order = newOrder({ protocol: 'cmp', session: { requester: 'ab', ...session } });
    await orders.settleIssued(tenant, order, newCertificate(), 'issuing');
    if (isDelivered) orders.noteDelivered(tenant, order.id, 'DELIVERED');
    await flush();
    return order;
  };

  t.test('CMP-129 a certificate that is not confirmed in time is revoked, once, by whoever sees it first', async (t) => {
    const tenant = newTenant();
    const now = Date.now();
    const late = await issued(tenant, { ...wait, confirmUntil: now - 1 });
    const running = await issued(tenant, { ...wait, confirmUntil: now + hour });
    const [first, second] = await Promise.all([orders.endConfirmations(system, new Date(now)), orders.endConfirmations(system, new Date(now))]);
    t.ok(first + second >= 1);
    t.equal(await stateOf(tenant, late), 'REVOKE_WANTED');
    t.match(await sessionOf(tenant, late), { confirmUntil: null, confirmMissed: true });
    t.equal(await stateOf(tenant, running), 'DELIVERED');
    t.match(await sessionOf(tenant, running), { confirmUntil: now + hour });
    const due = (await revocations.claim(system, 100, 60_000)).filter(({ orderId }) => orderId === late.id);
    t.equal(due.length, 1);
    await orders.endConfirmations(system, new Date(now));
    t.equal((await orderReader.timeline(tenant, late.id)).filter(({ state }) => state === 'REVOKE_WANTED').length, 1);
  });

  t.test('CMP-129 a profile may keep such certificates: the order says so and stays', async (t) => {
    const tenant = newTenant();
    const order = await issued(tenant, { ...wait, confirmUntil: Date.now() - 1, keepUnconfirmed: true });
    await orders.endConfirmations(system, new Date());
    t.equal(await stateOf(tenant, order), 'DELIVERED');
    t.match(await sessionOf(tenant, order), { confirmUntil: null, confirmMissed: true });
    t.same(
      (await revocations.claim(system, 100, 60_000)).filter(({ orderId }) => orderId === order.id),
      [],
    );
  });

  t.test('CMP-129 what was confirmed is left alone, also when nobody came to end its wait', async (t) => {
    const tenant = newTenant();
    const order = await issued(tenant, { ...wait, confirmUntil: Date.now() - 1 });
    await orders.move(tenant, order.id, ['DELIVERED'], 'CONFIRMED', 'The device confirmed the certificate.');
    await orders.endConfirmations(system, new Date());
    t.equal(await stateOf(tenant, order), 'CONFIRMED');
    t.match(await sessionOf(tenant, order), { confirmUntil: null, confirmMissed: undefined });
  });

  t.test('CMP-129 a certificate that never reached its device may be fetched for a day, and is then revoked', async (t) => {
    const tenant = newTenant();
    const now = Date.now();
    const order = await issued(tenant, { ...wait, confirmUntil: now - 1 }, false);
    await orders.endConfirmations(system, new Date(now));
    t.equal(await stateOf(tenant, order), 'ISSUED');
    const { confirmUntil } = await sessionOf(tenant, order);
    t.ok(Number(confirmUntil) > now + 23 * hour && Number(confirmUntil) < now + 25 * hour);
    await orders.endConfirmations(system, new Date(now + 25 * hour));
    t.equal(await stateOf(tenant, order), 'REVOKE_WANTED');
  });

  t.test('CMP-129 where the certificate comes later, the time for its confirmation begins with it', async (t) => {
    const tenant = newTenant();
    const order = newOrder({ protocol: 'cmp', session: { requester: 'ab', ...wait } });
    const claimed = await claimedOrder(orders, tenant, order);
    t.equal((await sessionOf(tenant, order)).confirmUntil, undefined);
    const before = Date.now();
    await orders.settleClaimed(tenant, claimed, { kind: 'issued', certificate: newCertificate() });
    const { confirmUntil } = await sessionOf(tenant, order);
    t.ok(Number(confirmUntil) > before + 50_000 && Number(confirmUntil) < before + 70_000);
    const other = newOrder({ session: { requester: 'ab' } });
    await orders.settleClaimed(tenant, await claimedOrder(orders, tenant, other), { kind: 'issued', certificate: newCertificate() });
    t.equal((await sessionOf(tenant, other)).confirmUntil, undefined, 'and nothing is awaited where nothing was announced');
  });

  t.test('CMP-117 a renewal is open until it is confirmed, refused, or its confirmation is no longer awaited', async (t) => {
    const tenant = newTenant();
    const renews = uuidv7();
    const identity = { profileId: uuidv7(), accountIdentity: randomBytes(32), renews, operation: 'renewal' as const };
    const next = newOrder({ ...newOrder(), ...identity });
    const awaited = { requester: 'ab', ...wait, confirmUntil: Date.now() + hour };
    const first = newOrder({ ...newOrder(), ...identity, session: awaited });
    t.equal(await orders.hasOpenRenewal(tenant, next), false);
    await orders.settleIssued(tenant, first, newCertificate(), 'issuing');
    t.equal(await orders.hasOpenRenewal(tenant, next), true, 'issued, and awaits its confirmation');
    t.equal(await orders.hasOpenRenewal(tenant, first), false, 'its own retransmission is no other');
    t.equal(await orders.hasOpenRenewal(tenant, newOrder({ ...next, renews: uuidv7() })), false, 'of another certificate');
    t.equal(await orders.hasOpenRenewal(newTenant(), next), false);
    await orders.updateSession(tenant, first.dedupeKey, { confirmUntil: null });
    t.equal(await orders.hasOpenRenewal(tenant, next), false);
    const second = newOrder({ ...newOrder(), ...identity });
    await orders.record(tenant, second, 'ACCEPTED');
    t.equal(await orders.hasOpenRenewal(tenant, next), true, 'still at its CA');
    await orders.move(tenant, second.id, ['ACCEPTED'], 'FAILED', 'test');
    t.equal(await orders.hasOpenRenewal(tenant, next), false);
  });
}
