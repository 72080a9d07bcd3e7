import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { orderStates, transitions } from '../../src/enrolment/order.js';
import type { CertificateStore, ClaimResult, NewOrder, OrderReader, OrderStore, RecordOutcome, RevocationQueue } from '../../src/enrolment/ports.js';
import type { NewRevocation } from '../../src/enrolment/revocation-ports.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import { isMoveAllowed, steps } from '../../src/store/orders/steps.js';
import type { ChallengeStore, NewChallenge } from '../../src/tenancy/challenge.js';
import type { TenantContext } from '../../src/tenancy/context.js';
import { claimedOrder, newCertificate, newOrder, newTenant, orderIn, system } from '../support/orders.js';
import { confirmations } from './confirmations.js';

export interface OrderPorts {
  readonly orders: OrderStore;
  readonly orderReader: Pick<OrderReader, 'find' | 'timeline'>;
  readonly certificates: CertificateStore;
  readonly revocations: RevocationQueue;
  readonly challenges: ChallengeStore;
  /** Waits until what was noted is written. */
  flush(): Promise<void>;
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const kinds = (outcomes: readonly RecordOutcome[]) => outcomes.map(({ kind }) => kind).sort();
const standing = (outcome: RecordOutcome) => (outcome.kind === 'existing' ? outcome.transaction : undefined);
const once = (copies: number) => [...Array.from({ length: copies - 1 }, () => 'existing'), 'recorded'];

/** What every implementation of the order ports does. `open` gives a fresh or shared set of ports. */
export async function orderStoreContract(t: Test, ports: OrderPorts): Promise<void> {
  await t.test('recording', (t) => recording(t, ports));
  await t.test('challenges', (t) => challenges(t, ports));
  await t.test('claims', (t) => claims(t, ports));
  await t.test('transitions', (t) => moves(t, ports));
  await t.test('time', (t) => time(t, ports));
  await t.test('certificates', (t) => certificates(t, ports));
  await t.test('revocations', (t) => revocations(t, ports));
  await t.test('confirmations', (t) => confirmations(t, ports));
}

async function recording(t: Test, { orders, orderReader, certificates, flush }: OrderPorts): Promise<void> {
  t.test('F4 records one of 20 simultaneous copies with a signed certificate, and answers the others with that one', async (t) => {
    const tenant = newTenant();
    const order = newOrder();
    const copies = Array.from({ length: 20 }, () => ({ order: newOrder({ ...order, id: newOrder().id }), certificate: newCertificate() }));
    const outcomes = await Promise.all(copies.map((copy) => orders.settleIssued(tenant, copy.order, copy.certificate, 'issuing')));
    t.same(kinds(outcomes), once(20));
    const winner = copies[outcomes.findIndex(({ kind }) => kind === 'recorded')];
    for (const outcome of outcomes) {
      if (outcome.kind === 'recorded') t.match(outcome.order, { state: 'ISSUED', certificateId: winner?.certificate.id, attempts: 1 });
      else t.same(standing(outcome)?.certificate, winner?.certificate.der);
    }
    t.ok((await orderReader.find(tenant, winner?.order.id ?? ''))?.finishedAt);
  });

  t.test('F4 records one of 20 simultaneous copies of an order that waits for its CA', async (t) => {
    const tenant = newTenant();
    const order = newOrder();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => orders.record(tenant, newOrder({ ...order, id: newOrder().id }), 'ACCEPTED')));
    t.same(kinds(outcomes), once(20));
    const [first] = outcomes.map((outcome) => (outcome.kind === 'recorded' ? outcome.order.id : standing(outcome)?.order.id));
    for (const outcome of outcomes) t.equal(outcome.kind === 'recorded' ? outcome.order.id : standing(outcome)?.order.id, first);
  });

  t.test('F5 shows what stands there when the same transaction brings other content, and changes nothing', async (t) => {
    const tenant = newTenant();
    const order = newOrder();
    await orders.settleIssued(tenant, order, newCertificate(), 'issuing');
    const other = newOrder({ ...newOrder(), dedupeKey: order.dedupeKey, profileId: order.profileId });
    const outcome = await orders.settleIssued(tenant, other, newCertificate(), 'issuing');
    t.ok(outcome.kind === 'existing' && outcome.transaction.contentHash.equals(order.contentHash));
    t.equal(await orderReader.find(tenant, other.id), undefined);
    t.equal((await orders.record(tenant, newOrder(), 'ACCEPTED')).kind, 'recorded', 'another key is an order of its own');
  });

  t.test('answers a repeated call with the same order id as recorded (F3: the answer of a commit was lost)', async (t) => {
    const tenant = newTenant();
    const order = newOrder();
    await orders.record(tenant, order, 'ACCEPTED');
    const transaction = await orders.findTransaction(tenant, order.dedupeKey);
    t.equal(transaction?.order.id, order.id);
  });

  t.test('keeps every field of an order, its session and its content hash', async (t) => {
    const tenant = newTenant();
    const order = newOrder({ protocol: 'cmp', operation: 'renewal', subject: 'CN=Ä "x" \\, 名', transactionId: "a'b%_\\" });
    const outcome = await orders.record(tenant, order, 'AWAITING_APPROVAL');
    const transaction = await orders.findTransaction(tenant, order.dedupeKey);
    t.same(outcome.kind === 'recorded' && outcome.order, transaction?.order);
    t.same(transaction?.session, order.session);
    t.same(transaction?.contentHash, order.contentHash);
    t.equal(transaction?.certificate, null);
    const { subject, transactionId, facts, credential, protocol, operation } = order;
    t.match(transaction?.order, { subject, transactionId, facts, credential, protocol, operation, tenantId: tenant.tenantId, state: 'AWAITING_APPROVAL' });
    t.same(transaction?.order.createdAt, order.receivedAt);
  });

  t.test('SCEP-151 records one of 10 simultaneous first enrolments of a device that may have one certificate only', async (t) => {
    const tenant = newTenant();
    const { profileId, accountIdentity } = newOrder();
    const exclusive = () => newOrder({ profileId, accountIdentity, isExclusive: true });
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => orders.record(tenant, exclusive(), 'ACCEPTED')));
    t.same(kinds(outcomes), [...Array.from({ length: 9 }, () => 'account-held'), 'recorded']);
    t.equal((await orders.record(tenant, newOrder({ profileId, isExclusive: true }), 'ACCEPTED')).kind, 'recorded', 'another device');
    t.equal((await orders.record(tenant, newOrder({ profileId, accountIdentity }), 'ACCEPTED')).kind, 'recorded', 'a renewal');
    const refused = { state: 'REJECTED', failInfo: 'account-held', failReason: 'held' } as const;
    t.equal((await orders.record(tenant, exclusive(), refused)).kind, 'recorded', 'a refusal is always put down');
  });

  t.test('SCEP-151 a renewal stays in the account of what it renews, whatever identity it shows', async (t) => {
    const tenant = newTenant();
    const { profileId, accountIdentity } = newOrder();
    const [first, second] = [newCertificate(), newCertificate({ notAfter: new Date(Date.now() + 86_400_000) })];
    await orders.settleIssued(tenant, newOrder({ profileId, accountIdentity }), { ...first, notAfter: new Date(Date.now() - 1_000) }, 'issuing');
    const accountId = (await certificates.findByFingerprint(tenant, first.sha256))?.accountId;
    if (accountId === undefined) return t.fail('a certificate knows its account');
    const renewal = newOrder({ profileId, renews: first.id, accountId });
    await orders.settleIssued(tenant, renewal, second, 'issuing');
    t.equal((await orderReader.find(tenant, renewal.id))?.accountId, accountId);
    const waiting = newOrder({ profileId, accountId });
    t.match(await orders.record(tenant, waiting, 'ACCEPTED'), { order: { accountId } });
    t.equal((await orderReader.find(tenant, waiting.id))?.accountId, accountId);
    t.equal((await orders.record(tenant, newOrder({ profileId, accountIdentity, isExclusive: true }), 'ACCEPTED')).kind, 'account-held');
  });

  t.test('SCEP-151 an account is free again when its certificate has expired or is revoked', async (t) => {
    const tenant = newTenant();
    const [expired, revoked, valid, held] = [newOrder(), newOrder(), newOrder(), newOrder()];
    await orders.settleIssued(tenant, held, newCertificate({ notAfter: new Date(Date.now() + 86_400_000) }), 'issuing');
    await orders.move(tenant, held.id, ['ISSUED'], 'REVOKE_WANTED', 'test', 6);
    await orders.move(tenant, held.id, ['REVOKE_WANTED'], 'REVOKED', 'test', 6);
    await orders.settleIssued(tenant, expired, newCertificate({ notAfter: new Date(Date.now() - 1_000) }), 'issuing');
    await orders.settleIssued(tenant, revoked, newCertificate({ notAfter: new Date(Date.now() + 86_400_000) }), 'issuing');
    await orders.move(tenant, revoked.id, ['ISSUED'], 'REVOKE_WANTED', 'test');
    await orders.move(tenant, revoked.id, ['REVOKE_WANTED'], 'REVOKED', 'test');
    await orders.settleIssued(tenant, valid, newCertificate({ notAfter: new Date(Date.now() + 86_400_000) }), 'issuing');
    const again = ({ profileId, accountIdentity }: NewOrder) =>
      orders.record(tenant, newOrder({ profileId, accountIdentity, isExclusive: true }), 'ACCEPTED').then(({ kind }) => kind);
    t.same(await Promise.all([expired, revoked, valid, held].map(again)), ['recorded', 'recorded', 'account-held', 'account-held'], 'a hold may be lifted');
  });

  t.test('records a refused request as a final order and counts its retries', async (t) => {
    const tenant = newTenant();
    const order = newOrder();
    const refused = { state: 'REJECTED', failInfo: 'key-size', failReason: 'too short' } as const;
    t.equal((await orders.record(tenant, order, refused)).kind, 'recorded');
    const again = await orders.record(tenant, newOrder({ ...order, id: newOrder().id }), refused);
    t.equal(again.kind, 'existing');
    await orders.countAttempt(tenant, order.id);
    const found = await orderReader.find(tenant, order.id);
    t.match(found, { state: 'REJECTED', failInfo: 'key-size', failReason: 'too short', attempts: 2 });
    t.ok(found?.finishedAt);
  });

  t.test('shows a tenant nothing of another', async (t) => {
    const tenant = newTenant();
    const other = newTenant();
    const order = await orderIn(orders, tenant, 'ISSUED');
    t.equal(await orderReader.find(other, order.id), undefined);
    t.equal(await orders.findTransaction(other, order.dedupeKey), undefined);
    t.same(await orders.findTransactions(other, order.profileId, order.transactionId), []);
    t.same(await orderReader.timeline(other, order.id), []);
    t.equal(await orders.move(other, order.id, ['ISSUED'], 'REVOKE_WANTED', 'x'), false);
    await orders.updateSession(other, order.dedupeKey, { stolen: true });
    orders.noteDelivered(other, order.id, 'DELIVERED');
    await flush();
    t.match(await orders.findTransaction(tenant, order.dedupeKey), { session: order.session, order: { state: 'ISSUED' } });
  });

  t.test('finds transactions by their text, whoever asked, and updates a session', async (t) => {
    const tenant = newTenant();
    const order = newOrder();
    const sibling = newOrder({ profileId: order.profileId, transactionId: order.transactionId });
    await orders.record(tenant, order, 'ACCEPTED');
    await orders.record(tenant, sibling, 'ACCEPTED');
    await orders.record(tenant, newOrder({ transactionId: order.transactionId }), 'ACCEPTED');
    const found = await orders.findTransactions(tenant, order.profileId, order.transactionId);
    t.same(found.map((item) => item.order.id).sort(), [order.id, sibling.id].sort());
    await orders.updateSession(tenant, order.dedupeKey, { step: 2, done: null });
    t.same((await orders.findTransaction(tenant, order.dedupeKey))?.session, { ...order.session, step: 2, done: null });
    const taken = await Promise.all([3, 4, 5].map((step) => orders.updateSession(tenant, order.dedupeKey, { step }, { step: 2 })));
    t.equal(taken.filter((isFirst) => isFirst).length, 1, 'of several that expect the same, one succeeds');
    t.equal((await orders.findTransaction(tenant, order.dedupeKey))?.session.step, [3, 4, 5][taken.indexOf(true)]);
    t.equal(await orders.updateSession(tenant, order.dedupeKey, { step: 9 }, { none: 'such' }), false);
    t.equal(await orders.updateSession(newTenant(), order.dedupeKey, { step: 9 }), false, 'of another tenant');
  });

  t.test('puts a new order in the place of one that is over, and only of the one that stands there', async (t) => {
    const tenant = newTenant();
    const old = await orderIn(orders, tenant, 'REJECTED');
    const next = newOrder({ profileId: old.profileId, dedupeKey: old.dedupeKey });
    t.equal((await orders.supersede(tenant, next, newOrder().id)).kind, 'existing', 'another order was meant');
    t.equal((await orders.supersede(tenant, next, old.id)).kind, 'recorded');
    t.match(await orders.findTransaction(tenant, old.dedupeKey), { order: { id: next.id, state: 'ACCEPTED' }, contentHash: next.contentHash });
    const late = newOrder({ profileId: old.profileId, dedupeKey: old.dedupeKey });
    t.equal((await orders.supersede(tenant, late, old.id)).kind, 'existing', 'the old one stands there no more');
    t.equal((await orders.supersede(tenant, late, next.id)).kind, 'existing', 'an open order does not give way');
    t.match(await orderReader.find(tenant, old.id), { state: 'REJECTED' });
    const over = await orderIn(orders, tenant, 'REJECTED');
    const waiting = newOrder({ profileId: over.profileId, dedupeKey: over.dedupeKey });
    t.match(await orders.supersede(tenant, waiting, over.id, 'AWAITING_APPROVAL'), { kind: 'recorded', order: { state: 'AWAITING_APPROVAL' } });
    t.match(await orderReader.find(tenant, waiting.id), { state: 'AWAITING_APPROVAL' });
  });

  t.test('lets one of many simultaneous successors win', async (t) => {
    const tenant = newTenant();
    const old = await orderIn(orders, tenant, 'FAILED');
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => orders.supersede(tenant, newOrder({ profileId: old.profileId, dedupeKey: old.dedupeKey }), old.id)),
    );
    t.same(kinds(outcomes), once(8));
  });

  t.test('tells the life of an order in its timeline', async (t) => {
    const tenant = newTenant();
    const claimed = await claimedOrder(orders, tenant);
    await orders.settleClaimed(tenant, claimed, { kind: 'issued', certificate: newCertificate() });
    orders.noteDelivered(tenant, claimed.order.id, 'DELIVERED');
    await flush();
    await orders.move(tenant, claimed.order.id, ['DELIVERED'], 'REVOKE_WANTED', 'lost');
    const timeline = await orderReader.timeline(tenant, claimed.order.id);
    t.same(
      timeline.map(({ state }) => state),
      ['ACCEPTED', 'ISSUING', 'ISSUED', 'DELIVERED', 'REVOKE_WANTED'],
    );
    t.match(timeline.at(-1), { actor: 'device', detail: 'lost' });
  });
}

function newChallenge(change: Partial<NewChallenge> = {}): NewChallenge {
  const expiresAt = new Date(Date.now() + 3_600_000);
  const unbound = { subject: null, sans: null, deviceId: null };
  return { id: uuidv7(), profileId: uuidv7(), mac: randomBytes(32), ...unbound, maxUses: 1, expiresAt, ...change };
}

/** The two ways to record an order that is not refused. */
const ways = {
  'with its certificate': (orders: OrderStore, tenant: TenantContext, order: NewOrder) => orders.settleIssued(tenant, order, newCertificate(), 'issuing'),
  'for its CA': (orders: OrderStore, tenant: TenantContext, order: NewOrder) => orders.record(tenant, order, 'ACCEPTED'),
};

async function challenges(t: Test, { orders, orderReader, challenges }: OrderPorts): Promise<void> {
  t.test('a minted challenge is found by its MAC, by its tenant and profile only, with everything it is bound to', async (t) => {
    const tenant = newTenant();
    const minted = newChallenge({ subject: 'CN=Ä,O=*', sans: ['dns:a.example', 'ip:::1'], deviceId: 'serial \\ 1', maxUses: 3 });
    await challenges.mint(tenant, minted);
    const { mac, ...fields } = minted;
    t.same(await challenges.find(tenant, minted.profileId, mac), { ...fields, used: 0, isExpired: false });
    t.equal(await challenges.find(newTenant(), minted.profileId, mac), undefined);
    t.equal(await challenges.find(tenant, uuidv7(), mac), undefined);
    t.equal(await challenges.find(tenant, minted.profileId, randomBytes(32)), undefined);
    const plain = newChallenge({ sans: [] });
    await challenges.mint(tenant, plain);
    t.match(await challenges.find(tenant, plain.profileId, plain.mac), { subject: null, sans: [], deviceId: null });
  });

  t.test('a derived challenge is admitted once, whoever is quickest, and then used up like a minted one', async (t) => {
    const tenant = newTenant();
    const derived = newChallenge({ sans: ['dns:a.example'], deviceId: 'device-1' });
    const admitted = await Promise.all(Array.from({ length: 5 }, () => challenges.admit(tenant, { ...derived, id: uuidv7() })));
    t.equal(new Set(admitted.map(({ id }) => id)).size, 1);
    const [challenge] = admitted;
    t.match(challenge, { sans: ['dns:a.example'], deviceId: 'device-1', used: 0, maxUses: 1, isExpired: false });
    const order = newOrder({ profileId: derived.profileId, challengeId: challenge?.id ?? '' });
    t.equal((await orders.record(tenant, order, 'ACCEPTED')).kind, 'recorded');
    t.match(await challenges.admit(tenant, { ...derived, id: uuidv7() }), { id: challenge?.id, used: 1 });
  });

  for (const [way, recordBy] of Object.entries(ways)) {
    t.test(`AB-21 SCEP-097 twenty simultaneous orders ${way} that share a one-time challenge are one order`, async (t) => {
      const tenant = newTenant();
      const minted = newChallenge();
      await challenges.mint(tenant, minted);
      const wanted = Array.from({ length: 20 }, () => newOrder({ profileId: minted.profileId, challengeId: minted.id }));
      const outcomes = await Promise.all(wanted.map((order) => recordBy(orders, tenant, order)));
      t.same(kinds(outcomes), [...Array.from({ length: 19 }, () => 'challenge-spent'), 'recorded']);
      for (const [index, { id, dedupeKey }] of wanted.entries()) {
        const isRecorded = outcomes[index]?.kind === 'recorded';
        t.equal((await orderReader.find(tenant, id)) !== undefined, isRecorded);
        t.equal((await orders.findTransaction(tenant, dedupeKey)) !== undefined, isRecorded, 'a refused one leaves no transaction');
      }
      t.match(await challenges.find(tenant, minted.profileId, minted.mac), { used: 1 });
    });

    t.test(`AB-21 copies of one request ${way} use its challenge once, and find its order when it is used up`, async (t) => {
      const tenant = newTenant();
      const minted = newChallenge({ maxUses: 2 });
      await challenges.mint(tenant, minted);
      const order = newOrder({ profileId: minted.profileId, challengeId: minted.id });
      const copies = () => Promise.all(Array.from({ length: 8 }, () => recordBy(orders, tenant, newOrder({ ...order, id: uuidv7() }))));
      t.same(kinds(await copies()), once(8));
      t.match(await challenges.find(tenant, minted.profileId, minted.mac), { used: 1 });
      const others = await Promise.all(
        Array.from({ length: 4 }, () => recordBy(orders, tenant, newOrder({ profileId: minted.profileId, challengeId: minted.id }))),
      );
      t.same(kinds(others), ['challenge-spent', 'challenge-spent', 'challenge-spent', 'recorded'], 'as often as it was minted for');
      t.same(
        kinds(await copies()),
        Array.from({ length: 8 }, () => 'existing'),
      );
      t.match(await challenges.find(tenant, minted.profileId, minted.mac), { used: 2 });
    });

    t.test(`SCEP-099 an order ${way} does not use an expired challenge; others beside it are recorded`, async (t) => {
      const tenant = newTenant();
      const [old, good] = [newChallenge({ expiresAt: new Date(Date.now() - 1000) }), newChallenge()];
      await challenges.mint(tenant, old);
      await challenges.mint(tenant, good);
      t.match(await challenges.find(tenant, old.profileId, old.mac), { isExpired: true });
      const [late, timely, plain] = await Promise.all([
        recordBy(orders, tenant, newOrder({ challengeId: old.id })),
        recordBy(orders, tenant, newOrder({ challengeId: good.id })),
        recordBy(orders, tenant, newOrder()),
      ]);
      t.same([late?.kind, timely?.kind, plain?.kind], ['challenge-spent', 'recorded', 'recorded']);
    });
  }

  t.test('AB-21 a refused order uses no challenge; the one that takes its place does', async (t) => {
    const tenant = newTenant();
    const minted = newChallenge();
    await challenges.mint(tenant, minted);
    const old = newOrder({ profileId: minted.profileId, challengeId: minted.id });
    await orders.record(tenant, old, { state: 'REJECTED', failInfo: 'key-size', failReason: 'too short' });
    t.match(await challenges.find(tenant, minted.profileId, minted.mac), { used: 0 });
    const next = newOrder({ profileId: old.profileId, dedupeKey: old.dedupeKey, challengeId: minted.id });
    t.equal((await orders.supersede(tenant, next, old.id)).kind, 'recorded');
    t.match(await challenges.find(tenant, minted.profileId, minted.mac), { used: 1 });
    const other = await orderIn(orders, tenant, 'REJECTED');
    const late = newOrder({ profileId: other.profileId, dedupeKey: other.dedupeKey, challengeId: minted.id });
    t.equal((await orders.supersede(tenant, late, other.id)).kind, 'challenge-spent');
    t.match(await orders.findTransaction(tenant, other.dedupeKey), { order: { id: other.id } }, 'what stood there stands');
  });

  t.test('forgets what expired a month ago, and nothing younger', async (t) => {
    const tenant = newTenant();
    const [old, young] = [31, 29].map((days) => newChallenge({ expiresAt: new Date(Date.now() - days * 86_400_000) })) as [NewChallenge, NewChallenge];
    await challenges.mint(tenant, old);
    await challenges.mint(tenant, young);
    t.ok((await challenges.forget(system)) >= 1);
    t.equal(await challenges.find(tenant, old.profileId, old.mac), undefined);
    t.ok(await challenges.find(tenant, young.profileId, young.mac));
  });
}

async function claims(t: Test, { orders, orderReader, challenges, flush: _flush }: OrderPorts): Promise<void> {
  t.test('an order that is called for at once stands with its claim, fence and intent; one of 20 simultaneous copies', async (t) => {
    const tenant = newTenant();
    const order = newOrder({ subject: 'CN=Ä "x" \\, 名', operation: 'renewal', renews: uuidv7() });
    const copies = Array.from({ length: 20 }, () => newOrder({ ...order, id: uuidv7() }));
    const outcomes = await Promise.all(copies.map((copy) => orders.recordClaimed(tenant, copy, 60_000)));
    t.same(outcomes.map(({ kind }) => kind).sort(), ['claimed', ...Array.from({ length: 19 }, () => 'existing')]);
    const own = outcomes.find((outcome) => outcome.kind === 'claimed')?.claimed;
    if (own === undefined) return t.fail('one has it');
    t.match(own, { fence: 1, calls: 1, caReference: null, caRef: `${tenant.tenantId}-${own.order.id}`, order: { state: 'ISSUING', subject: order.subject } });
    t.same(own.request, order.request);
    t.same(await orderReader.find(tenant, own.order.id), own.order, 'as it stands');
    for (const outcome of outcomes) if (outcome.kind === 'existing') t.equal(outcome.transaction.order.id, own.order.id);
    t.equal(await orders.claim(system, own.order.id, 60_000), undefined, 'nobody else calls for it');
    t.equal(await orders.settleClaimed(tenant, own, { kind: 'issued', certificate: newCertificate() }), true);
    const states = (await orderReader.timeline(tenant, own.order.id)).map(({ state }) => state);
    t.same(states, ['ISSUING', 'ISSUED']);
  });

  t.test('F6 an order whose caller died before its call is reaped, looked up, and called for again with the same request', async (t) => {
    const tenant = newTenant();
    const order = newOrder();
    t.equal((await orders.recordClaimed(tenant, order, 1)).kind, 'claimed');
    await wait(10);
    t.ok((await orders.reapLeases(system)) >= 1);
    const lookup = await orders.claimLookup(system, order.id, 60_000);
    t.same(lookup?.request, order.request);
    t.ok(lookup?.calledAt, 'when the call may have gone out');
    await orders.settleClaimed(tenant, lookup as NonNullable<typeof lookup>, { kind: 'retry', reason: 'nothing there', delayMs: 0 });
    t.match(await orders.claim(system, order.id, 60_000), { calls: 1, order: { state: 'ISSUING' } }, 'the call that its caller took along does not count');
  });

  t.test('AB-21 many orders that are called for at once and share a one-time challenge are one order', async (t) => {
    const tenant = newTenant();
    const minted = newChallenge();
    await challenges.mint(tenant, minted);
    const wanted = Array.from({ length: 10 }, () => newOrder({ profileId: minted.profileId, challengeId: minted.id }));
    const outcomes = await Promise.all(wanted.map((order) => orders.recordClaimed(tenant, order, 60_000)));
    t.same(outcomes.map(({ kind }) => kind).sort(), [...Array.from({ length: 9 }, () => 'challenge-spent'), 'claimed']);
    for (const [index, { id, dedupeKey }] of wanted.entries()) {
      const isClaimed = outcomes[index]?.kind === 'claimed';
      t.equal((await orderReader.find(tenant, id)) !== undefined, isClaimed);
      t.equal((await orders.findTransaction(tenant, dedupeKey)) !== undefined, isClaimed, 'a refused one leaves no transaction');
    }
  });

  t.test("many claims and many results of one moment are each their own order's; a lost fence among them stays alone", async (t) => {
    const tenant = newTenant();
    const all = Array.from({ length: 12 }, () => newOrder());
    await Promise.all(all.map((order) => orders.record(tenant, order, 'ACCEPTED')));
    const claimed = await Promise.all(all.map((order) => orders.claim(system, order.id, 60_000)));
    const fenced = claimed[3];
    await orders.move(tenant, fenced?.order.id ?? '', ['ISSUING'], 'UNCERTAIN', 'the node was paused');
    const results = all.map(() => newCertificate());
    const settled = await Promise.all(
      claimed.map((item, index) => item && orders.settleClaimed(tenant, item, { kind: 'issued', certificate: results[index] as (typeof results)[number] })),
    );
    t.same(
      settled,
      all.map((_, index) => index !== 3),
    );
    for (const [index, { dedupeKey, request }] of all.entries()) {
      t.same(claimed[index]?.request, request);
      const standing = await orders.findTransaction(tenant, dedupeKey);
      t.same(standing?.certificate ?? null, index === 3 ? null : results[index]?.der);
    }
  });

  t.test('F15 gives an order to one of many claimers, with its request, fence and reference', async (t) => {
    const tenant = newTenant();
    const order = newOrder();
    await orders.record(tenant, order, 'ACCEPTED');
    const claimed = (await Promise.all(Array.from({ length: 10 }, () => orders.claim(system, order.id, 60_000)))).filter((item) => item !== undefined);
    t.equal(claimed.length, 1);
    t.same(claimed[0]?.request, order.request);
    t.match(claimed[0], { fence: 1, calls: 1, caRef: `${tenant.tenantId}-${order.id}`, caReference: null, order: { state: 'ISSUING' } });
    t.ok(claimed[0]?.calledAt);
    t.equal(await orders.claim(system, order.id, 60_000), undefined, 'not while it is being called');
    t.equal(await orders.claim(newTenant(), order.id, 60_000), undefined, 'not for another tenant');
  });

  t.test('F16 refuses the result of a claimer that lost its lease', async (t) => {
    const tenant = newTenant();
    const claimed = await claimedOrder(orders, tenant, newOrder(), 1);
    await wait(10);
    t.ok((await orders.reapLeases(system)) >= 1);
    t.match(await orderReader.find(tenant, claimed.order.id), { state: 'UNCERTAIN' });
    t.equal(await orders.settleClaimed(tenant, claimed, { kind: 'issued', certificate: newCertificate() }), false);
    t.match(await orderReader.find(tenant, claimed.order.id), { state: 'UNCERTAIN', certificateId: null });
    const lookup = await orders.claimLookup(system, claimed.order.id, 60_000);
    t.ok((lookup?.fence ?? 0) > claimed.fence + 1, 'reaping fenced the first one off, the look-up took a fence of its own');
    t.equal(lookup?.calls, 0, 'F6 a call whose process is gone does not count, nor does a look-up');
    t.ok((lookup?.calledMsAgo ?? 0) > 0, 'but it may be under way: the quarantine counts from it');
  });

  t.test('takes the same result twice as one (F3), and a late copy of what a look-up found as the same', async (t) => {
    const tenant = newTenant();
    const claimed = await claimedOrder(orders, tenant);
    const result: ClaimResult = { kind: 'issued', certificate: newCertificate() };
    t.equal(await orders.settleClaimed(tenant, claimed, result), true);
    t.equal(await orders.settleClaimed(tenant, claimed, result), true);
    t.equal(await orders.settleClaimed(tenant, claimed, { kind: 'issued', certificate: newCertificate() }), false);
    t.match(await orderReader.find(tenant, claimed.order.id), { state: 'ISSUED', certificateId: result.certificate.id });
  });

  t.test('does not reap a lease that lasts', async (t) => {
    const tenant = newTenant();
    const claimed = await claimedOrder(orders, tenant);
    await orders.reapLeases(system);
    t.match(await orderReader.find(tenant, claimed.order.id), { state: 'ISSUING' });
  });

  t.test('makes work due after its delay, in the kind of its state', async (t) => {
    const tenant = newTenant();
    const later = await claimedOrder(orders, tenant);
    await orders.settleClaimed(tenant, later, { kind: 'retry', reason: 'busy', delayMs: 60_000 });
    const cases = { ACCEPTED: 'issue', UNCERTAIN: 'lookup', CA_PENDING: 'poll' } as const;
    for (const [state, kind] of Object.entries(cases) as [keyof typeof cases, (typeof cases)[keyof typeof cases]][]) {
      const order = await orderIn(orders, tenant, state);
      const due = await orders.due(system, kind, 10_000);
      t.match(
        due.find(({ orderId }) => orderId === order.id),
        { tenantId: tenant.tenantId, profileId: order.profileId, connectorId: order.connectorId },
        state,
      );
      t.notOk(due.some(({ orderId }) => orderId === later.order.id));
    }
    const again = await claimedOrder(orders, tenant);
    await orders.settleClaimed(tenant, again, { kind: 'retry', reason: 'nothing there', delayMs: 0 });
    const isDue = async (kind: 'issue' | 'repeat') => (await orders.due(system, kind, 10_000)).some(({ orderId }) => orderId === again.order.id);
    t.same([await isDue('issue'), await isDue('repeat')], [false, true], 'what is to be called for once more is asked for by itself');
    t.equal(await orders.claim(system, later.order.id, 1000), undefined, 'not before its time');
  });

  t.test("keeps the CA's reference and counts the calls", async (t) => {
    const tenant = newTenant();
    const order = await orderIn(orders, tenant, 'CA_PENDING');
    const lookup = await orders.claimLookup(system, order.id, 60_000);
    t.match(lookup, { caReference: 'ca-1', calls: 1, order: { state: 'CA_PENDING' } });
    t.equal(await orders.claimLookup(system, order.id, 60_000), undefined, 'one look-up at a time');
    const retried = await claimedOrder(orders, tenant);
    await orders.settleClaimed(tenant, retried, { kind: 'retry', reason: 'busy', delayMs: 0 });
    t.match(await orders.claim(system, retried.order.id, 60_000), { calls: 2, fence: 2 });
  });
}

const results: Readonly<Record<ClaimResult['kind'], () => ClaimResult>> = {
  issued: () => ({ kind: 'issued', certificate: newCertificate() }),
  pending: () => ({ kind: 'pending', reference: 'ca-2', retryAfterSeconds: 0 }),
  rejected: () => ({ kind: 'rejected', reason: 'not allowed' }),
  retry: () => ({ kind: 'retry', reason: 'busy', delayMs: 0 }),
  uncertain: () => ({ kind: 'uncertain', reason: 'timeout', delayMs: 0 }),
  stuck: () => ({ kind: 'stuck', reason: 'cannot look up' }),
  failed: () => ({ kind: 'failed', reason: 'too often' }),
};

async function moves(t: Test, { orders, orderReader }: OrderPorts): Promise<void> {
  t.test('moves orders along `transitions` and no other way: all 196 pairs', async (t) => {
    const tenant = newTenant();
    for (const from of orderStates) {
      for (const to of orderStates) {
        const order = await orderIn(orders, tenant, from);
        const hasNoCertificate = from === 'EXPIRED';
        const isExpected = isMoveAllowed(from, to) && !hasNoCertificate;
        if (isExpected) t.ok(transitions[from].includes(to));
        t.equal(await orders.move(tenant, order.id, [from], to, 'test'), isExpected, `${from} -> ${to}`);
        t.equal((await orderReader.find(tenant, order.id))?.state, isExpected ? to : from, `${from} -> ${to}`);
      }
    }
  });

  t.test('does not move an order that is elsewhere', async (t) => {
    const tenant = newTenant();
    const order = await orderIn(orders, tenant, 'ACCEPTED');
    t.equal(await orders.move(tenant, order.id, ['AWAITING_APPROVAL', 'STUCK'], 'ACCEPTED', 'x'), false);
    t.equal(await orders.move(tenant, newOrder().id, ['ACCEPTED'], 'FAILED', 'x'), false);
    const raced = await orderIn(orders, tenant, 'AWAITING_APPROVAL');
    const both = await Promise.all(['ACCEPTED', 'REJECTED'].map((to) => orders.move(tenant, raced.id, ['AWAITING_APPROVAL'], to as 'ACCEPTED', 'x')));
    t.same(both.sort(), [false, true]);
  });

  for (const state of ['ISSUING', 'UNCERTAIN', 'CA_PENDING'] as const) {
    for (const kind of Object.keys(results) as ClaimResult['kind'][]) {
      const path = steps[state][kind];
      t.test(`${state} and the result "${kind}": ${path.join(', ') || 'stays'}`, async (t) => {
        const tenant = newTenant();
        const order = state === 'ISSUING' ? newOrder() : await orderIn(orders, tenant, state);
        const claimed = state === 'ISSUING' ? await claimedOrder(orders, tenant, order) : await orders.claimLookup(system, order.id, 60_000);
        if (claimed === undefined) throw new Error('it was free');
        t.equal(await orders.settleClaimed(tenant, claimed, results[kind]()), true);
        t.equal((await orderReader.find(tenant, order.id))?.state, path.at(-1) ?? state);
        let standing: keyof typeof transitions = state;
        for (const step of path) {
          t.ok(transitions[standing].includes(step), `${standing} -> ${step}`);
          standing = step;
        }
        const passed = (await orderReader.timeline(tenant, order.id)).map((entry) => entry.state);
        t.same(passed.slice(passed.length - path.length), path);
      });
    }
  }

  t.test('says why an order is over', async (t) => {
    const tenant = newTenant();
    const rejected = await claimedOrder(orders, tenant);
    await orders.settleClaimed(tenant, rejected, { kind: 'rejected', reason: 'not allowed' });
    t.match(await orderReader.find(tenant, rejected.order.id), { failInfo: 'ca-refused', failReason: 'not allowed' });
    const duplicate = await claimedOrder(orders, tenant);
    await orders.settleClaimed(tenant, duplicate, { kind: 'rejected', reason: 'not allowed to use same key', code: 'ca-duplicate' });
    t.match(await orderReader.find(tenant, duplicate.order.id), { state: 'REJECTED', failInfo: 'ca-duplicate', failReason: 'not allowed to use same key' });
    const denied = await orderIn(orders, tenant, 'AWAITING_APPROVAL');
    await orders.move(tenant, denied.id, ['AWAITING_APPROVAL'], 'REJECTED', 'unknown device');
    const found = await orderReader.find(tenant, denied.id);
    t.match(found, { failInfo: 'order-rejected', failReason: 'unknown device' });
    t.ok(found?.finishedAt);
  });
}

async function time(t: Test, { orders, orderReader, revocations }: OrderPorts): Promise<void> {
  const past = () => newOrder({ deadline: new Date(Date.now() - 1_000) });

  t.test('expires open orders past their deadline, and no others', async (t) => {
    const tenant = newTenant();
    const late = await Promise.all(
      (['AWAITING_APPROVAL', 'ACCEPTED', 'UNCERTAIN', 'CA_PENDING', 'STUCK'] as const).map((s) => orderIn(orders, tenant, s, past())),
    );
    const early = await orderIn(orders, tenant, 'ACCEPTED');
    const called = await orderIn(orders, tenant, 'ISSUING', past());
    t.ok((await orders.expire(system)) >= late.length);
    for (const order of late) t.match(await orderReader.find(tenant, order.id), { state: 'EXPIRED', failInfo: 'order-expired', finishedAt: Date });
    t.match(await orderReader.find(tenant, early.id), { state: 'ACCEPTED' });
    t.match(await orderReader.find(tenant, called.id), { state: 'ISSUING' }, 'a call under way is waited for');
  });

  t.test('goes on looking for the certificate of an order that expired uncertain, and revokes it', async (t) => {
    const tenant = newTenant();
    const order = await orderIn(orders, tenant, 'UNCERTAIN', past());
    await orders.expire(system);
    t.ok((await orders.due(system, 'lookup', 10_000)).some(({ orderId }) => orderId === order.id));
    const lookup = await orders.claimLookup(system, order.id, 60_000);
    if (lookup === undefined) throw new Error('it was free');
    const certificate = newCertificate();
    t.equal(await orders.settleClaimed(tenant, lookup, { kind: 'issued', certificate }), true);
    t.match(await orderReader.find(tenant, order.id), { state: 'REVOKE_WANTED', certificateId: certificate.id });
    const wanted = await revocations.claim(system, 10_000, 60_000);
    t.same(wanted.find(({ orderId }) => orderId === order.id)?.certificate, certificate.der);
  });

  t.test('ends the search when the CA certainly issued nothing', async (t) => {
    const tenant = newTenant();
    const order = await orderIn(orders, tenant, 'UNCERTAIN', past());
    await orders.expire(system);
    const lookup = await orders.claimLookup(system, order.id, 60_000);
    if (lookup === undefined) throw new Error('it was free');
    t.equal(await orders.settleClaimed(tenant, lookup, { kind: 'retry', reason: 'nothing there', delayMs: 0 }), true);
    t.match(await orderReader.find(tenant, order.id), { state: 'EXPIRED' });
    t.notOk((await orders.due(system, 'lookup', 10_000)).some(({ orderId }) => orderId === order.id));
  });

  t.test('remembers the transactions of open orders and of those just over', async (t) => {
    const tenant = newTenant();
    const kept = [await orderIn(orders, tenant, 'ACCEPTED'), await orderIn(orders, tenant, 'ISSUED'), await orderIn(orders, tenant, 'REJECTED')];
    await orders.forgetTransactions(system);
    for (const order of kept) t.ok(await orders.findTransaction(tenant, order.dedupeKey));
  });
}

async function certificates(t: Test, { orders, orderReader, certificates: store, flush }: OrderPorts): Promise<void> {
  t.test('finds a certificate by fingerprint, serial and id, for its tenant only', async (t) => {
    const tenant = newTenant();
    const certificate = newCertificate();
    const order = newOrder();
    await orders.settleIssued(tenant, order, certificate, 'issuing');
    const found = await store.find(tenant, certificate.id);
    const { subject, sans, serial, issuer, notAfter, der, sha256 } = certificate;
    t.match(found, { subject, serial, issuer, orderId: order.id, profileId: order.profileId, status: 'valid' });
    t.same([found?.sans, found?.notAfter, found?.der, found?.sha256], [sans, notAfter, der, sha256]);
    t.same(await store.findByFingerprint(tenant, sha256), found);
    t.same(await store.findBySerial(tenant, certificate.issuerHash, serial), found);
    t.equal(await store.findByFingerprint(newTenant(), sha256), undefined);
    t.equal(await store.findBySerial(newTenant(), certificate.issuerHash, serial), undefined);
    t.equal(await store.find(newTenant(), certificate.id), undefined);
  });

  t.test('AB-22 a certificate knows that its revocation is wanted, until the CA has confirmed it', async (t) => {
    const tenant = newTenant();
    const [order, certificate] = [newOrder(), newCertificate()];
    await orders.settleIssued(tenant, order, certificate, 'issuing');
    await orders.move(tenant, order.id, ['ISSUED'], 'REVOKE_WANTED', 'stolen');
    t.match(await store.findByFingerprint(tenant, certificate.sha256), { status: 'valid', isRevocationWanted: true });
    await orders.move(tenant, order.id, ['REVOKE_WANTED'], 'REVOKED', 'stolen');
    const revoked = await store.findByFingerprint(tenant, certificate.sha256);
    t.same([revoked?.status, revoked?.isRevocationWanted], ['revoked', undefined]);
  });

  t.test('a confirmed renewal supersedes the certificate it renews, by certConf and by implicit confirmation', async (t) => {
    const tenant = newTenant();
    for (const confirm of ['move', 'note'] as const) {
      const old = newCertificate();
      const renewal = newOrder({ renews: old.id });
      await orders.settleIssued(tenant, newOrder(), old, 'issuing');
      await orders.settleIssued(tenant, renewal, newCertificate(), 'issuing');
      orders.noteDelivered(tenant, renewal.id, 'DELIVERED');
      await flush();
      t.equal((await store.find(tenant, old.id))?.status, 'valid', 'delivered is not confirmed');
      if (confirm === 'move') await orders.move(tenant, renewal.id, ['DELIVERED'], 'CONFIRMED', 'certConf');
      else orders.noteDelivered(tenant, renewal.id, 'CONFIRMED');
      await flush();
      t.equal((await store.find(tenant, old.id))?.status, 'superseded', confirm);
    }
  });

  t.test('F11 refuses a certificate that another order already has, and keeps a wrong one for its revocation', async (t) => {
    const tenant = newTenant();
    const certificate = newCertificate();
    await orders.settleIssued(tenant, newOrder(), certificate, 'issuing');
    const second = await claimedOrder(orders, tenant);
    const taken: ClaimResult = { kind: 'issued', certificate: { ...certificate, id: newCertificate().id } };
    t.equal(await orders.settleClaimed(tenant, second, taken), false, 'nobody hands it to a device');
    t.match(await orderReader.find(tenant, second.order.id), { state: 'STUCK', certificateId: null });
  });

  t.test('notes deliveries and confirmations, never backwards', async (t) => {
    const tenant = newTenant();
    const [delivered, confirmed, revoked] = [
      await orderIn(orders, tenant, 'ISSUED'),
      await orderIn(orders, tenant, 'ISSUED'),
      await orderIn(orders, tenant, 'REVOKE_WANTED'),
    ];
    orders.noteDelivered(tenant, delivered.id, 'DELIVERED');
    orders.noteDelivered(tenant, confirmed.id, 'CONFIRMED');
    orders.noteDelivered(tenant, confirmed.id, 'DELIVERED');
    orders.noteDelivered(tenant, revoked.id, 'DELIVERED');
    await flush();
    t.match(await orderReader.find(tenant, delivered.id), { state: 'DELIVERED' });
    t.match(await orderReader.find(tenant, confirmed.id), { state: 'CONFIRMED' });
    t.match(await orderReader.find(tenant, revoked.id), { state: 'REVOKE_WANTED' });
    orders.noteDelivered(tenant, delivered.id, 'CONFIRMED');
    await flush();
    t.match(await orderReader.find(tenant, delivered.id), { state: 'CONFIRMED' });
  });
}

async function revocations(t: Test, { orders, orderReader, certificates: store, revocations: queue }: OrderPorts): Promise<void> {
  const claimOf = async (orderId: string) => (await queue.claim(system, 10_000, 60_000)).find((due) => due.orderId === orderId);

  t.test('carries a wanted revocation from the move to the end', async (t) => {
    const tenant = newTenant();
    const certificate = newCertificate();
    const order = newOrder();
    await orders.settleIssued(tenant, order, certificate, 'issuing');
    await orders.move(tenant, order.id, ['ISSUED'], 'REVOKE_WANTED', 'lost');
    const due = await claimOf(order.id);
    t.same(due?.certificate, certificate.der);
    if (due === undefined) throw new Error('it was wanted');
    t.equal(await claimOf(order.id), undefined, 'leased');
    await queue.retry(due, 'the CA is away');
    t.equal(await claimOf(order.id), undefined, 'not at once again');
    await queue.done(tenant, due);
    t.match(await orderReader.find(tenant, order.id), { state: 'REVOKED' });
    t.equal((await store.find(tenant, certificate.id))?.status, 'revoked');
    await queue.done(tenant, due);
    t.match(await orderReader.find(tenant, order.id), { state: 'REVOKED' }, 'done twice is done');
  });

  const issue = async (tenant: TenantContext) => {
    const certificate = newCertificate();
    const order = newOrder();
    await orders.settleIssued(tenant, order, certificate, 'issuing');
    return { certificateId: certificate.id, orderId: order.id };
  };
  const asked = (wanted: NewRevocation['wanted'], more: Partial<NewRevocation> = {}): NewRevocation => {
    const { dedupeKey, contentHash, profileId, protocol, transactionId } = newOrder();
    return { dedupeKey, contentHash, profileId, protocol, transactionId, session: { type: 'rr', requester: 'a' }, reason: 'lost', wanted, ...more };
  };
  const carryOut = async (tenant: TenantContext, orderIds: readonly string[]) => {
    for (const due of await queue.claimOf(tenant, orderIds, 60_000)) await queue.done(tenant, due);
  };

  t.test('records what a device wants revoked under its transactionID, once, and knows until when the CA works on it', async (t) => {
    const tenant = newTenant();
    const [one, two] = [await issue(tenant), await issue(tenant)];
    const both = [one.orderId, two.orderId];
    const wanted = asked([
      { ...one, reason: 1 },
      { ...two, reason: 4 },
    ]);
    t.same(await queue.want(tenant, wanted), { kind: 'recorded' });
    t.match(await queue.want(tenant, wanted), { kind: 'existing', transaction: { session: { type: 'rr' }, contentHash: wanted.contentHash } });
    t.match(await orders.findTransaction(tenant, wanted.dedupeKey), { order: { id: one.orderId, state: 'REVOKE_WANTED' } });
    t.same((await orders.findTransactions(tenant, wanted.profileId, wanted.transactionId)).length, 1);
    const underWay = await queue.underWay(tenant, both);
    t.same(underWay.map(({ orderId }) => orderId).sort(), [...both].sort());
    t.notOk(underWay.some(({ isGivenUp }) => isGivenUp));
    t.same(await queue.underWay(newTenant(), both), [], 'not for another tenant');
    t.same(await queue.claimOf(newTenant(), both, 60_000), [], 'nor to be claimed by one');
    t.same(await queue.want(tenant, asked([{ ...one, reason: 1 }])), { kind: 'changed' }, 'while it is under way nobody wants it again');
    await carryOut(tenant, both);
    t.same(await queue.underWay(tenant, both), []);
    t.match(await store.find(tenant, two.certificateId), { status: 'revoked', revocationReason: 4 });
    t.match(await orderReader.find(tenant, two.orderId), { state: 'REVOKED' });
    t.same(await queue.want(tenant, asked([{ ...one, reason: 1 }])), { kind: 'changed' }, 'revoked is revoked');
    t.same(await queue.want(tenant, asked([{ ...one, reason: 8 }])), { kind: 'changed' }, 'for good');
  });

  t.test('all certificates of a message are wanted revoked, or none', async (t) => {
    const tenant = newTenant();
    const [good, revoked] = [await issue(tenant), await issue(tenant)];
    await queue.want(tenant, asked([{ ...revoked, reason: 1 }]));
    await carryOut(tenant, [revoked.orderId]);
    const wanted = asked([
      { ...good, reason: 1 },
      { ...revoked, reason: 1 },
    ]);
    t.same(await queue.want(tenant, wanted), { kind: 'changed' });
    t.equal(await orders.findTransaction(tenant, wanted.dedupeKey), undefined);
    t.match(await orderReader.find(tenant, good.orderId), { state: 'ISSUED' });
  });

  t.test('a certificate on hold is released, or revoked for good (CMP-144)', async (t) => {
    const tenant = newTenant();
    const certificate = await issue(tenant);
    const treat = async (reason: number) => {
      const recorded = await queue.want(tenant, asked([{ ...certificate, reason }]));
      await carryOut(tenant, [certificate.orderId]);
      const { status, revocationReason } = (await store.find(tenant, certificate.certificateId)) ?? {};
      return [recorded.kind, status, revocationReason, (await orderReader.find(tenant, certificate.orderId))?.state];
    };
    t.same(await treat(8), ['changed', 'valid', (await store.find(tenant, certificate.certificateId))?.revocationReason, 'ISSUED'], 'not on hold');
    t.same(await treat(6), ['recorded', 'revoked', 6, 'REVOKED']);
    t.same(await treat(8), ['recorded', 'valid', null, 'CONFIRMED']);
    t.same(await treat(6), ['recorded', 'revoked', 6, 'REVOKED'], 'once more');
    t.same(await treat(1), ['recorded', 'revoked', 1, 'REVOKED'], 'and then for good');
    t.same(await treat(8), ['changed', 'revoked', 1, 'REVOKED']);
  });

  t.test('F11 wants a wrong certificate revoked without touching the order that is stuck', async (t) => {
    const tenant = newTenant();
    const claimed = await claimedOrder(orders, tenant);
    const wrongCertificate = newCertificate().der;
    await orders.settleClaimed(tenant, claimed, { kind: 'stuck', reason: 'another key', wrongCertificate });
    const due = await claimOf(claimed.order.id);
    t.same(due?.certificate, wrongCertificate);
    if (due === undefined) throw new Error('it was wanted');
    await queue.done(tenant, due);
    t.match(await orderReader.find(tenant, claimed.order.id), { state: 'STUCK', failReason: 'another key' });
  });
}
