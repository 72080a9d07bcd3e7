import { createHash, generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import type { AuditEvent } from '../../src/audit/event.js';
import { createEmbeddedIssuer } from '../../src/connectors/crypto-engine/embedded.js';
import { createEngine } from '../../src/crypto-engine/index.js';
import { generateRsaKey } from '../../src/device-client/scep.js';
import { checkBinding } from '../../src/enrolment/challenge-binding.js';
import { createGuessThrottle } from '../../src/enrolment/guess-throttle.js';
import type { Outcome } from '../../src/enrolment/outcome.js';
import type { Issuer } from '../../src/enrolment/ports.js';
import type { EnrolmentRequest } from '../../src/enrolment/request.js';
import { createEnrolment, enrolmentDeps } from '../../src/enrolment/service.js';
import {
  certificateFingerprint,
  dnsName,
  emptyName,
  type GeneralName,
  ipName,
  type Name,
  nameFromText,
  publicKeyOf,
  subjectAltNameExtension,
} from '../../src/pkix/index.js';
import { stoppedClock, systemClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { accountIdOf } from '../../src/store/orders/account.js';
import type { NewChallenge } from '../../src/tenancy/challenge.js';
import { tenantContext } from '../../src/tenancy/context.js';
import { challengeMac, generateCredential } from '../../src/tenancy/credentials.js';
import { policySchema } from '../../src/tenancy/policy.js';
import type { Profile, ScepProfile } from '../../src/tenancy/profile.js';
import { certify } from '../endpoints/scep/world.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import { memoryStore } from '../support/memory-store.js';
import { newCertificate, newOrder } from '../support/orders.js';
import { scepProfile } from '../support/profiles.js';

const macKey = Buffer.alloc(32, 1);
const key = publicKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
const otherKey = publicKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
const weakKey = publicKeyOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey);

const named = (text: string): Name => {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(name.error);
  return name.value;
};

/** A core over stores in memory; orders wait for approval, so that nothing needs a CA. */
function house(profileChange: Partial<ScepProfile> = {}) {
  const clock = stoppedClock(new Date('2026-03-01T00:00:00Z'));
  const store = memoryStore(clock);
  const events: AuditEvent[] = [];
  const deps = enrolmentDeps({
    ...store,
    orderReader: store.orderReader as never,
    credentials: { findSharedSecret: async () => undefined },
    audit: { append: async (event) => void events.push(event) },
    issuers: { forProfile: async () => undefined as Issuer | undefined, forOrder: async () => undefined },
    challengeMacKey: macKey,
    clock,
    log: createLog('silent'),
  });
  const profile: Profile = scepProfile({
    challengeMode: 'one-time',
    policy: policySchema.parse({ approval: { mode: 'manual', maxPending: null } }),
    ...profileChange,
  });
  const mint = async (change: Partial<NewChallenge> = {}): Promise<string> => {
    const challenge = generateCredential();
    const unbound = { subject: null, sans: null, deviceId: null, maxUses: 1 };
    const expiresAt = new Date(clock.now().getTime() + 86_400_000);
    const id = createHash('sha256').update(challenge).digest('hex').slice(0, 32);
    const mac = challengeMac(macKey, profile.id, challenge);
    await store.challenges.mint(tenantContext(profile.tenantId, 'token:mdm'), { id, profileId: profile.id, mac, ...unbound, expiresAt, ...change });
    return challenge;
  };
  return { clock, store, events, deps, profile, mint, enrolment: createEnrolment(deps) };
}

async function embedded(): Promise<Issuer> {
  const engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://127.0.0.1:1' });
  await engine.ensureCas();
  return createEmbeddedIssuer(engine, { timeoutMs: 1_000, maxProcessingMs: 0, concurrency: 4 }, createLog('silent'));
}

let counter = 0;

function request(challenge: string | undefined, change: Partial<EnrolmentRequest['wanted']> = {}, clientIp = '192.0.2.1'): EnrolmentRequest {
  counter += 1;
  return {
    protocol: 'scep',
    intent: 'initial',
    transactionId: `t-${counter}`,
    requester: (change.publicKey ?? key).fingerprint,
    content: Buffer.from(`content ${counter}`),
    evidence: challenge === undefined ? {} : { challenge },
    wanted: { publicKey: key, subject: named('CN=device-1'), extensions: [], ...change },
    facts: { clientIp, clientFamily: 'unknown', keyType: key.name, digest: 'sha256', cipher: 'aes128-cbc' },
    session: {},
  };
}

const refusalOf = (outcome: Outcome): string => (outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind);

t.test('SCEP-097 a minted challenge lets one device in, in both modes and beside a static one', async (t) => {
  for (const challengeMode of ['one-time', 'static'] as const) {
    const { enrolment, profile, mint } = house({ challengeMode });
    const fixed = { ...profile, challengeMac: challengeMode === 'static' ? challengeMac(macKey, profile.id, 'the static one') : null } as Profile;
    const challenge = await mint();
    t.equal((await enrolment.enrol(fixed, request(challenge))).kind, 'pending');
    t.equal(refusalOf(await enrolment.enrol(fixed, request(challenge))), 'credential-invalid');
    t.equal((await enrolment.enrol(fixed, request('the static one'))).kind, challengeMode === 'static' ? 'pending' : 'refused');
  }
});

t.test('AB-21 AB-11 SCEP-059 who puts the envelope of a device into a message of his own neither spends its challenge nor gets its certificate', async (t) => {
  const { enrolment, profile, mint, store, events } = house();
  const challenge = await mint();
  const stolen = { ...request(challenge), requester: otherKey.fingerprint };
  const foreign = certify({ key: generateRsaKey(), name: named('CN=nobody') }, { subject: named('CN=device-1'), publicKey: otherKey });
  for (const evidence of [{ challenge }, { challenge, signer: { certificate: foreign, others: [] } }]) {
    t.equal((await enrolment.enrol(profile, { ...stolen, evidence })).kind, 'refused');
  }
  t.equal(store.all().length, 0, 'and nothing is recorded in his name');
  t.ok(events.every(({ action }) => action === 'enrolment.refused'));
  t.equal((await enrolment.enrol(profile, request(challenge))).kind, 'pending', 'the device itself');
});

t.test(
  'SCEP-111 a device whose certificate is over enrols with a challenge and a new key; one of another name or whose certificate was revoked does not',
  async (t) => {
    const { enrolment, profile, mint, store, clock } = house();
    const tenant = tenantContext(profile.tenantId, 'device');
    const former = certify({ key: generateRsaKey(), name: named('CN=CA') }, { subject: named('CN=device-1'), publicKey: otherKey });
    const record = newCertificate({ sha256: certificateFingerprint(former.der), notAfter: new Date(clock.now().getTime() - 1) });
    const before = newOrder({ profileId: profile.id });
    await store.orders.settleIssued(tenant, before, record, 'issuing');
    const ask = async (name: string) => {
      const challenge = await mint();
      const asked = request(challenge, { subject: named(name) });
      return refusalOf(
        await enrolment.enrol(profile, { ...asked, requester: otherKey.fingerprint, evidence: { challenge, signer: { certificate: former, others: [] } } }),
      );
    };
    t.equal(await ask('CN=device-2'), 'signer-expired');
    t.equal(await ask('CN=device-1'), 'pending');
    for (const to of ['REVOKE_WANTED', 'REVOKED'] as const) await store.orders.move(tenant, before.id, ['ISSUED', 'REVOKE_WANTED'], to, 'test');
    t.equal(await ask('CN=device-1'), 'signer-revoked');
  },
);

t.test('AB-11 a profile without challenges does not send the certificate of a device to another', async (t) => {
  const { enrolment, profile } = house({ challengeMode: 'none' });
  t.equal((await enrolment.enrol(profile, { ...request(undefined), requester: otherKey.fingerprint })).kind, 'refused');
  t.equal((await enrolment.enrol(profile, request(undefined))).kind, 'pending');
});

t.test('AB-03 a challenge of one profile is none of another', async (t) => {
  const { enrolment, mint } = house();
  const challenge = await mint();
  t.equal(refusalOf(await enrolment.enrol(scepProfile(), request(challenge))), 'credential-invalid');
});

t.test('SCEP-099 SCEP-106 wrong, expired, used up and absent challenges get one answer; the operator sees why', async (t) => {
  const { enrolment, profile, mint, clock, events, store } = house();
  const [used, expired] = [await mint({ expiresAt: new Date(clock.now().getTime() + 172_800_000) }), await mint()];
  await enrolment.enrol(profile, request(used));
  clock.advance(86_400_001);
  const answers = [];
  for (const challenge of ['wrong', generateCredential(), expired, used, '', undefined]) answers.push(await enrolment.enrol(profile, request(challenge)));
  t.same(new Set(answers.map(refusalOf)), new Set(['credential-invalid']));
  t.equal(new Set(events.map(({ details }) => details.detail)).size, 4);
  t.equal(store.all().length, 1);
  t.notMatch(JSON.stringify([events, store.all(), store.noted]), new RegExp(`${used}|${expired}`), 'SCEP-100 AB-18 challenges stand in no record');
});

t.test('SCEP-098 the re-use of a one-time challenge is a security event; a retransmission is none', async (t) => {
  const { enrolment, profile, mint, events, store } = house();
  const challenge = await mint();
  const asked = request(challenge);
  const first = await enrolment.enrol(profile, asked);
  const again = await enrolment.enrol(profile, asked);
  t.match(again, { kind: 'pending', orderId: first.kind === 'pending' ? first.orderId : '' }, 'the same request, the same answer');
  t.same(events, []);
  await enrolment.enrol(profile, request(challenge, {}, '198.51.100.7'));
  t.match(events, [{ action: 'challenge.reused', object: /^challenge:/, outcome: 'failure', tenantId: profile.tenantId, details: { source: '198.51.100.7' } }]);
  t.equal(store.all().length, 1);
});

t.test('SCEP-097 AB-21 twenty simultaneous requests with one challenge are one order, with or without a CA of our own', async (t) => {
  for (const mode of ['automatic', 'manual'] as const) {
    const { deps, profile, mint, store } = house({ policy: policySchema.parse({ approval: { mode } }) });
    const issuer = mode === 'automatic' ? await embedded() : undefined;
    const enrolment = createEnrolment({ ...deps, issuers: { forProfile: async () => issuer, forOrder: async () => undefined } });
    const challenge = await mint();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => enrolment.enrol(profile, request(challenge))));
    t.equal(outcomes.filter(({ kind }) => kind === (mode === 'automatic' ? 'issued' : 'pending')).length, 1, mode);
    t.equal(outcomes.filter((outcome) => refusalOf(outcome) === 'credential-invalid').length, 19, mode);
    t.equal(store.all().length, 1, mode);
  }
});

t.test('SCEP-094 AB-21 a request that the policy refuses leaves its challenge unused', async (t) => {
  const { enrolment, profile, mint } = house();
  const challenge = await mint();
  const weak = request(challenge, { publicKey: weakKey });
  t.equal(refusalOf(await enrolment.enrol(profile, weak)), 'key-size');
  t.equal((await enrolment.enrol(profile, request(challenge))).kind, 'pending');
});

t.test('AB-03 a challenge minted for one identity yields no other', async (t) => {
  const { enrolment, profile, mint, store } = house();
  const challenge = await mint({ subject: 'CN=device-1,O=Plant *', sans: ['dns:device-1.example'], maxUses: 2 });
  const enrol = (subject: string, ...sans: readonly string[]) => {
    const extensions = sans.length === 0 ? [] : [subjectAltNameExtension(sans.map(dnsName))];
    return enrolment.enrol(profile, request(challenge, { subject: named(subject), extensions }));
  };
  for (const [subject, ...sans] of [
    ['CN=device-2,O=Plant 7'],
    ['CN=device-1'],
    ['CN=device-1,O=Factory 7'],
    ['CN=device-1,OU=x,O=Plant 7'],
    ['CN=device-1,O=Plant 7', 'dc.example'],
    ['CN=device-1,O=Plant 7', 'device-1.example', 'dc.example'],
  ] as const) {
    t.equal(refusalOf(await enrol(subject, ...sans)), 'subject-binding', `${subject} ${sans}`);
  }
  t.equal((await enrol('CN=device-1,O=Plant 7', 'Device-1.Example')).kind, 'pending');
  t.equal((await enrol('CN=Device-1,O=plant 8')).kind, 'pending');
  t.equal(store.all().filter(({ state }) => state === 'REJECTED').length, 6);
});

t.test('AB-03 what a binding lets through', async (t) => {
  const isBound = (subject: string | null, sans: readonly string[] | null, asked: string, ...names: readonly GeneralName[]): boolean =>
    checkBinding({ subject: asked === '' ? emptyName : named(asked), sans: names }, { subject, sans, deviceId: null }).ok;
  t.ok(isBound(null, null, 'CN=any', dnsName('any.example')));
  t.ok(isBound('CN=a.example', null, 'CN=a.example', dnsName('A.example')), 'a bound subject may repeat its name');
  t.notOk(isBound('CN=a.example', null, 'CN=a.example', dnsName('b.example')), 'and bring no other');
  t.notOk(isBound('CN=a.example', [], 'CN=a.example', dnsName('a.example')), 'an empty list means none');
  t.ok(isBound(null, ['ip:192.0.2.1'], '', ipName('192.0.2.1')));
  t.notOk(isBound(null, ['dns:192.0.2.1'], '', ipName('192.0.2.1')), 'the kind counts');
  t.ok(isBound('CN=a*c*e', null, 'CN=abcde'));
  t.ok(isBound('CN=*', null, 'CN=x'));
  for (const asked of ['CN=ace-', 'CN=ac', 'CN=abde', 'CN=xace']) t.notOk(isBound('CN=a*c*e', null, asked), asked);
  t.notOk(isBound('CN=ab*ba', null, 'CN=aba'), 'start and end do not share a letter');
  t.ok(isBound(`CN=${'*a'.repeat(100)}`, null, `CN=${'a'.repeat(200)}`), 'in linear time');
  t.ok(isBound('CN=a+serialNumber=1', null, 'serialNumber=1+CN=a'));
  t.notOk(isBound('CN=a', null, ''));
  t.ok(isBound('CN=a', null, 'CN=  A'), 'as names are compared');
});

t.test('SCEP-102 without a good challenge a request is refused, or waits for approval where the profile says so', async (t) => {
  for (const challenge of [undefined, 'wrong']) {
    const open = house({ challengeMode: 'none' });
    t.equal((await open.enrolment.enrol(open.profile, request(challenge))).kind, 'pending');
    t.match(open.store.all(), [{ state: 'AWAITING_APPROVAL', credential: 'challenge:none' }]);
    t.equal(refusalOf(await open.enrolment.enrol(open.profile, { ...request(challenge), intent: 'renewal' })), 'not-authorised', 'nobody renews');
    const closed = house();
    t.equal(refusalOf(await closed.enrolment.enrol(closed.profile, request(challenge))), 'credential-invalid');
    t.same(closed.store.all(), []);
  }
  const { enrolment, profile, mint, store } = house({ challengeMode: 'none' });
  await enrolment.enrol(profile, request(await mint({ deviceId: 'udid-1' })));
  t.match(store.all(), [{ credential: /^challenge:[0-9a-f]{32}$/ }], 'a minted challenge still says who asks');
});

t.test('the account of a challenge with a device id is that device, whatever its subject', async (t) => {
  const { enrolment, profile, mint, store } = house();
  for (const subject of ['CN=one', 'CN=two']) await enrolment.enrol(profile, request(await mint({ deviceId: 'udid-1' }), { subject: named(subject) }));
  await enrolment.enrol(profile, request(await mint({ deviceId: 'udid-2' }), { subject: named('CN=one') }));
  const accounts = store.all().map(({ accountId }) => accountId);
  t.equal(accounts[0], accounts[1]);
  t.not(accounts[0], accounts[2]);
  t.not(accounts[0], accountIdOf(profile.id, Buffer.alloc(32)));
});

t.test('AB-04 guessing is counted by source and profile, and stands in nobody else’s way', async (t) => {
  const { enrolment, profile, mint, events, store, clock } = house({ challengeMac: null });
  const open = { ...profile, challengeMac: challengeMac(macKey, profile.id, 'fleet challenge') } as Profile;
  const minted = await mint();
  const attack = () => enrolment.enrol(open, request('guess', {}, '203.0.113.9'));
  const answers: Outcome[] = [];
  for (let index = 0; index < 20_000; index += 1) {
    if (index % 20 === 0) answers.push(await attack());
    const outcome = await enrolment.enrol(open, request('fleet challenge', {}, '203.0.113.9'));
    if (outcome.kind !== 'pending') return t.fail(`device ${index} was refused: ${refusalOf(outcome)}`);
  }
  t.equal((await enrolment.enrol(open, request(minted, {}, '203.0.113.9'))).kind, 'pending');
  t.equal(answers.length, 1000);
  for (const answer of answers) t.same(answer.kind === 'refused' && answer.refusal.code, 'credential-invalid');
  t.equal(events.length, 10, 'the audit trail holds the first of them');
  t.equal(store.noted.filter(({ reason }) => reason === 'throttled').length, 990);
  clock.advance(60_000);
  for (let index = 0; index < 10; index += 1) await attack();
  t.equal(events.length, 15, 'five a minute');
  await enrolment.enrol(open, request('guess', {}, '203.0.113.10'));
  t.equal(events.length, 16, 'another source counts by itself');
});

t.test('CMP-204 AB-04 wrong MACs are counted as wrong challenges are', async (t) => {
  const { enrolment, profile, store } = house();
  const refusal = { tenantId: profile.tenantId, profileId: profile.id, source: '203.0.113.9', clientFamily: 'unknown', detail: '' };
  for (let index = 0; index < 15; index += 1) enrolment.noteRefusal({ ...refusal, reason: 'bad-mac' });
  for (let index = 0; index < 15; index += 1) enrolment.noteRefusal({ ...refusal, reason: 'malformed' });
  const count = (reason: string): number => store.noted.filter((one) => one.reason === reason).length;
  t.same([count('bad-mac'), count('throttled'), count('malformed')], [10, 5, 15]);
});

t.test('AB-04 the memory of guesses is bounded and forgets the one longest quiet', async (t) => {
  const clock = stoppedClock(new Date('2026-03-01T00:00:00Z'));
  const throttle = createGuessThrottle(clock, { perMinute: 1, burst: 1, maxSources: 3 });
  t.same(
    ['a', 'b', 'c', 'a'].map((source) => throttle.note('p', source)),
    [true, true, true, false],
  );
  t.equal(throttle.note('p', 'd'), true, 'b is forgotten');
  t.same(
    ['a', 'c', 'd'].map((source) => throttle.note('p', source)),
    [false, false, false],
  );
  t.equal(throttle.note('p', 'b'), true);
  clock.advance(-3_600_000);
  t.equal(throttle.note('p', 'b'), false, 'a clock set back fills nothing');
});
