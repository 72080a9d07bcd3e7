import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import type { Issuer, OrderStore } from '../../src/enrolment/ports.js';
import type { EnrolmentRequest } from '../../src/enrolment/request.js';
import { createEnrolment, enrolmentDeps } from '../../src/enrolment/service.js';
import { lookUpOrder } from '../../src/enrolment/settle.js';
import { nameFromText, publicKeyOf } from '../../src/pkix/index.js';
import { stoppedClock, systemClock } from '../../src/runtime/clock.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import { createLog } from '../../src/runtime/log.js';
import { systemContext } from '../../src/tenancy/context.js';
import { challengeMac } from '../../src/tenancy/credentials.js';
import { policySchema } from '../../src/tenancy/policy.js';
import type { Profile } from '../../src/tenancy/profile.js';
import { issueOrdersJob } from '../../src/workers/issue-orders.js';
import { lookUpOrdersJob } from '../../src/workers/look-up-orders.js';
import { tendOrdersJob } from '../../src/workers/tend-orders.js';
import { memoryStore } from '../support/memory-store.js';
import { scepProfile } from '../support/profiles.js';
import { runJob } from '../support/run-job.js';
import { createSlowIssuer } from '../support/slow-issuer.js';

const macKey = Buffer.alloc(32, 1);
const key = publicKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
const bare: Profile = scepProfile({ policy: policySchema.parse({}) });
const profile = { ...bare, challengeMac: challengeMac(macKey, bare.id, 'open') } as Profile;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function house(issuer: Issuer, changes: Partial<OrderStore> = {}, clock = systemClock) {
  const store = memoryStore(clock);
  const deps = enrolmentDeps({
    ...store,
    orders: { ...store.orders, ...changes },
    orderReader: store.orderReader as never,
    credentials: { findSharedSecret: async () => undefined },
    audit: { append: async () => undefined },
    issuers: { forProfile: async () => issuer, forOrder: async () => issuer },
    challengeMacKey: macKey,
    clock,
    log: createLog('silent'),
  });
  return { store, deps, enrolment: createEnrolment(deps) };
}

let counter = 0;

function request(): EnrolmentRequest {
  counter += 1;
  const subject = nameFromText(`CN=device-${counter}`);
  if (!subject.ok) throw new Error(subject.error);
  return {
    protocol: 'scep',
    intent: 'initial',
    transactionId: `t-${counter}`,
    requester: key.fingerprint,
    content: Buffer.from(`content ${counter}`),
    evidence: { challenge: 'open' },
    wanted: { publicKey: key, subject: subject.value, extensions: [] },
    facts: { clientIp: '192.0.2.1', clientFamily: 'unknown', keyType: key.name, digest: 'sha256', cipher: 'aes128-cbc' },
    session: {},
  };
}

t.test('F13 a CA that cannot be reached for however long fails no order and counts no call', async (t) => {
  const clock = stoppedClock(new Date());
  const slow = await createSlowIssuer();
  slow.always({ kind: 'notSent' });
  const { enrolment, store, deps } = house(slow.issuer, {}, clock);
  const asked = request();
  t.match(await enrolment.enrol(profile, asked), { kind: 'pending' });
  for (let hour = 0; hour < 20; hour += 1) {
    clock.advance(3_600_000);
    await runJob(issueOrdersJob(deps));
    t.match(await enrolment.poll(profile, asked), { kind: 'pending' });
  }
  t.ok(slow.calls.issue > 8, `${slow.calls.issue} tries`);
  slow.always({ kind: 'issue' });
  clock.advance(3_600_000);
  await runJob(issueOrdersJob(deps));
  t.equal((await enrolment.poll(profile, asked)).kind, 'issued');
  t.equal(store.all().length, 1);
});

t.test('a CA that swallows call after call is asked eight times, each after its quarantine; then an operator has to look', async (t) => {
  const clock = stoppedClock(new Date());
  const slow = await createSlowIssuer();
  slow.always({ kind: 'uncertain', isIssued: false });
  const { enrolment, store, deps } = house(slow.issuer, {}, clock);
  const asked = request();
  await enrolment.enrol(profile, asked);
  for (let round = 0; round < 40 && store.all()[0]?.state !== 'STUCK'; round += 1) {
    clock.advance(5_000);
    await runJob(lookUpOrdersJob(deps));
    await runJob(issueOrdersJob(deps));
  }
  t.match(store.all()[0], { state: 'STUCK', failReason: 'The CA was called 8 times, gave no answer and issued nothing.' });
  t.equal(slow.calls.issue, 8);
  t.equal((await enrolment.poll(profile, asked)).kind, 'pending', 'the device is not failed for it');
});

t.test('F6 claims whose process died make no order STUCK, however many; each is looked up, and asked for again only behind its quarantine', async (t) => {
  const clock = stoppedClock(new Date());
  const slow = await createSlowIssuer({ timing: { timeoutMs: 1_000, maxProcessingMs: 500 } });
  const { enrolment, store, deps } = house(slow.issuer, {}, clock);
  deps.issuers.forOrder = async () => undefined;
  deps.issuers.forProfile = async () => undefined;
  const asked = request();
  await enrolment.enrol(profile, asked);
  deps.issuers.forOrder = async () => slow.issuer;
  const id = store.all()[0]?.id ?? '';
  for (let death = 0; death < 20; death += 1) {
    t.ok(await deps.orders.claim(systemContext('a node that dies'), id, 1_000), 'claimed');
    clock.advance(1_100);
    await tendOrdersJob(deps).run();
    await runJob(lookUpOrdersJob(deps));
    t.match(store.all()[0], { state: 'UNCERTAIN' }, 'the quarantine of 2.5 seconds is not over');
    clock.advance(5_000);
    await runJob(lookUpOrdersJob(deps));
    t.match(store.all()[0], { state: 'ACCEPTED' });
    clock.advance(300_000);
  }
  t.equal(slow.calls.issue, 0);
  await runJob(issueOrdersJob(deps));
  t.equal((await enrolment.poll(profile, asked)).kind, 'issued');
  t.equal(slow.calls.issue, 1);
});

t.test('a CA that answers nothing, one that is switched off, and one whose repeats must wait keep nobody else waiting', async (t) => {
  const clock = stoppedClock(new Date());
  const [silent, quick] = [await createSlowIssuer(), await createSlowIssuer()];
  let release = (): void => undefined;
  const forever = new Promise<void>((resolve) => {
    release = resolve;
  });
  const mute: Issuer = {
    ...silent.issuer,
    timing: { ...silent.issuer.timing, concurrency: 4 },
    issue: () => forever.then(() => ({ kind: 'notSent', reason: 'mute' })),
  };
  const limited: Issuer = { ...quick.issuer, mayCall: (kind) => kind !== 'repeat' };
  const { enrolment, store, deps } = house(quick.issuer, {}, clock);
  deps.issuers.forProfile = async () => undefined;
  deps.issuers.forOrder = async () => undefined;
  const of = (connectorId: string) => ({ ...profile, connectorId }) as Profile;
  const ids = { mute: uuidv7(), off: uuidv7(), limited: uuidv7(), quick: uuidv7() };
  for (const connectorId of [ids.mute, ids.off, ids.limited]) for (let count = 0; count < 100; count += 1) await enrolment.enrol(of(connectorId), request());
  for (const { id, connectorId } of store.all().filter((order) => order.connectorId === ids.limited)) {
    const claimed = await deps.orders.claim(systemContext('test'), id, 1_000);
    if (claimed === undefined) throw new Error(connectorId);
    await deps.orders.settleClaimed({ tenantId: profile.tenantId, actor: 'test' }, claimed, { kind: 'retry', reason: 'none', delayMs: 0 });
  }
  await enrolment.enrol(of(ids.limited), request());
  for (let count = 0; count < 10; count += 1) await enrolment.enrol(of(ids.quick), request());
  const issuers = new Map([
    [ids.mute, mute],
    [ids.limited, limited],
    [ids.quick, quick.issuer],
  ]);
  deps.issuers.forOrder = async ({ connectorId }) => issuers.get(connectorId);
  const statesOf = (connectorId: string) => store.all().flatMap((order) => (order.connectorId === connectorId ? [order.state] : []));
  const job = issueOrdersJob(deps);
  while (statesOf(ids.quick).some((state) => state !== 'ISSUED') || !statesOf(ids.limited).includes('ISSUED')) {
    await job.run();
    await pause(10);
  }
  t.same(statesOf(ids.mute).filter((state) => state === 'ISSUING').length, 4, 'no more calls than its connector lets out');
  t.same(statesOf(ids.limited).filter((state) => state === 'ISSUED').length, 1, 'first calls do not wait for repeats');
  t.ok(statesOf(ids.off).every((state) => state === 'ACCEPTED'));
  await job.run(AbortSignal.abort());
  release();
  await job.idle?.();
});

t.test('F8 a look-up that was asked before the quarantine was over repeats nothing, whenever its answer comes', async (t) => {
  const clock = stoppedClock(new Date());
  const slow = await createSlowIssuer({ timing: { timeoutMs: 1_000, maxProcessingMs: 500 } });
  slow.script({ kind: 'uncertain', isIssued: false });
  const lookup: Issuer['lookup'] = async () => {
    clock.advance(60_000);
    return { kind: 'none' };
  };
  const { enrolment, store, deps } = house({ ...slow.issuer, lookup }, {}, clock);
  await enrolment.enrol(profile, request());
  clock.advance(1_500);
  await runJob(lookUpOrdersJob(deps));
  t.match(store.all()[0], { state: 'UNCERTAIN' }, 'asked after 1.5 of 2.5 seconds');
  clock.advance(3_000);
  await runJob(lookUpOrdersJob(deps));
  t.match(store.all()[0], { state: 'ACCEPTED' });
});

t.test('F18 the clock of a node does not end a quarantine', async (t) => {
  const database = stoppedClock(new Date());
  const slow = await createSlowIssuer();
  slow.script({ kind: 'uncertain', isIssued: false });
  const { enrolment, store, deps } = house(slow.issuer, {}, database);
  await enrolment.enrol(profile, request());
  database.advance(1_100);
  const ahead = { ...deps, clock: { now: () => new Date(database.now().getTime() + 3_600_000) } };
  await runJob(lookUpOrdersJob(ahead));
  t.match(store.all()[0], { state: 'UNCERTAIN' });
});

t.test('a CA that cannot be asked what it issued: what it did not answer waits for an operator', async (t) => {
  const slow = await createSlowIssuer({ capabilities: { lookup: false } });
  slow.script({ kind: 'uncertain', isIssued: true });
  const { enrolment, store } = house(slow.issuer);
  await enrolment.enrol(profile, request());
  t.match(store.all()[0], { state: 'STUCK' });

  const reaped = house(slow.issuer);
  const asked = request();
  reaped.deps.issuers.forOrder = async () => undefined;
  reaped.deps.issuers.forProfile = async () => undefined;
  await reaped.enrolment.enrol(profile, asked);
  const id = reaped.store.all()[0]?.id ?? '';
  await reaped.deps.orders.claim(systemContext('a node that dies'), id, -1);
  await tendOrdersJob(reaped.deps).run();
  t.match(reaped.store.all()[0], { state: 'UNCERTAIN' });
  reaped.deps.issuers.forOrder = async () => slow.issuer;
  await runJob(lookUpOrdersJob(reaped.deps));
  t.match(reaped.store.all()[0], { state: 'STUCK' });
  t.equal(slow.calls.lookup, 0);
});

t.test('F16 a node that is held between its claim and its call does not call', async (t) => {
  const slow = await createSlowIssuer();
  const { store, enrolment } = house(slow.issuer, {
    recordClaimed: async (...asked) => {
      const claimed = await store.orders.recordClaimed(...asked);
      const until = performance.now() + 1_050;
      while (performance.now() < until);
      return claimed;
    },
  });
  t.match(await enrolment.enrol(profile, request()), { kind: 'pending' });
  t.equal(slow.calls.issue, 0);
  t.match(store.all()[0], { state: 'ACCEPTED' });
});

t.test('F17 the answer of the CA is kept while the database is away, and recorded when it is back', async (t) => {
  const slow = await createSlowIssuer();
  let outages = 3;
  const { store, enrolment } = house(slow.issuer, {
    settleClaimed: async (...asked) => {
      outages -= 1;
      if (outages >= 0) throw Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' });
      return store.orders.settleClaimed(...asked);
    },
  });
  t.equal((await enrolment.enrol(profile, request())).kind, 'issued');
  t.equal(slow.calls.issue, 1);
});

t.test('F23 a process knows of calls that no device waits for any more', async (t) => {
  const slow = await createSlowIssuer({ delayMs: 3_000 });
  const { enrolment, store, deps } = house({ ...slow.issuer, timing: { ...slow.issuer.timing, timeoutMs: 5_000 } });
  t.match(await enrolment.enrol(profile, request()), { kind: 'pending' });
  await deps.calls.idle();
  t.match(store.all()[0], { state: 'ISSUED' });
});

t.test('while the CA is to be left alone orders are promised and wait; when too many wait, new ones are asked to come later', async (t) => {
  const slow = await createSlowIssuer();
  const { enrolment, store, deps } = house({ ...slow.issuer, mayCall: () => false });
  const asked = request();
  t.match(await enrolment.enrol(profile, asked), { kind: 'pending', waitsFor: 'issuance' });
  await runJob(issueOrdersJob(deps));
  t.equal(slow.calls.issue, 0);
  deps.backlog.update(new Map([[profile.connectorId, 10_000]]));
  t.match(await enrolment.enrol(profile, request()), { kind: 'refused', refusal: { code: 'unavailable' } });
  t.equal(store.all().length, 1, 'nothing was promised');
  t.match(await enrolment.enrol(profile, asked), { kind: 'pending' }, 'what was promised stays so');
  deps.backlog.update(new Map([[profile.connectorId, 9_999]]));
  t.match(await enrolment.enrol(profile, request()), { kind: 'pending' });
});

t.test('F16 a certificate that came too late for its order is revoked, once the order has another', async (t) => {
  const slow = await createSlowIssuer({ timing: { timeoutMs: 100, maxProcessingMs: 0 } });
  const { enrolment, store, deps } = house(slow.issuer, {
    settleClaimed: async (context, claimed, result) => {
      // The lease was lost meanwhile, as to a node that was held: somebody else has the order now.
      if (slow.calls.issue === 1) await deps.orders.move(context, claimed.order.id, ['ISSUING'], 'UNCERTAIN', 'The lease ended without a result.');
      return store.orders.settleClaimed(context, claimed, result);
    },
  });
  const hidden: Issuer['lookup'] = async () => ({ kind: 'none' });
  Object.assign(slow.issuer, { lookup: hidden });
  const asked = request();
  await enrolment.enrol(profile, asked);
  t.equal(store.orphans.length, 1);
  await tendOrdersJob(deps).run();
  t.equal((await store.revocations.claim(systemContext('test'), 9, 1_000)).length, 0, 'a look-up may yet find it');
  await pause(1_200);
  const [due] = await deps.orders.due(systemContext('test'), 'lookup', 1);
  if (due !== undefined) await lookUpOrder(due, deps);
  await runJob(issueOrdersJob(deps));
  t.equal((await enrolment.poll(profile, asked)).kind, 'issued');
  await tendOrdersJob(deps).run();
  await tendOrdersJob(deps).run();
  const wanted = await store.revocations.claim(systemContext('test'), 9, 1_000);
  t.same([wanted.length, wanted[0]?.reason], [1, 4]);
  t.ok(wanted[0]?.certificate.equals(store.orphans[0]?.certificate as Buffer));
});
