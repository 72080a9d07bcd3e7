import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { createEmbeddedIssuer } from '../../src/connectors/crypto-engine/embedded.js';
import { createEngine } from '../../src/crypto-engine/index.js';
import { phaseOf } from '../../src/enrolment/order.js';
import type { Outcome } from '../../src/enrolment/outcome.js';
import type { Issuer } from '../../src/enrolment/ports.js';
import { refusals } from '../../src/enrolment/refusal.js';
import type { EnrolmentRequest } from '../../src/enrolment/request.js';
import { createEnrolment, enrolmentDeps } from '../../src/enrolment/service.js';
import { type Certificate, dnsName, nameFromText, type PublicKey, parseCertificate, publicKeyOf, subjectAltNameExtension } from '../../src/pkix/index.js';
import { Busy } from '../../src/runtime/busy.js';
import { systemClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { systemContext, tenantContext } from '../../src/tenancy/context.js';
import { challengeMac } from '../../src/tenancy/credentials.js';
import { policySchema } from '../../src/tenancy/policy.js';
import type { Profile } from '../../src/tenancy/profile.js';
import { issueOrdersJob } from '../../src/workers/issue-orders.js';
import { lookUpOrdersJob } from '../../src/workers/look-up-orders.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import { memoryStore } from '../support/memory-store.js';
import { cmpProfile, scepProfile } from '../support/profiles.js';
import { runJob } from '../support/run-job.js';
import { createSlowIssuer } from '../support/slow-issuer.js';

const macKey = Buffer.alloc(32, 1);
const challenge = 'correct-challenge';
const keys = Array.from({ length: 4 }, () => publicKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey));
const rsaKey = publicKeyOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey);

function scep(policy: Parameters<typeof policySchema.parse>[0] = {}): Profile {
  const profile = scepProfile({ policy: policySchema.parse(policy) });
  return { ...profile, challengeMac: challengeMac(macKey, profile.id, challenge) } as Profile;
}

function house(issuer: Issuer | undefined) {
  const store = memoryStore();
  const events: string[] = [];
  const deps = enrolmentDeps({
    ...store,
    orderReader: store.orderReader as never,
    credentials: { findSharedSecret: async () => undefined },
    audit: { append: async (event) => void events.push(event.action) },
    issuers: { forProfile: async () => issuer, forOrder: async () => issuer },
    challengeMacKey: macKey,
    clock: systemClock,
    log: createLog('silent'),
  });
  return { store, deps, events, enrolment: createEnrolment(deps) };
}

async function embedded(): Promise<Issuer> {
  const engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://127.0.0.1:1' });
  await engine.ensureCas();
  return {
    timing: { timeoutMs: 1_000, maxProcessingMs: 0, concurrency: 4 },
    capabilities: { lookup: true, uniqueRef: true },
    issue: async (ref, request) => {
      const issued = await engine.issue(ref, request);
      return issued.ok ? { kind: 'issued', certificate: issued.value } : { kind: 'refused', reason: issued.error };
    },
    lookup: async (ref) => {
      const found = await engine.lookup(ref);
      return found === undefined ? { kind: 'none' } : { kind: 'found', certificate: found };
    },
    revoke: (certificate, reason) => engine.revoke(certificate, reason),
    chain: async () => engine.chain(),
    local: { sign: (request) => engine.sign(request) },
  };
}

let counter = 0;

function request(change: Partial<EnrolmentRequest> = {}): EnrolmentRequest {
  counter += 1;
  const subject = nameFromText('CN=device-1');
  if (!subject.ok) throw new Error(subject.error);
  return {
    protocol: 'scep',
    intent: 'initial',
    transactionId: `t-${counter}`,
    requester: rsaKey.fingerprint,
    content: Buffer.from(`content ${counter}`),
    evidence: { challenge },
    wanted: { publicKey: rsaKey, subject: subject.value, extensions: [] },
    facts: { clientIp: '192.0.2.1', clientFamily: 'unknown', keyType: rsaKey.name, digest: 'sha256', cipher: 'aes128-cbc' },
    session: {},
    ...change,
  };
}

function certificateOf(outcome: Outcome): Certificate {
  if (outcome.kind !== 'issued') throw new Error(`Not issued: ${JSON.stringify(outcome)}`);
  const parsed = parseCertificate(outcome.certificate);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

const refusalOf = (outcome: Outcome): string => (outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind);

t.test('AB-05 SCEP-150 SCEP-154 a retransmission gets the same certificate, and there is one order', async (t) => {
  const { enrolment, store } = house(await embedded());
  const profile = scep();
  const asked = request();
  const first = await enrolment.enrol(profile, asked);
  t.match(first, { kind: 'issued', isReplay: false });
  for (let copy = 0; copy < 5; copy += 1) {
    const again = await enrolment.enrol(profile, asked);
    t.match(again, { kind: 'issued', isReplay: true });
    t.ok(certificateOf(again).der.equals(certificateOf(first).der));
  }
  t.equal(store.all().length, 1);
});

t.test('SCEP-150 twenty simultaneous copies yield one certificate', async (t) => {
  const { enrolment, store } = house(await embedded());
  const profile = scep();
  const asked = request();
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => enrolment.enrol(profile, asked)));
  t.equal(new Set(outcomes.map((outcome) => certificateOf(outcome).der.toString('hex'))).size, 1);
  t.equal(store.all().length, 1);
});

t.test('SCEP-150 twenty simultaneous copies are one order and one call of a CA elsewhere', async (t) => {
  const slow = await createSlowIssuer();
  const { enrolment, store } = house(slow.issuer);
  const profile = scep();
  const asked = request();
  await Promise.all(Array.from({ length: 20 }, () => enrolment.enrol(profile, asked)));
  const certificate = certificateOf(await enrolment.enrol(profile, asked));
  t.ok(certificate.der.equals(slow.certificatesOf(slow.refs[0] ?? '')[0] ?? Buffer.alloc(0)));
  t.equal(slow.calls.issue, 1);
  t.equal(store.all().length, 1);
});

t.test('SCEP-152 other content under the same transactionID waits until the old order is delivered', async (t) => {
  const { enrolment, store } = house(await embedded());
  const profile = scep();
  const asked = request();
  const first = await enrolment.enrol(profile, asked);
  const other = { ...asked, content: Buffer.from('another request') };
  t.equal(refusalOf(await enrolment.enrol(profile, other)), 'transaction-in-use');
  if (first.kind === 'issued') enrolment.noteDelivered(profile, first.orderId, false);
  const second = await enrolment.enrol(profile, other);
  t.equal(second.kind, 'issued');
  t.notOk(certificateOf(second).der.equals(certificateOf(first).der));
  t.equal(store.all().length, 2);
});

t.test('SCEP-152 a renewal signed with the certificate is proof that it arrived, though its delivery is not noted yet', async (t) => {
  const { enrolment, store } = house(await embedded());
  const profile = scep();
  const asked = request();
  const certificate = certificateOf(await enrolment.enrol(profile, asked));
  const renewal = { ...asked, content: Buffer.from('its renewal'), intent: 'renewal' as const, evidence: { signer: { certificate, others: [] } } };
  t.notOk(certificateOf(await enrolment.enrol(profile, renewal)).der.equals(certificate.der));
  t.equal(refusalOf(await enrolment.enrol(profile, { ...renewal, content: Buffer.from('another') })), 'transaction-in-use', 'nobody has shown the second one');
  t.equal(store.all().length, 2);
});

t.test('CMP-037 CMP-201 CMP-202 a CMP transactionID is used once, by one sender', async (t) => {
  const { enrolment, store } = house(await embedded());
  const profile = cmpProfile();
  const evidence = { secret: { id: 's', reference: 'ref' } };
  const asked = request({ protocol: 'cmp', evidence });
  const first = await enrolment.enrol(profile, asked);
  t.equal(first.kind, 'issued');
  t.match(await enrolment.enrol(profile, asked), { kind: 'issued', isReplay: true }, 'the same bytes by the same sender');
  if (first.kind === 'issued') enrolment.noteDelivered(profile, first.orderId, true);
  t.equal(refusalOf(await enrolment.enrol(profile, { ...asked, content: Buffer.from('other') })), 'transaction-in-use');
  t.equal(refusalOf(await enrolment.enrol(profile, { ...asked, requester: keys[0]?.fingerprint as Buffer })), 'transaction-in-use');
  t.equal(store.all().length, 1);
});

t.test('AB-07 SCEP-065 the same transactionID of two devices or two profiles does not collide', async (t) => {
  const { enrolment, store } = house(await embedded());
  const [one, two] = [scep(), scep()];
  const asked = request();
  await enrolment.enrol(one, asked);
  await enrolment.enrol(two, asked);
  const otherKey = keys[1] as PublicKey;
  await enrolment.enrol(one, { ...asked, requester: otherKey.fingerprint, wanted: { ...asked.wanted, publicKey: otherKey }, content: Buffer.from('c') });
  t.equal(store.all().length, 3);
});

t.test('SCEP-106 AB-04 a request that never authenticated is a refusal and an audit event, no order', async (t) => {
  const { enrolment, store, events } = house(await embedded());
  const profile = scep();
  for (const evidence of [{}, { challenge: '' }, { challenge: 'wrong' }, { challenge: `${challenge} ` }]) {
    t.equal(refusalOf(await enrolment.enrol(profile, request({ evidence }))), 'credential-invalid');
  }
  t.equal(store.all().length, 0);
  t.same(
    store.noted.map((item) => item.reason),
    Array(4).fill('bad-challenge'),
  );
  t.same(events, Array(4).fill('enrolment.refused'));
  t.notOk(JSON.stringify(store.noted).includes(challenge), 'AB-18 no challenge is noted');
});

t.test('a request that was authenticated and refused by policy is a REJECTED order; its retries raise attempts', async (t) => {
  const { enrolment, store } = house(await embedded());
  const profile = scep({ keys: { rsaMinBits: 3072 } });
  const asked = request();
  for (let count = 0; count < 3; count += 1) t.equal(refusalOf(await enrolment.enrol(profile, asked)), 'key-size');
  t.equal(store.all().length, 1);
  t.match(store.all()[0], { state: 'REJECTED', failInfo: 'key-size', attempts: 3 });
  const allowed = { ...profile, policy: policySchema.parse({}) } as Profile;
  t.equal((await enrolment.enrol(allowed, asked)).kind, 'issued', 'and once the policy allows it, it is issued');
});

t.test('SCEP-108 SCEP-109 AB-02 a PKCSReq signed by a certificate of this profile renews it; any other signer does not', async (t) => {
  const issuer = await embedded();
  const { enrolment, store } = house(issuer);
  const [profile, other] = [scep(), scep()];
  const certificate = certificateOf(await enrolment.enrol(profile, request()));
  const evidence = { signer: { certificate, others: [] } };
  const renewed = await enrolment.enrol(profile, request({ evidence, intent: 'renewal' }));
  t.equal(renewed.kind, 'issued');
  t.equal((await enrolment.enrol(profile, request({ evidence }))).kind, 'issued', 'PKCSReq too');
  t.equal(refusalOf(await enrolment.enrol(other, request({ evidence, intent: 'renewal' }))), 'signer-not-trusted', 'another profile');
  t.equal(refusalOf(await enrolment.enrol(profile, request({ intent: 'renewal' }))), 'not-authorised', 'RenewalReq by challenge alone');
  t.match(store.all().filter((order) => order.operation === 'renewal').length, 2);
});

t.test('AB-22 a revoked certificate renews nothing', async (t) => {
  const { enrolment, store, deps } = house(await embedded());
  const profile = scep();
  const first = await enrolment.enrol(profile, request());
  const certificate = certificateOf(first);
  const [order] = store.all();
  const context = { tenantId: profile.tenantId, actor: 'test' };
  const renew = () => enrolment.enrol(profile, request({ intent: 'renewal', evidence: { signer: { certificate, others: [] } } }));
  await deps.orders.move(context, order?.id ?? '', ['ISSUED', 'DELIVERED'], 'REVOKE_WANTED', 'test');
  t.equal(refusalOf(await renew()), 'signer-revoked', 'from the moment it is wanted, though the CA has not confirmed it');
  const [due] = await deps.revocations.claim(systemContext('test'), 10, 1_000);
  if (due !== undefined) await deps.revocations.done(context, due);
  t.equal(refusalOf(await renew()), 'signer-revoked');
});

t.test(
  'CMP-203 a CA key that signs on another thread issues all the same; where it is busy, the order is recorded first and issued as at any other CA',
  async (t) => {
    const inside = await embedded();
    const sign = inside.local?.sign;
    if (sign === undefined) throw new Error('not the embedded engine');
    const later: Issuer = { ...inside, local: { sign: async (asked) => sign(asked) } };
    const outcome = await house(later).enrolment.enrol(scep(), request());
    t.equal(certificateOf(outcome).subject.rdns.length, 1);
    const busy: Issuer = { ...inside, local: { sign: () => Promise.reject(new Busy('Too many ML-DSA signatures wait.')) } };
    const { enrolment, store } = house(busy);
    t.equal((await enrolment.enrol(scep(), request())).kind, 'issued');
    t.same(
      store.all().map((order) => order.state),
      ['ISSUED'],
    );
    const away: Issuer = { ...busy, issue: async () => ({ kind: 'uncertain', reason: 'Too many ML-DSA signatures wait.' }) };
    t.equal((await house(away).enrolment.enrol(scep(), request())).kind, 'pending', 'or when it has time again');
  },
);

t.test('SCEP-111 AB-22 a certificate that its CA revoked without our doing renews nothing; a CA that does not tell turns nobody away', async (t) => {
  const engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://127.0.0.1:1' });
  await engine.ensureCas();
  const inside = createEmbeddedIssuer(engine, { timeoutMs: 1_000, maxProcessingMs: 0, concurrency: 4 }, createLog('silent'));
  const { local: _local, ...outside } = inside;
  const asked = { crl: 0 };
  const telling: Issuer = {
    ...outside,
    crl: async () => {
      asked.crl += 1;
      return outside.crl?.();
    },
  };
  const ways: [Issuer, string][] = [
    [telling, 'signer-revoked'],
    [{ ...outside, crl: async () => undefined }, 'issued'],
    [{ ...outside, crl: async () => Buffer.from('no list') }, 'issued'],
    [{ ...outside, crl: () => Promise.reject(new Error('away')) }, 'issued'],
  ];
  for (const [issuer, expected] of ways) {
    const { enrolment } = house(issuer);
    const profile = scep();
    const certificate = certificateOf(await enrolment.enrol(profile, request()));
    await engine.revoke(certificate.der, 1);
    const renewals = [1, 2, 3].map(() => enrolment.enrol(profile, request({ intent: 'renewal', evidence: { signer: { certificate, others: [] } } })));
    for (const outcome of await Promise.all(renewals)) t.equal(refusalOf(outcome), expected);
  }
  t.equal(asked.crl, 1, 'asked once for all who come meanwhile');
});

t.test('AB-22 a certificate alone renews for the time the profile gives it; then the device proves itself again', async (t) => {
  const { store, deps } = house(await embedded());
  let now = Date.now();
  const enrolment = createEnrolment({ ...deps, clock: { now: () => new Date(now) } });
  const profile = scep({ renewal: { reauthenticateDays: 30 } });
  const renewal = (certificate: Certificate, more: object = {}) =>
    enrolment.enrol(profile, request({ intent: 'renewal', evidence: { signer: { certificate, others: [] }, ...more } }));
  const first = certificateOf(await enrolment.enrol(profile, request()));
  now += 20 * 86_400_000;
  const second = certificateOf(await renewal(first));
  now += 20 * 86_400_000;
  t.equal(refusalOf(await renewal(second)), 'signer-unproven', 'a renewal is no proof');
  t.equal(refusalOf(await renewal(second, { challenge: 'guessed' })), 'signer-unproven');
  const third = certificateOf(await renewal(second, { challenge }));
  now += 20 * 86_400_000;
  t.ok(certificateOf(await renewal(third)), 'the challenge beside the certificate was one');
  t.equal(store.all().length, 4, 'no order of a refused one');
});

t.test('AB-17 so many orders wait for an administrator and no more, and what waits goes on waiting', async (t) => {
  const { enrolment, store } = house(await embedded());
  const profile = scep({ approval: { mode: 'manual', maxPending: 3 } });
  const asked = Array.from({ length: 4 }, (_, index) => request({ transactionId: `waiting-${index}`, content: Buffer.from(`csr ${index}`) }));
  const outcomes = [];
  for (const item of asked) outcomes.push((await enrolment.enrol(profile, item)).kind);
  t.same(outcomes, ['pending', 'pending', 'pending', 'refused']);
  t.equal(refusalOf(await enrolment.enrol(profile, asked[3] as EnrolmentRequest)), 'unavailable', 'to be asked again later');
  t.equal((await enrolment.enrol(profile, asked[0] as EnrolmentRequest)).kind, 'pending');
  t.equal(store.all().length, 3, 'nothing was recorded of the fourth');
});

t.test('SCEP-138 SCEP-142 a slow CA is PENDING, then the certificate', async (t) => {
  const slow = await createSlowIssuer();
  slow.script({ kind: 'pending', polls: 1, retryAfterSeconds: 0 });
  const { enrolment, deps } = house(slow.issuer);
  const profile = scep();
  const asked = request();
  const first = await enrolment.enrol(profile, asked);
  t.match(first, { kind: 'pending' });
  if (first.kind === 'pending') t.ok(first.checkAfterSeconds <= 5, 'RFC 9483 section 4.4: soon in the first minutes');
  t.match(await enrolment.poll(profile, asked), { kind: 'pending' });
  t.equal(refusalOf(await enrolment.poll(profile, { ...asked, requester: keys[2]?.fingerprint as Buffer })), 'not-authorised', 'SCEP-141 AB-06');
  t.equal(refusalOf(await enrolment.poll(profile, { ...asked, transactionId: 'unknown' })), 'transaction-unknown', 'SCEP-139');
  const job = lookUpOrdersJob(deps);
  for (let round = 0; round < 60 && (await enrolment.poll(profile, asked)).kind === 'pending'; round += 1) {
    await runJob(job);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const done = await enrolment.poll(profile, asked);
  t.equal(done.kind, 'issued');
  t.ok(certificateOf(await enrolment.enrol(profile, asked)).der.equals(certificateOf(done).der));
  t.equal(slow.mostPerRef(), 1);
});

t.test('F7 F9 an uncertain call is looked up and adopted, never repeated blindly', async (t) => {
  const slow = await createSlowIssuer();
  slow.script({ kind: 'uncertain', isIssued: true });
  const { enrolment, store, deps } = house(slow.issuer);
  const profile = scep();
  const asked = request();
  t.equal((await enrolment.enrol(profile, asked)).kind, 'pending');
  t.match(store.all()[0], { state: 'UNCERTAIN' });
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  await runJob(lookUpOrdersJob(deps));
  t.equal((await enrolment.poll(profile, asked)).kind, 'issued');
  t.same([slow.calls.issue, slow.mostPerRef()], [1, 1]);
});

t.test('F6 F8 nothing found is called for again only after the quarantine, and then once', async (t) => {
  const slow = await createSlowIssuer({ timing: { timeoutMs: 200, maxProcessingMs: 300 } });
  slow.script({ kind: 'uncertain', isIssued: true, afterMs: 450 });
  const { enrolment, deps } = house(slow.issuer);
  const profile = scep();
  const asked = request();
  await enrolment.enrol(profile, asked);
  const jobs = [lookUpOrdersJob(deps), issueOrdersJob(deps)];
  for (let round = 0; round < 100 && (await enrolment.poll(profile, asked)).kind === 'pending'; round += 1) {
    for (const job of jobs) await runJob(job);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.equal((await enrolment.poll(profile, asked)).kind, 'issued');
  t.equal(slow.mostPerRef(), 1);
});

t.test('a certificate that comes after its order expired is revoked, not handed out', async (t) => {
  const slow = await createSlowIssuer();
  slow.script({ kind: 'uncertain', isIssued: true });
  const { enrolment, store, deps } = house(slow.issuer);
  const profile = scep();
  const asked = request();
  await enrolment.enrol(profile, asked);
  const [order] = store.all();
  const context = { tenantId: profile.tenantId, actor: 'test' };
  t.equal(await deps.orders.move(context, order?.id ?? '', ['UNCERTAIN'], 'EXPIRED', 'too late'), true);
  for (let round = 0; round < 40 && store.all()[0]?.state === 'EXPIRED'; round += 1) {
    await runJob(lookUpOrdersJob(deps));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.match(store.all()[0], { state: 'REVOKE_WANTED' });
  t.equal((await enrolment.poll(profile, asked)).kind, 'refused');
});

t.test('AB-13 F11 a wrong certificate from the CA is never handed out', async (t) => {
  for (const what of ['key', 'name', 'subject', 'garbage'] as const) {
    const slow = await createSlowIssuer();
    slow.script({ kind: 'wrong', what });
    const { enrolment, store } = house(slow.issuer);
    t.equal((await enrolment.enrol(scep(), request())).kind, 'pending');
    t.match(store.all()[0], { state: 'STUCK' }, what);
  }
});

t.test('a CA that refuses ends the order; one that was not reached is tried again', async (t) => {
  const slow = await createSlowIssuer();
  slow.script({ kind: 'refuse', reason: 'profile forbids it' });
  const { enrolment, store } = house(slow.issuer);
  t.equal(refusalOf(await enrolment.enrol(scep(), request())), 'ca-refused');
  t.match(store.all()[0], { state: 'REJECTED' });
  slow.script({ kind: 'notSent' });
  t.equal((await enrolment.enrol(scep(), request())).kind, 'pending');
  t.match(store.all()[1], { state: 'ACCEPTED' });
});

t.test('manual approval is PENDING from the start and asks no CA', async (t) => {
  const slow = await createSlowIssuer();
  const { enrolment, store } = house(slow.issuer);
  const profile = scep({ approval: { mode: 'manual' } });
  const asked = request();
  t.equal((await enrolment.enrol(profile, asked)).kind, 'pending');
  t.equal((await enrolment.enrol(profile, asked)).kind, 'pending', 'a copy is answered alike');
  t.match(
    store.all().map((order) => order.state),
    ['AWAITING_APPROVAL'],
  );
  t.equal(slow.calls.issue, 0);
});

t.test('SCEP-152 manual approval: a device that was refused or has its certificate may ask again under its transactionID', async (t) => {
  const slow = await createSlowIssuer();
  const { enrolment, store } = house(slow.issuer);
  const profile = scep({ approval: { mode: 'manual' } });
  const tenant = tenantContext(profile.tenantId, 'user:1');
  const asked = request();
  await enrolment.enrol(profile, asked);
  await store.orders.move(tenant, store.all()[0]?.id ?? '', ['AWAITING_APPROVAL'], 'REJECTED', 'not today');
  t.equal(refusalOf(await enrolment.enrol(profile, asked)), 'order-rejected', 'a copy of what was refused stays refused');
  const anew = { ...asked, content: Buffer.from('asked anew') };
  t.equal((await enrolment.enrol(profile, anew)).kind, 'pending');
  t.equal((await enrolment.enrol(profile, anew)).kind, 'pending');
  t.match(store.all(), [{ state: 'REJECTED' }, { state: 'AWAITING_APPROVAL' }], 'and nothing goes to the CA unseen');
  t.equal(store.all().length, 2);
  t.equal(slow.calls.issue, 0);
});

t.test('an inactive or missing connector leaves the order waiting, never refused', async (t) => {
  const { enrolment, store } = house(undefined);
  t.equal((await enrolment.enrol(scep(), request())).kind, 'pending');
  t.match(
    store.all().map((order) => phaseOf(order.state)),
    ['open'],
  );
});

t.test('CMP-122 CMP-127 CMP-132 CMP-133 confirmations move the order once', async (t) => {
  const { enrolment, store, deps } = house(await embedded());
  const profile = cmpProfile();
  const evidence = { secret: { id: 's', reference: 'ref' } };
  const asked = request({ protocol: 'cmp', evidence });
  await enrolment.enrol(profile, asked);
  const transactionOf = async () => {
    const found = await enrolment.findTransaction(profile, asked);
    if (found === undefined) throw new Error('no transaction');
    return found;
  };
  const stale = await transactionOf();
  t.equal(await enrolment.confirm(profile, stale, true), 'confirmed');
  t.equal(await enrolment.confirm(profile, stale, true), 'already', 'CMP-219 of two at once, one counts and both are answered alike');
  t.equal(await enrolment.confirm(profile, stale, false), 'unexpected', 'the other verdict does not');
  t.equal(await enrolment.confirm(profile, await transactionOf(), true), 'already');
  t.equal(await enrolment.findTransaction(profile, { ...asked, requester: keys[3]?.fingerprint as Buffer }), undefined, 'CMP-205');
  const second = request({ protocol: 'cmp', evidence });
  await enrolment.enrol(profile, second);
  const found = await enrolment.findTransaction(profile, second);
  if (found === undefined) throw new Error('no transaction');
  t.equal(await enrolment.confirm(profile, found, false), 'rejected');
  t.match(store.all()[1], { state: 'REVOKE_WANTED' });
  const third = request({ protocol: 'cmp', evidence });
  await enrolment.enrol(profile, third);
  const unmarked = await enrolment.findTransaction(profile, third);
  if (unmarked === undefined) throw new Error('no transaction');
  await deps.orders.move(tenantContext(profile.tenantId, 'device'), unmarked.order.id, ['ISSUED'], 'CONFIRMED', '');
  t.equal(await enrolment.confirm(profile, unmarked, true), 'already', 'CMP-132 a node that died after the move left no mark');
  t.equal((await deps.revocations.claim(systemContext('test'), 10, 1_000)).length, 1);
});

t.test('F18 a node whose clock is ahead refuses no confirmation for it: the time of all nodes decides what came too late', async (t) => {
  const { enrolment, deps } = house(await embedded());
  const profile = cmpProfile();
  const asked = request({ protocol: 'cmp', evidence: { secret: { id: 's', reference: 'ref' } }, session: { confirmWait: 600 } });
  await enrolment.enrol(profile, asked);
  const found = await enrolment.findTransaction(profile, asked);
  if (found === undefined) throw new Error('no transaction');
  t.type(found.session.confirmUntil, 'number');
  const hourAhead = { now: () => new Date(Date.now() + 3_600_000) };
  const ask = (databaseNow: Date) => createEnrolment({ ...deps, clock: hourAhead, databaseNow: async () => databaseNow }).confirm(profile, found, true);
  t.equal(await ask(hourAhead.now()), 'unexpected', 'it is over for all of them');
  t.equal(await ask(new Date()), 'confirmed');
});

t.test('the texts for devices hold no detail of ours', async (t) => {
  for (const [code, text] of Object.entries(refusals)) t.ok(text.length <= 120 && text.endsWith('.'), code);
});

t.test('SCEP-151 a device that starts over with a new transactionID is treated as its profile says', async (t) => {
  const again = async (duplicates: string) => {
    const room = house(await embedded());
    const profile = scep({ duplicates });
    const first = await room.enrolment.enrol(profile, request());
    const second = request();
    const outcome = await room.enrolment.enrol(profile, second);
    return { ...room, profile, first, second, outcome };
  };

  t.test('allow and replace: it gets another certificate', async (t) => {
    for (const duplicates of ['allow', 'replace']) {
      const { first, outcome } = await again(duplicates);
      t.not(certificateOf(outcome).serial.toString('hex'), certificateOf(first).serial.toString('hex'), duplicates);
    }
  });

  t.test('refuse: a REJECTED order, while retransmissions and renewals go on', async (t) => {
    const { first, outcome, second, enrolment, profile, store } = await again('refuse');
    t.equal(refusalOf(outcome), 'account-held');
    t.match(store.all()[1], { state: 'REJECTED', failInfo: 'account-held' });
    t.equal(refusalOf(await enrolment.enrol(profile, second)), 'account-held');
    t.equal(store.all().length, 2, 'a retry is no new order');
    const other = nameFromText('CN=device-2');
    if (!other.ok) throw new Error(other.error);
    const elsewhere = request({ wanted: { publicKey: rsaKey, subject: other.value, extensions: [] } });
    t.equal((await enrolment.enrol(profile, elsewhere)).kind, 'issued', 'another device is not concerned');
    t.same(await enrolment.enrol(profile, elsewhere).then(({ kind }) => kind), 'issued', 'nor is a retransmission');
    const renewal = request({ evidence: { signer: { certificate: certificateOf(first), others: [] } } });
    t.equal((await enrolment.enrol(profile, renewal)).kind, 'issued', 'a renewal is no duplicate');
  });

  t.test('refuse: renewals under fewer names are the same device, so that it does not come by a second certificate', async (t) => {
    const { enrolment, store } = house(await embedded());
    const profile = scep({ duplicates: 'refuse' });
    const subject = nameFromText('CN=device-1');
    if (!subject.ok) throw new Error(subject.error);
    const wanting = (...names: string[]) => ({ publicKey: rsaKey, subject: subject.value, extensions: [subjectAltNameExtension(names.map(dnsName))] });
    const bothNames = wanting('a.example', 'b.example');
    const renewing = (outcome: Outcome) => request({ evidence: { signer: { certificate: certificateOf(outcome), others: [] } }, wanted: wanting('a.example') });
    let current = await enrolment.enrol(profile, request({ wanted: bothNames }));
    for (let count = 0; count < 2; count += 1) current = await enrolment.enrol(profile, renewing(current));
    t.equal(new Set(store.all().map(({ accountId }) => accountId)).size, 1);
    t.equal(refusalOf(await enrolment.enrol(profile, request({ wanted: bothNames }))), 'account-held');
  });

  t.test('manual: a device that keeps its key and transactionID waits for the administrator too', async (t) => {
    const { enrolment, store } = house(await embedded());
    const profile = scep({ duplicates: 'manual' });
    const asked = request();
    const first = await enrolment.enrol(profile, asked);
    if (first.kind !== 'issued') throw new Error(first.kind);
    await store.orders.move(tenantContext(profile.tenantId, 'device'), first.orderId, ['ISSUED'], 'DELIVERED', '');
    const anew = { ...asked, content: Buffer.from('another request with the same key') };
    t.equal((await enrolment.enrol(profile, anew)).kind, 'pending');
    t.match(store.all(), [{ state: 'DELIVERED' }, { state: 'AWAITING_APPROVAL' }]);
    t.equal((await enrolment.enrol(profile, anew)).kind, 'pending', 'and its retransmission with it');
    t.equal(store.all().length, 2);
  });

  t.test('refuse: a device whose certificate was revoked may start over, under the same transactionID too', async (t) => {
    const { first, second, enrolment, profile, store } = await again('refuse');
    if (first.kind !== 'issued') throw new Error(first.kind);
    const tenant = tenantContext(profile.tenantId, 'user:1');
    await store.orders.move(tenant, first.orderId, ['ISSUED'], 'REVOKE_WANTED', 'lost');
    await store.orders.move(tenant, first.orderId, ['REVOKE_WANTED'], 'REVOKED', 'lost');
    t.equal((await enrolment.enrol(profile, second)).kind, 'issued');
  });

  t.test('manual: an administrator decides', async (t) => {
    const { outcome, second, enrolment, profile, store } = await again('manual');
    t.equal(outcome.kind, 'pending');
    t.match(store.all()[1], { state: 'AWAITING_APPROVAL' });
    t.equal((await enrolment.enrol(profile, second)).kind, 'pending', 'and a retransmission waits with it');
    t.equal(store.all().length, 2);
  });
});
