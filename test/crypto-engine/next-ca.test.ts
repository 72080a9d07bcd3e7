import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { createCryptoEngineIssuer } from '../../src/connectors/crypto-engine/index.js';
import { createEngine, type Engine, type SigningRequest } from '../../src/crypto-engine/index.js';
import { buildChain, buildName, type Certificate, commonNameOf, isSameName, parseCertificate, parseCrl, serialHex, verifyCrl } from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { stoppedClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { cryptoEngineConfigSchema } from '../../src/tenancy/connector.js';
import type { RaKey } from '../../src/tenancy/credentials.js';
import { ensureRaKeys } from '../../src/workers/ra-keys.js';
import { rollOverCaJob } from '../../src/workers/roll-over-ca.js';
import { memoryRaKeyStore } from '../support/memory-credential-store.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import { cmpProfile, scepProfile } from '../support/profiles.js';

const start = new Date('2026-06-01T12:00:00Z');
const day = 86_400_000;
const log = createLog('silent');
const spki = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' });
const actor = 'user:1';

function parsed(der: Buffer | null | undefined): Certificate {
  const certificate = parseCertificate(der ?? Buffer.alloc(0));
  if (!certificate.ok) throw certificate.error;
  return certificate.value;
}

const request: SigningRequest = {
  publicKey: spki,
  subject: buildName([[oids.commonName, 'device-1']]).der,
  sans: [],
  keyUsage: ['digitalSignature'],
  extendedKeyUsage: [],
  validitySeconds: 86_400,
  backdateSeconds: 0,
};

async function engines(clock = stoppedClock(start)) {
  const store = memoryEngineStore();
  const make = async (): Promise<Engine> => {
    const engine = createEngine({ store, clock, publicBaseUrl: 'http://pki.example' });
    await engine.ensureCas();
    return engine;
  };
  return { store, clock, engine: await make(), other: await make() };
}

async function issued(engine: Engine, ref: string): Promise<Certificate> {
  const answer = await engine.issue(ref, request);
  if (!answer.ok) throw new Error(answer.error);
  return parsed(answer.value);
}

async function prepared(engine: Engine, activatesAt: Date) {
  const next = await engine.prepareNext(activatesAt, actor);
  if (!next.ok) throw new Error(next.error);
  return next.value;
}

t.test('SCEP-040 the issuing CA that follows is announced first, and takes over when its time has come, in every process', async (t) => {
  const { engine, other, clock, store } = await engines();
  const [today, root] = engine.chain().map(parsed);
  t.equal(engine.next(), undefined);
  const next = await prepared(engine, new Date(start.getTime() + 30 * day));
  t.match(next, { id: 'issuing-2', state: 'next' });
  const certificate = parsed(next.certificate);
  t.match(commonNameOf(certificate.subject), /^Gatehouse Issuing CA [0-9a-f]{8}$/);
  t.notOk(isSameName(certificate.subject, (today as Certificate).subject), 'it has a name of its own');
  t.ok(buildChain({ leaf: certificate, intermediates: [], anchors: [root as Certificate], at: start }).ok, 'under the same root');
  t.same(
    engine.next()?.chain.map((der) => parsed(der).der),
    [certificate.der, (root as Certificate).der],
  );
  t.match(await engine.prepareNext(start, actor), { ok: false, error: /prepared already/ });

  const job = rollOverCaJob({ engine, clock, log });
  clock.advance(29 * day);
  await job.run();
  t.ok(isSameName((await issued(engine, 'before')).issuer, (today as Certificate).subject), 'until then the CA of today issues');
  t.ok(engine.certificateOf('issuing-2')?.equals(certificate.der), 'and the certificate to come can be fetched');
  clock.advance(day);
  await job.run();
  const after = await issued(engine, 'after');
  t.ok(isSameName(after.issuer, certificate.subject));
  t.ok(buildChain({ leaf: after, intermediates: [certificate], anchors: [root as Certificate], at: clock.now() }).ok);
  t.same(
    engine.cas().map(({ id, state }) => `${id} ${state}`),
    ['root active', 'issuing retired', 'issuing-2 active'],
  );

  t.ok(isSameName((await issued(other, 'elsewhere')).issuer, (today as Certificate).subject), 'another process has not heard of it');
  await other.reload();
  t.ok(isSameName((await issued(other, 'then')).issuer, certificate.subject));
  const restarted = createEngine({ store, clock, publicBaseUrl: 'http://pki.example' });
  await restarted.ensureCas();
  t.same(restarted.chain(), engine.chain(), 'nor does a restart forget it');
  t.equal((await prepared(engine, new Date(start.getTime() + 90 * day))).id, 'issuing-3', 'and so on');
});

t.test('SCEP-040 what the CA of before has issued lives on: looked up, revoked, on its own list', async (t) => {
  const { engine, clock } = await engines();
  const [today] = engine.chain().map(parsed);
  const old = await issued(engine, 'old');
  const next = await prepared(engine, new Date(start.getTime() + day));
  t.equal(await engine.activateNext(next.id, actor), true, 'by hand, before its time');
  t.equal(await engine.activateNext(next.id, actor), false);
  t.ok((await engine.lookup('old'))?.equals(old.der));
  t.same(await engine.revoke(old.der, 1), { ok: true, value: true });
  const list = parseCrl((await engine.crlOf((today as Certificate).subject.der))?.der ?? Buffer.alloc(0));
  if (!list.ok) throw list.error;
  t.ok(verifyCrl(list.value, (today as Certificate).publicKey).ok, 'signed by the CA of before');
  t.same(
    list.value.revoked.map(({ serial }) => serialHex(serial)),
    [serialHex(old.serial)],
  );
  t.same((await engine.crl('issuing'))?.der, list.value.der, 'where its certificates point to');
  const current = parseCrl((await engine.crl('issuing-2'))?.der ?? Buffer.alloc(0));
  t.same(current.ok && current.value.revoked, []);
  t.equal(await engine.crlOf(buildName([[oids.commonName, 'another']]).der), undefined);
  clock.advance(20 * 365 * day);
  t.match(await engine.prepareNext(new Date(clock.now().getTime() + day), actor), { ok: true }, 'however late');
});

t.test('a CA that follows does not outlive its root', async (t) => {
  const { engine, clock } = await engines();
  clock.advance(15 * 365 * day);
  const next = await prepared(engine, new Date(clock.now().getTime() + day));
  const [, root] = engine.chain().map(parsed);
  t.same(parsed(next.certificate).notAfter, root?.notAfter);
});

t.test('a prepared CA can be given up, and its id is not used again', async (t) => {
  const { engine, clock } = await engines();
  const before = engine.chain();
  const next = await prepared(engine, new Date(start.getTime() + day));
  t.equal(await engine.cancelNext('issuing', actor), false, 'not the one that issues');
  t.equal(await engine.cancelNext(next.id, actor), true);
  t.equal(engine.next(), undefined);
  clock.advance(2 * day);
  await rollOverCaJob({ engine, clock, log }).run();
  t.same(engine.chain(), before);
  t.equal((await prepared(engine, new Date(clock.now().getTime() + day))).id, 'issuing-3');
});

t.test('SCEP-040 SCEP-044 the RA certificate of the CA that follows is announced beside it, and active when it is', async (t) => {
  const { engine, clock } = await engines();
  const issuer = createCryptoEngineIssuer(cryptoEngineConfigSchema.parse({ url: 'embedded:' }), {}, { engine, log });
  const credentials = memoryRaKeyStore(() => clock.now());
  const deps = { profiles: { all: async () => [], configEpoch: async () => 1 }, credentials, issuers: { forProfile: async () => issuer }, clock, log };
  const [scep, cmp] = [scepProfile(), cmpProfile()];
  const ofScep = (): RaKey[] => credentials.keys.filter(({ purpose }) => purpose === 'scep');
  for (const profile of [scep, cmp]) await ensureRaKeys(profile, deps);
  const next = await prepared(engine, new Date(start.getTime() + 90 * day));
  const nextName = parsed(next.certificate).subject;

  t.equal(await ensureRaKeys(scep, deps), 'ready');
  t.match(ofScep(), [{ state: 'active' }, { state: 'next' }]);
  const announced = ofScep()[1];
  t.ok(isSameName(parsed(announced?.certificate).issuer, nextName), 'issued by the CA to come');
  t.same(announced?.chain, engine.next()?.chain);
  await ensureRaKeys(cmp, deps);
  t.equal(credentials.keys.filter(({ purpose }) => purpose === 'cmp').length, 1, 'CMP announces nothing');

  clock.advance(60 * day);
  t.equal(await ensureRaKeys(scep, deps), 'ready');
  t.match(ofScep(), [{ state: 'active' }, { id: announced?.id, state: 'next' }], 'however long that takes');

  await engine.activateNext(next.id, actor);
  for (const profile of [scep, cmp]) t.equal(await ensureRaKeys(profile, deps), 'ready');
  t.match(ofScep(), [{ state: 'retiring' }, { id: announced?.id, state: 'active' }], 'at once, and those who know the old one are answered');
  t.match(
    credentials.keys.filter(({ purpose }) => purpose === 'cmp').map(({ state }) => state),
    ['retiring', 'active'],
  );
  t.ok(credentials.keys.filter(({ state }) => state === 'active').every((key) => isSameName(parsed(key.certificate).issuer, nextName)));
});

t.test('an RA certificate of a CA that was given up is given up too', async (t) => {
  const { engine, clock } = await engines();
  const issuer = createCryptoEngineIssuer(cryptoEngineConfigSchema.parse({ url: 'embedded:' }), {}, { engine, log });
  const credentials = memoryRaKeyStore(() => clock.now());
  const deps = { profiles: { all: async () => [], configEpoch: async () => 1 }, credentials, issuers: { forProfile: async () => issuer }, clock, log };
  const profile = scepProfile();
  await ensureRaKeys(profile, deps);
  const next = await prepared(engine, new Date(start.getTime() + 90 * day));
  await ensureRaKeys(profile, deps);
  await engine.cancelNext(next.id, actor);
  clock.advance(day);
  t.equal(await ensureRaKeys(profile, deps), 'ready');
  t.match(credentials.keys, [{ state: 'active' }, { state: 'destroyed' }]);
});
