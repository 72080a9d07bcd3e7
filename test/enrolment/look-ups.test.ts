import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { createEmbeddedIssuer } from '../../src/connectors/crypto-engine/embedded.js';
import { createEngine } from '../../src/crypto-engine/index.js';
import type { Issuer } from '../../src/enrolment/ports.js';
import { createEnrolment, enrolmentDeps } from '../../src/enrolment/service.js';
import { nameFromText, parseCertificate, parseCrl, publicKeyOf, serialHex, verifyCrl } from '../../src/pkix/index.js';
import { systemClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { challengeMac } from '../../src/tenancy/credentials.js';
import { policySchema } from '../../src/tenancy/policy.js';
import type { Profile } from '../../src/tenancy/profile.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import { memoryStore } from '../support/memory-store.js';
import { scepProfile } from '../support/profiles.js';

const macKey = Buffer.alloc(32, 1);
const log = createLog('silent');

async function house() {
  const engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://127.0.0.1:1' });
  await engine.ensureCas();
  const embedded = createEmbeddedIssuer(engine, { timeoutMs: 1_000, maxProcessingMs: 0, concurrency: 1 }, log);
  const issuer: { now: Issuer | undefined } = { now: embedded };
  const store = memoryStore();
  const deps = enrolmentDeps({
    ...store,
    orderReader: store.orderReader as never,
    credentials: { findSharedSecret: async () => undefined },
    audit: { append: async () => undefined },
    issuers: { forProfile: async () => issuer.now, forOrder: async () => issuer.now },
    challengeMacKey: macKey,
    clock: systemClock,
    log,
  });
  return { engine, issuer, enrolment: createEnrolment(deps) };
}

const profile: Profile = scepProfile({ policy: policySchema.parse({}) });
const guarded = { ...profile, challengeMac: challengeMac(macKey, profile.id, 'open sesame') } as Profile;

async function enrolled({ enrolment }: Awaited<ReturnType<typeof house>>) {
  const publicKey = publicKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
  const subject = nameFromText('CN=device-1');
  if (!subject.ok) throw new Error(subject.error);
  const outcome = await enrolment.enrol(guarded, {
    protocol: 'scep',
    intent: 'initial',
    transactionId: 't-1',
    requester: publicKey.fingerprint,
    content: Buffer.from('request'),
    evidence: { challenge: 'open sesame' },
    wanted: { publicKey, subject: subject.value, extensions: [] },
    facts: { clientIp: '192.0.2.1', clientFamily: 'unknown', keyType: 'P-256', digest: 'sha256', cipher: 'aes128-cbc' },
    session: {},
  });
  if (outcome.kind !== 'issued') throw new Error(outcome.kind);
  const certificate = parseCertificate(outcome.certificate);
  if (!certificate.ok) throw certificate.error;
  return certificate.value;
}

t.test('SCEP-145 SCEP-148 a certificate is found by issuer and serial, on the profile that issued it and on no other', async (t) => {
  const parts = await house();
  const certificate = await enrolled(parts);
  const serial = serialHex(certificate.serial);
  const { findIssued } = parts.enrolment;
  t.same((await findIssued(guarded, certificate.issuer.der, serial))?.der, certificate.der);
  t.equal(await findIssued(guarded, certificate.subject.der, serial), undefined, 'another issuer');
  t.equal(await findIssued(guarded, certificate.issuer.der, 'beef'), undefined, 'another serial');
  t.equal(await findIssued({ ...guarded, id: 'other' } as Profile, certificate.issuer.der, serial), undefined, 'another profile');
  t.equal(await findIssued({ ...guarded, tenantId: 'other' } as Profile, certificate.issuer.der, serial), undefined, 'another tenant');
});

t.test('SCEP-146 the CRL of the embedded engine is the newest and lists what was revoked; other CAs give none', async (t) => {
  const parts = await house();
  const certificate = await enrolled(parts);
  const [issuing] = parts.engine.chain();
  const ca = parseCertificate(issuing ?? Buffer.alloc(0));
  if (!ca.ok) throw ca.error;
  const listed = async () => {
    const crl = parseCrl((await parts.enrolment.currentCrl(guarded)) ?? Buffer.alloc(0));
    if (!crl.ok) throw crl.error;
    t.ok(verifyCrl(crl.value, ca.value.publicKey).ok);
    return crl.value.revoked.map((item) => serialHex(item.serial));
  };
  t.same(await listed(), []);
  await parts.engine.issue('ref', {
    publicKey: certificate.publicKey.spki,
    subject: certificate.subject.der,
    sans: [],
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: [],
    validitySeconds: 3600,
    backdateSeconds: 0,
  });
  const recorded = parseCertificate((await parts.engine.lookup('ref')) ?? Buffer.alloc(0));
  if (!recorded.ok) throw recorded.error;
  t.ok((await parts.engine.revoke(recorded.value.der, 1)).ok);
  t.same(await listed(), [serialHex(recorded.value.serial)]);

  const { crl: _none, ...bare } = parts.issuer.now as Issuer;
  parts.issuer.now = bare;
  t.equal(await parts.enrolment.currentCrl(guarded), undefined);
  parts.issuer.now = undefined;
  t.equal(await parts.enrolment.currentCrl(guarded), undefined, 'no connector');
});
