import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import type { AuditEvent } from '../../src/audit/event.js';
import { createEmbeddedIssuer } from '../../src/connectors/crypto-engine/embedded.js';
import { createEngine } from '../../src/crypto-engine/index.js';
import type { Outcome } from '../../src/enrolment/outcome.js';
import type { Issuer } from '../../src/enrolment/ports.js';
import type { EnrolmentRequest } from '../../src/enrolment/request.js';
import { createEnrolment, enrolmentDeps } from '../../src/enrolment/service.js';
import { dnsName, type Name, nameFromText, parseCertificate, publicKeyOf, subjectAltNameExtension } from '../../src/pkix/index.js';
import { stoppedClock, systemClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { Secret } from '../../src/runtime/secret.js';
import { type ChallengeCheck, hmacSettingsSchema, intuneSettingsSchema, webhookSettingsSchema } from '../../src/tenancy/challenge-check.js';
import type { ChallengeJudge, ChallengeQuestion, Verdict } from '../../src/tenancy/challenge-judge.js';
import { tenantContext } from '../../src/tenancy/context.js';
import { challengeMac, generateCredential } from '../../src/tenancy/credentials.js';
import { deriveChallenge } from '../../src/tenancy/derived-challenge.js';
import { policySchema } from '../../src/tenancy/policy.js';
import type { ScepProfile } from '../../src/tenancy/profile.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import { memoryStore } from '../support/memory-store.js';
import { scepProfile } from '../support/profiles.js';

const macKey = Buffer.alloc(32, 1);
const key = publicKeyOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey);
const weakKey = publicKeyOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey);
const secret = new Secret('thirty-two letters of a secret..');
const hourMs = 3_600_000;

const named = (text: string): Name => {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(name.error);
  return name.value;
};

interface HouseOptions {
  readonly profile?: Partial<ScepProfile>;
  readonly judge?: (question: ChallengeQuestion) => Promise<Verdict>;
  readonly issuer?: Issuer;
}

const manual = policySchema.parse({ approval: { mode: 'manual' } });

/** A core over stores in memory; orders wait for approval unless there is an issuer. */
function house({ profile: change = {}, judge, issuer }: HouseOptions = {}) {
  const clock = stoppedClock(issuer === undefined ? new Date('2026-03-01T00:30:00Z') : new Date());
  const store = memoryStore(clock);
  const events: AuditEvent[] = [];
  const asked: ChallengeQuestion[] = [];
  const lines: string[] = [];
  const service: ChallengeJudge = {
    async judge(_profile, question) {
      asked.push(question);
      return (judge ?? (async () => ({ kind: 'allowed' as const })))(question);
    },
    notify: async () => ({ kind: 'taken' }),
  };
  const deps = enrolmentDeps({
    ...store,
    orderReader: store.orderReader as never,
    credentials: { findSharedSecret: async () => undefined },
    audit: { append: async (event) => void events.push(event) },
    issuers: { forProfile: async () => issuer, forOrder: async () => issuer },
    challengeMacKey: macKey,
    clock,
    log: createLog('debug', { write: (line: string) => void lines.push(line) }),
    judge: service,
  });
  const profile = scepProfile({ challengeMode: 'one-time', policy: issuer === undefined ? manual : policySchema.parse({}), ...change });
  return { clock, store, events, asked, lines, deps, profile, enrolment: createEnrolment(deps) };
}

async function embedded(): Promise<Issuer> {
  const engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://127.0.0.1:1' });
  await engine.ensureCas();
  return createEmbeddedIssuer(engine, { timeoutMs: 1_000, maxProcessingMs: 0, concurrency: 4 }, createLog('silent'));
}

const checked = { secret, secretUpdatedAt: new Date() };
const hmac = (settings: Parameters<typeof hmacSettingsSchema.parse>[0] = {}): Partial<ScepProfile> => ({
  challengeMode: 'hmac',
  challengeCheck: { kind: 'hmac', settings: hmacSettingsSchema.parse(settings), ...checked },
});
const webhook = (settings: object = {}): Partial<ScepProfile> => ({
  challengeMode: 'webhook',
  challengeCheck: { kind: 'webhook', settings: webhookSettingsSchema.parse({ url: 'https://mdm.example/scep', ...settings }), ...checked },
});
const intune = (): Partial<ScepProfile> => ({
  challengeMode: 'intune',
  challengeCheck: { kind: 'intune', settings: intuneSettingsSchema.parse({ tenant: 'contoso.example', clientId: 'app' }), ...checked } as ChallengeCheck,
});

let counter = 0;

interface Asked {
  readonly subject?: string;
  readonly sans?: readonly string[];
  readonly change?: Partial<EnrolmentRequest>;
  readonly wanted?: Partial<EnrolmentRequest['wanted']>;
}

function request(challenge: string | undefined, { subject = 'CN=device-1', sans = [], change = {}, wanted = {} }: Asked = {}): EnrolmentRequest {
  counter += 1;
  const content = Buffer.from(`content ${counter}`);
  const extensions = sans.length === 0 ? [] : [subjectAltNameExtension(sans.map(dnsName))];
  return {
    protocol: 'scep',
    intent: 'initial',
    transactionId: `t-${counter}`,
    requester: (wanted.publicKey ?? key).fingerprint,
    content,
    evidence: challenge === undefined ? {} : { challenge },
    wanted: { publicKey: key, subject: named(subject), extensions, pkcs10: content, ...wanted },
    facts: { clientIp: '192.0.2.1', clientFamily: 'unknown', keyType: key.name, digest: 'sha256', cipher: 'aes128-cbc' },
    session: {},
    ...change,
  };
}

const refusalOf = (outcome: Outcome): string => (outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind);

const inHours = (hours: number): Date => new Date(new Date('2026-03-01T00:30:00Z').getTime() + hours * hourMs);

t.test('SCEP-097 SCEP-101 a derived challenge lets the device in that it was derived for, once', async (t) => {
  const { enrolment, profile, store, events } = house({ profile: hmac() });
  const { challenge, expiresAt } = deriveChallenge({ profileId: profile.id, secret, identity: 'device-1' }, inHours(24));
  t.match(challenge, /^[0-9]{6}[A-Z2-7]{26}$/, '32 letters and digits, 130 bits of a MAC');
  t.equal(expiresAt.toISOString(), '2026-03-02T01:00:00.000Z', 'the full hour after');
  const first = request(challenge);
  t.equal((await enrolment.enrol(profile, first)).kind, 'pending');
  t.equal((await enrolment.enrol(profile, first)).kind, 'pending', 'a retransmission is answered as before');
  t.same(events, []);
  t.equal(refusalOf(await enrolment.enrol(profile, request(challenge))), 'credential-invalid');
  t.match(events, [{ action: 'challenge.reused', object: /^challenge:/ }], 'SCEP-098 its re-use is a security event');
  t.equal(store.all().length, 1);
  t.match(store.all(), [{ credential: /^challenge:[0-9a-f-]{36}$/ }]);
  t.notMatch(JSON.stringify([events, store.all(), store.noted]), new RegExp(challenge), 'SCEP-100 it stands in no record');
});

t.test('SCEP-099 a derived challenge expires, and may not name an expiry farther ahead than the profile allows', async (t) => {
  const { enrolment, profile, clock, events } = house({ profile: hmac({ maxHours: 48 }) });
  const derive = (hours: number) => deriveChallenge({ profileId: profile.id, secret, identity: 'device-1' }, inHours(hours)).challenge;
  t.equal((await enrolment.enrol(profile, request(derive(48)))).kind, 'pending');
  for (const challenge of [derive(50), derive(-1), derive(10_000)])
    t.equal(refusalOf(await enrolment.enrol(profile, request(challenge))), 'credential-invalid');
  const short = derive(2);
  clock.advance(3 * hourMs);
  t.equal(refusalOf(await enrolment.enrol(profile, request(short))), 'credential-invalid');
  t.same(new Set(events.map(({ details }) => details.detail)), new Set(['the derived challenge expires too far ahead', 'the derived challenge has expired']));
});

t.test('AB-03 AB-24 a derived challenge yields no other identity, and is good for its own profile only', async (t) => {
  const { enrolment, profile, store } = house({ profile: hmac({ uses: 10 }) });
  const { challenge } = deriveChallenge({ profileId: profile.id, secret, identity: 'device-1' }, inHours(24));
  const enrol = async (asked: Asked) => refusalOf(await enrolment.enrol(profile, request(challenge, asked)));
  for (const subject of ['CN=device-2', 'O=device-1', 'CN=device-1,CN=device-2', 'CN=device-1+CN=other', 'CN=Device-1']) {
    t.equal(await enrol({ subject }), 'credential-invalid', subject);
  }
  t.equal(await enrol({ sans: ['dc.example'] }), 'subject-binding', 'no other name beside it');
  t.equal(await enrol({ sans: ['device-1'] }), 'pending', 'its own name again');
  t.equal(await enrol({ subject: 'CN=device-1,O=Plant' }), 'pending', 'the rest of the subject is for the policy');
  const twin = scepProfile({ ...hmac({ uses: 10 }), policy: manual });
  t.equal(refusalOf(await enrolment.enrol(twin, request(challenge))), 'credential-invalid', 'another profile with the same secret');
  t.equal(await enrol({ subject: 'CN=device-2' }), 'credential-invalid', 'nor once it is in use');
  const changed = { ...profile, challengeMode: 'one-time' as const, challengeCheck: null };
  t.equal(refusalOf(await enrolment.enrol(changed, request(challenge))), 'credential-invalid', 'nor when the profile has another mode since');
  const altered = challenge.replace(/^\d{6}/, (digits) => String(Number(digits) + 1));
  t.equal(refusalOf(await enrolment.enrol(profile, request(altered))), 'credential-invalid', 'its expiry cannot be moved');
  const open = { ...profile, ...hmac({ uses: 10, otherNames: 'policy' }) };
  t.equal(refusalOf(await enrolment.enrol(open, request(challenge, { sans: ['dc.example'] }))), 'pending', 'unless the profile says so');
  t.equal(
    new Set(
      store
        .all()
        .filter(({ state }) => state !== 'REJECTED')
        .map(({ accountId }) => accountId),
    ).size,
    1,
    'one device, one account',
  );
});

t.test('the identity is that part of the request which the profile names', async (t) => {
  for (const [identity, subject, sans] of [
    ['serialNumber', 'CN=any,serialNumber=S-17', []],
    ['dns', 'CN=any', ['S-17']],
  ] as const) {
    const { enrolment, profile } = house({ profile: hmac({ identity, otherNames: 'policy' }) });
    const { challenge } = deriveChallenge({ profileId: profile.id, secret, identity: 'S-17' }, inHours(24));
    t.equal(refusalOf(await enrolment.enrol(profile, request(challenge, { subject: 'CN=S-17' }))), 'credential-invalid', identity);
    t.equal(refusalOf(await enrolment.enrol(profile, request(challenge, { subject, sans }))), 'pending', identity);
  }
});

t.test('AB-21 twenty simultaneous requests with one derived challenge are one order; a request that the policy refuses leaves it unused', async (t) => {
  const { enrolment, profile, store } = house({ profile: hmac() });
  const { challenge } = deriveChallenge({ profileId: profile.id, secret, identity: 'device-1' }, inHours(24));
  t.equal(refusalOf(await enrolment.enrol(profile, request(challenge, { wanted: { publicKey: weakKey } }))), 'key-size');
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => enrolment.enrol(profile, request(challenge))));
  t.equal(outcomes.filter(({ kind }) => kind === 'pending').length, 1);
  t.equal(store.all().filter(({ state }) => state === 'AWAITING_APPROVAL').length, 1);
});

t.test('SCEP-105 a renewal may additionally require the challenge', async (t) => {
  const { enrolment, store, profile: plain, deps } = house({ issuer: await embedded() });
  const mint = async (): Promise<string> => {
    const challenge = generateCredential();
    const mac = challengeMac(macKey, plain.id, challenge);
    const expiresAt = new Date(Date.now() + hourMs);
    await store.challenges.mint(tenantContext(plain.tenantId, 'token:mdm'), {
      id: challenge,
      profileId: plain.id,
      mac,
      subject: 'CN=device-1',
      sans: null,
      deviceId: null,
      maxUses: 1,
      expiresAt,
    });
    return challenge;
  };
  const first = await enrolment.enrol(plain, request(await mint()));
  const certificate = first.kind === 'issued' ? parseCertificate(first.certificate) : undefined;
  if (certificate?.ok !== true) return t.fail('no first certificate');
  const signer = { certificate: certificate.value, others: [] };
  const renew = (profile: ScepProfile, challenge?: string) =>
    enrolment.enrol(profile, request(challenge, { change: { intent: 'renewal', evidence: { signer, ...(challenge === undefined ? {} : { challenge }) } } }));
  t.equal(refusalOf(await renew(plain)), 'issued', 'by default the certificate suffices');
  const strict = { ...plain, policy: policySchema.parse({ renewal: { requireChallenge: true } }) };
  for (const challenge of [undefined, 'wrong']) t.equal(refusalOf(await renew(strict, challenge)), 'credential-invalid', String(challenge));
  const challenge = await mint();
  t.equal(refusalOf(await renew(strict, challenge)), 'issued');
  t.match(store.all().at(-1), { operation: 'renewal', credential: /^certificate:[0-9a-f]+ \+ challenge:/ });
  t.equal(refusalOf(await renew(strict, challenge)), 'credential-invalid', 'and it is used up');
  t.equal(refusalOf(await enrolment.enrol(strict, request(await mint()))), 'issued', 'a first enrolment goes on as before');
  const asked: ChallengeQuestion[] = [];
  const vouched = createEnrolment({
    ...deps,
    judge: {
      judge: async (_, question) => {
        asked.push(question);
        return { kind: 'allowed' };
      },
      notify: async () => ({ kind: 'taken' }),
    },
  });
  const managed = { ...plain, ...intune() };
  const renewal = request(undefined, { change: { intent: 'renewal', evidence: { signer } } });
  t.equal(refusalOf(await vouched.enrol(managed, renewal)), 'credential-invalid', 'Intune is asked about every certificate');
  await vouched.enrol(managed, { ...renewal, evidence: { signer, challenge: 'blob' } });
  t.match(asked, [{ operation: 'renewal', challenge: 'blob' }]);
});

t.test('AB-19 whoever judges outside says who gets in; without a verdict nobody does', async (t) => {
  const verdicts: readonly (readonly [Verdict, string])[] = [
    [{ kind: 'allowed' }, 'pending'],
    [{ kind: 'denied', reason: 'no such device' }, 'credential-invalid'],
    [{ kind: 'unavailable', reason: 'timed out' }, 'challenge-unchecked'],
    [{ kind: 'busy' }, 'unavailable'],
  ];
  for (const mode of [webhook(), intune()]) {
    for (const [verdict, expected] of verdicts) {
      const { enrolment, profile, store, asked, events } = house({ profile: mode, judge: async () => verdict });
      t.equal(refusalOf(await enrolment.enrol(profile, request('from the MDM', { sans: ['a.example'] }))), expected);
      t.match(asked, [{ challenge: 'from the MDM', subject: 'CN=device-1', sans: ['dns:a.example'], clientIp: '192.0.2.1', operation: 'enrolment' }]);
      t.equal(store.all().length, verdict.kind === 'allowed' ? 1 : 0, 'an order only with permission');
      t.equal(events.length, verdict.kind === 'denied' || verdict.kind === 'unavailable' ? 1 : 0);
      t.notMatch(JSON.stringify([events, store.noted]), /from the MDM/, 'SCEP-100');
    }
  }
});

t.test('AB-19 no verdict may also mean waiting for an administrator, where the profile says so, and where orders else are automatic', async (t) => {
  const { enrolment, profile, store, lines } = house({
    profile: { ...webhook({ whenUnavailable: 'hold' }), policy: policySchema.parse({}) },
    judge: async () => ({ kind: 'unavailable', reason: 'timed out' }),
  });
  const asked = request('from the MDM');
  t.equal((await enrolment.enrol(profile, asked)).kind, 'pending');
  t.match(store.all(), [{ state: 'AWAITING_APPROVAL', credential: 'challenge:webhook (not judged)' }]);
  t.equal((await enrolment.enrol(profile, asked)).kind, 'pending');
  t.equal(store.all().length, 1);
  t.match(lines.join(''), /timed out/);
  for (let index = 0; index < 50; index += 1) await enrolment.enrol(profile, request('from the MDM'));
  t.equal(store.all().length, 10, 'AB-17 of one source so many as one can look at');
  t.equal(refusalOf(await enrolment.enrol(profile, request('from the MDM'))), 'challenge-unchecked');
  t.equal((await enrolment.enrol(profile, asked)).kind, 'pending', 'what waits goes on waiting');
  const denied = house({ profile: webhook({ whenUnavailable: 'hold' }), judge: async () => ({ kind: 'denied', reason: 'no' }) });
  t.equal(refusalOf(await denied.enrolment.enrol(denied.profile, request('x'))), 'credential-invalid', 'a no is a no');
});

t.test('AB-19 where nobody judges, or the judge breaks, nobody gets in', async (t) => {
  const { deps, profile, store } = house({ profile: webhook() });
  const { judge: _judge, ...without } = deps;
  t.equal(refusalOf(await createEnrolment(without).enrol(profile, request('x'))), 'challenge-unchecked');
  const broken = house({ profile: webhook(), judge: async () => Promise.reject(new Error('broken')) });
  await t.rejects(broken.enrolment.enrol(broken.profile, request('x')), 'which the endpoint answers without a certificate');
  t.same([...store.all(), ...broken.store.all()], []);
});

t.test('one question for all copies of a request, none for one that was answered before', async (t) => {
  const gate = resolvers<Verdict>();
  const { enrolment, profile, store, asked } = house({ profile: webhook(), judge: () => gate.promise });
  const copy = request('from the MDM');
  const copies = Array.from({ length: 10 }, () => enrolment.enrol(profile, copy));
  const other = enrolment.enrol(profile, request('from the MDM'));
  gate.resolve({ kind: 'allowed' });
  const outcomes = await Promise.all([...copies, other]);
  t.same(new Set(outcomes.map(({ kind }) => kind)), new Set(['pending']));
  t.equal(asked.length, 2, 'one for each request');
  t.not(asked[0]?.requestId, asked[1]?.requestId);
  t.equal(store.all().length, 2);
  t.equal((await enrolment.enrol(profile, copy)).kind, 'pending');
  t.equal(refusalOf(await enrolment.enrol(profile, { ...copy, content: Buffer.from('another') })), 'transaction-in-use');
  t.equal(asked.length, 2);
});

t.test('a judge that takes its time stands in nobody else’s way', async (t) => {
  const gate = resolvers<Verdict>();
  const { enrolment, profile } = house({ profile: webhook(), judge: () => gate.promise });
  const waiting = enrolment.enrol(profile, request('from the MDM'));
  const fixed = scepProfile({ policy: manual });
  const open = { ...fixed, challengeMac: challengeMac(macKey, fixed.id, 'fleet') };
  for (let index = 0; index < 100; index += 1) t.equal((await enrolment.enrol(open, request('fleet'))).kind, 'pending');
  gate.resolve({ kind: 'denied', reason: 'no' });
  t.equal(refusalOf(await waiting), 'credential-invalid');
});

t.test('AB-21 what we can refuse ourselves is refused before anyone is asked, and without an order', async (t) => {
  const { enrolment, profile, asked, store, events } = house({ profile: webhook() });
  t.equal(refusalOf(await enrolment.enrol(profile, request('from the MDM', { wanted: { publicKey: weakKey } }))), 'key-size');
  for (const challenge of [undefined, '']) t.equal(refusalOf(await enrolment.enrol(profile, request(challenge))), 'credential-invalid');
  t.same(asked, []);
  t.same(store.all(), [], 'it was never authenticated');
  t.equal(events.length, 3);
  for (let index = 0; index < 50; index += 1) await enrolment.enrol(profile, request('from the MDM', { wanted: { publicKey: weakKey } }));
  t.equal(events.length, 10, 'AB-04 nobody fills the audit trail with it');
});

t.test('AB-04 a source of many failures is judged after the others, never refused for it', async (t) => {
  const { enrolment, profile, asked } = house({
    profile: webhook(),
    judge: async ({ challenge }) => (challenge === 'good' ? { kind: 'allowed' } : { kind: 'denied', reason: 'no' }),
  });
  for (let index = 0; index < 11; index += 1) await enrolment.enrol(profile, request('guess'));
  t.equal((await enrolment.enrol(profile, request('good'))).kind, 'pending');
  t.same(
    asked.map(({ isSuspect }) => isSuspect),
    [...Array.from({ length: 10 }, () => false), true, true],
  );
  const other = request('good');
  await enrolment.enrol(profile, { ...other, facts: { ...other.facts, clientIp: '192.0.2.2' } });
  t.equal(asked.at(-1)?.isSuspect, false);
});

t.test('a minted challenge is good in every mode, and nobody is asked', async (t) => {
  for (const mode of [hmac(), webhook(), intune()]) {
    const { enrolment, profile, asked, store } = house({ profile: mode, judge: async () => ({ kind: 'denied', reason: 'no' }) });
    const challenge = generateCredential();
    const expiresAt = new Date('2027-01-01T00:00:00Z');
    const binding = { subject: null, sans: null, deviceId: null, maxUses: 1, expiresAt };
    await store.challenges.mint(tenantContext(profile.tenantId, 'x'), {
      id: challenge,
      profileId: profile.id,
      mac: challengeMac(macKey, profile.id, challenge),
      ...binding,
    });
    t.equal((await enrolment.enrol(profile, request(challenge))).kind, 'pending');
    t.same(asked, []);
  }
});

/** As Promise.withResolvers, which Node 20 lacks. */
function resolvers<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
