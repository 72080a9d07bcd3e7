import t from 'tap';
import { createCryptoEngineIssuer } from '../../src/connectors/crypto-engine/index.js';
import { createEngine } from '../../src/crypto-engine/index.js';
import { generateRsaKey } from '../../src/device-client/scep.js';
import type { Outcome } from '../../src/enrolment/outcome.js';
import type { EnrolmentRequest, Evidence } from '../../src/enrolment/request.js';
import { createEnrolment, enrolmentDeps } from '../../src/enrolment/service.js';
import {
  basicConstraintsExtension,
  type Certificate,
  type CertificateList,
  certificateFingerprint,
  createSigner,
  dnsName,
  type Extension,
  extendedKeyUsageExtension,
  nameToText,
  parseCertificate,
  parseCrl,
  signCrl,
  subjectAltNameExtension,
  subjectAltNames,
  toPem,
  uriName,
} from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { systemClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { cryptoEngineConfigSchema } from '../../src/tenancy/connector.js';
import { tenantContext } from '../../src/tenancy/context.js';
import { policySchema } from '../../src/tenancy/policy.js';
import { warningsOf } from '../../src/tenancy/profile-warnings.js';
import { type Authority, authority, certify, name } from '../endpoints/scep/world.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import { memoryStore } from '../support/memory-store.js';
import { newCertificate, newOrder } from '../support/orders.js';
import { cmpProfile, scepProfile } from '../support/profiles.js';

const day = 86_400_000;
const now = Date.now();
const at = (days: number) => new Date(now + days * day);
const log = createLog('silent');
const oldRoot = authority('/CN=Old Root');
const oldCa = authority('/CN=Old Issuing CA', oldRoot);
const key = generateRsaKey();
const url = 'http://crl.old.example/ca.crl';

interface Old {
  readonly notAfter?: Date;
  readonly extensions?: readonly Extension[];
  readonly issuer?: Authority;
  readonly subject?: string;
}

function oldCertificate({ issuer = oldCa, subject = '/O=Plant/CN=pump-7', ...fields }: Old = {}): Certificate {
  const wanted = {
    publicKey: key.publicKey,
    subject: name(subject),
    notBefore: at(-400),
    extensions: [subjectAltNameExtension([dnsName('pump-7.plant.example')])],
  };
  return certify({ key: issuer.key, name: issuer.certificate.subject }, { ...wanted, ...fields });
}

function crlOf(revoked: readonly Certificate[], nextUpdate = at(7), signer: Authority = oldCa): CertificateList {
  const entries = revoked.map(({ serial }) => ({ serial, revokedAt: at(-2), reason: 1 }));
  const fields = { issuer: oldCa.certificate.subject, thisUpdate: at(-3), nextUpdate, revoked: entries, extensions: [] };
  const parsed = parseCrl(signCrl(fields, createSigner(signer.key.privateKey, signer.key.publicKey)));
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

type Anchor = Readonly<Record<string, unknown>>;
const anchor = (fields: Anchor = {}): Anchor => ({ certificate: toPem('CERTIFICATE', oldCa.certificate.der), ...fields });

function withAnchors(...renewalAnchors: readonly Anchor[]) {
  return scepProfile({ policy: policySchema.parse({ scep: { renewalAnchors } }) });
}

async function house(lists: readonly CertificateList[] = []) {
  const engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://pki.example' });
  await engine.ensureCas();
  const issuer = createCryptoEngineIssuer(cryptoEngineConfigSchema.parse({ url: 'embedded:' }), {}, { engine, log });
  const store = memoryStore();
  const asked: string[] = [];
  const deps = enrolmentDeps({
    ...store,
    orderReader: store.orderReader as never,
    credentials: { findSharedSecret: async () => undefined },
    audit: { append: async () => undefined },
    issuers: { forProfile: async () => issuer, forOrder: async () => issuer },
    revocationLists: {
      async listsAt(urls) {
        asked.push(...urls);
        return lists;
      },
    },
    challengeMacKey: Buffer.alloc(32, 1),
    clock: systemClock,
    log,
  });
  return { store, asked, enrolment: createEnrolment(deps) };
}

let counter = 0;

function request(signer: Certificate, change: Partial<EnrolmentRequest> = {}): EnrolmentRequest {
  counter += 1;
  const evidence: Evidence = { signer: { certificate: signer, others: [oldCa.certificate, oldRoot.certificate] } };
  return {
    protocol: 'scep',
    intent: 'renewal',
    transactionId: `t-${counter}`,
    requester: key.publicKey.fingerprint,
    content: Buffer.from(`content ${counter}`),
    evidence,
    wanted: { publicKey: key.publicKey, subject: signer.subject, extensions: [] },
    facts: { clientIp: '192.0.2.1', clientFamily: 'unknown', keyType: 'RSA-2048', digest: 'sha256', cipher: 'aes128-cbc' },
    session: {},
    ...change,
  };
}

const gist = (outcome: Outcome): string => (outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind);

async function renew(
  profile: ReturnType<typeof withAnchors>,
  signer: Certificate,
  lists: readonly CertificateList[] = [],
  change: Partial<EnrolmentRequest> = {},
) {
  const room = await house(lists);
  const outcome = await room.enrolment.enrol(profile, request(signer, change));
  return { ...room, outcome, gist: gist(outcome) };
}

t.test('SCEP-110 SCEP-109 a certificate of another CA renews only where that CA is a renewal anchor of the profile', async (t) => {
  const old = oldCertificate();
  t.equal((await renew(scepProfile(), old)).gist, 'signer-not-trusted', 'no anchor');
  t.equal((await renew(withAnchors({ certificate: toPem('CERTIFICATE', oldRoot.certificate.der) }), old)).gist, 'signer-not-trusted', 'the root is not enough');
  t.equal(
    (await renew(withAnchors(anchor()), oldCertificate({ issuer: authority('/CN=Old Issuing CA', oldRoot) }))).gist,
    'signer-not-trusted',
    'a CA of the same name',
  );
  const trusted = scepProfile({ policy: policySchema.parse({ cmp: { trustAnchors: [toPem('CERTIFICATE', oldCa.certificate.der)], vendorDevices: 'any' } }) });
  t.equal((await renew(trusted, old)).gist, 'not-authorised', 'a trust anchor of CMP is none');

  for (const intent of ['renewal', 'initial'] as const) {
    const { outcome, store } = await renew(withAnchors({ certificate: toPem('CERTIFICATE', authority('/CN=Another').certificate.der) }, anchor()), old, [], {
      intent,
    });
    if (outcome.kind !== 'issued') throw new Error(gist(outcome));
    const fresh = parseCertificate(outcome.certificate);
    if (!fresh.ok) throw fresh.error;
    t.equal(nameToText(fresh.value.subject), 'CN=pump-7,O=Plant');
    const sans = subjectAltNames(fresh.value.extensions);
    t.same(sans.ok && sans.value.map(({ text }) => text), ['pump-7.plant.example'], 'the names are those of the old certificate');
    t.match(store.all(), [{ operation: 'renewal', state: 'ISSUED', credential: `anchor:CN=Old Issuing CA certificate:${old.serial.toString('hex')}` }], intent);
  }
});

t.test('SCEP-110 SCEP-114 it renews as what it is: no other name, and none that this profile would not certify', async (t) => {
  const old = oldCertificate();
  const other = { wanted: { publicKey: key.publicKey, subject: name('/O=Plant/CN=pump-8'), extensions: [] } };
  t.equal((await renew(withAnchors(anchor()), old, [], other)).gist, 'renewal-other-name');
  const wider = { wanted: { publicKey: key.publicKey, subject: old.subject, extensions: [subjectAltNameExtension([dnsName('x.example')])] } };
  t.equal((await renew(withAnchors(anchor()), old, [], wider)).gist, 'renewal-other-name');
  const sid = oldCertificate({ extensions: [subjectAltNameExtension([uriName('tag:microsoft.com,2022-09-14:sid:S-1-5-21-1')])] });
  t.equal((await renew(withAnchors(anchor()), sid)).gist, 'san-type', 'AB-13 names of a kind that this profile does not certify');
  t.equal((await renew(withAnchors(anchor()), oldCertificate({ subject: '/CN=a\u202eb' }))).gist, 'name-malformed');
  const malformed = oldCertificate({ extensions: [{ oid: oids.subjectAltName, critical: false, value: Buffer.from('3003020101', 'hex') }] });
  t.equal((await renew(withAnchors(anchor()), malformed)).gist, 'extension-malformed');
});

t.test('SCEP-110 certificates of CAs and of registration authorities renew nothing', async (t) => {
  const purposes = ['1.3.6.1.4.1.311.20.2.1', oids.cmcRA, oids.cmcCA];
  const authorities = [...purposes.map((purpose) => [extendedKeyUsageExtension([purpose])]), [basicConstraintsExtension({ ca: true })]];
  for (const extensions of authorities) t.equal((await renew(withAnchors(anchor()), oldCertificate({ extensions }))).gist, 'signer-not-trusted');
  const own = { evidence: { signer: { certificate: oldCa.certificate, others: [] } } };
  t.equal(
    (await renew(withAnchors(anchor(), anchor({ certificate: toPem('CERTIFICATE', oldRoot.certificate.der) })), oldCa.certificate, [], own)).gist,
    'signer-not-trusted',
  );
});

t.test('SCEP-111 the grace of an anchor is its own, and holds when the anchor itself has ended', async (t) => {
  const expired = oldCertificate({ notAfter: at(-9) });
  t.equal((await renew(withAnchors(anchor()), expired)).gist, 'signer-expired');
  t.equal((await renew(withAnchors(anchor({ graceDays: 8 })), expired)).gist, 'signer-expired');
  t.equal((await renew(withAnchors(anchor({ graceDays: 10 })), expired)).gist, 'issued');
  const ended = certify(
    { key: oldRoot.key, name: oldRoot.certificate.subject },
    { publicKey: oldCa.key.publicKey, subject: oldCa.certificate.subject, notBefore: at(-900), notAfter: at(-5), extensions: oldCa.certificate.extensions },
  );
  const pem = toPem('CERTIFICATE', ended.der);
  t.equal((await renew(withAnchors(anchor({ certificate: pem })), oldCertificate())).gist, 'signer-expired');
  t.equal((await renew(withAnchors(anchor({ certificate: pem, graceDays: 10 })), expired)).gist, 'issued');
  t.equal(
    (await renew(withAnchors(anchor({ certificate: pem, graceDays: 4 })), oldCertificate())).gist,
    'signer-expired',
    'a leaf that outlives its CA gains nothing',
  );
});

t.test('SCEP-110 after the migration an anchor is accepted no longer', async (t) => {
  t.equal((await renew(withAnchors(anchor({ acceptUntil: at(1).toISOString() })), oldCertificate())).gist, 'issued');
  t.equal((await renew(withAnchors(anchor({ acceptUntil: at(-1).toISOString() })), oldCertificate())).gist, 'signer-not-trusted');
});

t.test('SCEP-111 SCEP-110 the CRL of an anchor, given or fetched, decides', async (t) => {
  const [good, revoked] = [oldCertificate(), oldCertificate()];
  const current = crlOf([revoked]);
  for (const crl of [toPem('X509 CRL', current.der), current.der.toString('base64'), url]) {
    const profile = withAnchors(anchor({ crl }));
    t.equal((await renew(profile, good, [current])).gist, 'issued');
    const refused = await renew(profile, revoked, [current]);
    t.equal(refused.gist, 'signer-revoked');
    t.same(refused.asked, crl === url ? [url] : [], 'only a URL is fetched');
  }
  t.equal((await renew(withAnchors(anchor()), revoked, [current])).gist, 'issued', 'without a CRL nobody can tell');
});

t.test('SCEP-110 with a CRL that is stale, forged or away the anchor says whether to go on', async (t) => {
  const [good, revoked] = [oldCertificate(), oldCertificate()];
  const stale = crlOf([revoked], at(-1));
  const forged = crlOf([], at(7), authority('/CN=Old Issuing CA'));
  for (const [what, lists] of [
    ['stale', [stale]],
    ['forged', [forged]],
    ['away', []],
  ] as const) {
    t.equal((await renew(withAnchors(anchor({ crl: url })), good, lists)).gist, 'signer-not-trusted', what);
    t.equal((await renew(withAnchors(anchor({ crl: url, staleCrl: 'accept' })), good, lists)).gist, 'issued', what);
  }
  t.equal((await renew(withAnchors(anchor({ crl: url, staleCrl: 'accept' })), revoked, [stale])).gist, 'signer-revoked', 'who was revoked is revoked still');
});

t.test('SCEP-110 a long CRL in the policy is read beside other work, and one whose entries are malformed lets nobody in', async (t) => {
  const entries = Array.from({ length: 12_000 }, (_, index) => ({
    serial: Buffer.from([1, index >> 16, (index >> 8) & 255, index & 255]),
    revokedAt: at(-2),
    reason: 1,
  }));
  const fields = { issuer: oldCa.certificate.subject, thisUpdate: at(-3), nextUpdate: at(7), revoked: entries, extensions: [] };
  const der = signCrl(fields, createSigner(oldCa.key.privateKey, oldCa.key.publicKey));
  t.ok(der.length > 200_000, 'long');
  for (const staleCrl of ['refuse', 'accept'] as const) {
    const good = withAnchors(anchor({ crl: der.toString('base64'), staleCrl }));
    t.equal((await renew(good, oldCertificate())).gist, 'issued', staleCrl);
    const broken = Buffer.from(der);
    // The tag of a revocationDate in the middle, which the head says nothing of.
    broken[broken.indexOf(Buffer.from([0x17, 13]), broken.length >> 1)] = 0x04;
    const profile = withAnchors(anchor({ crl: broken.toString('base64'), staleCrl }));
    t.match((await renew(profile, oldCertificate())).outcome, { kind: 'refused', refusal: { code: 'signer-not-trusted', detail: /cannot be read/ } }, staleCrl);
  }
});

t.test('SCEP-110 SCEP-151 a device that has moved here and comes with its old certificate again is a duplicate', async (t) => {
  const profile = { ...withAnchors(anchor()), policy: policySchema.parse({ duplicates: 'refuse', scep: { renewalAnchors: [anchor()] } }) };
  const room = await house();
  t.equal(gist(await room.enrolment.enrol(profile, request(oldCertificate()))), 'issued');
  t.equal(gist(await room.enrolment.enrol(profile, request(oldCertificate()))), 'account-held');
});

t.test('SCEP-110 SCEP-151 and stays one when it asks for fewer names than its old certificate has', async (t) => {
  const profile = { ...withAnchors(anchor()), policy: policySchema.parse({ duplicates: 'refuse', scep: { renewalAnchors: [anchor()] } }) };
  const room = await house();
  const old = oldCertificate({ extensions: [subjectAltNameExtension(['pump-7.example', 'pump-8.example'].map(dnsName))] });
  const asking = (...names: string[]) =>
    request(old, { wanted: { publicKey: key.publicKey, subject: old.subject, extensions: [subjectAltNameExtension(names.map(dnsName))] } });
  t.equal(gist(await room.enrolment.enrol(profile, asking('pump-7.example', 'pump-8.example'))), 'issued');
  t.equal(gist(await room.enrolment.enrol(profile, asking('pump-7.example'))), 'account-held');
  t.equal(gist(await room.enrolment.enrol(profile, asking('pump-8.example'))), 'account-held');
});

t.test('SCEP-110 AB-22 a certificate of another profile here renews only while it may renew there', async (t) => {
  const profile = withAnchors(anchor());
  const context = tenantContext(profile.tenantId, 'test');
  const { store, enrolment } = await house();
  const signer = oldCertificate();
  const record = newCertificate({ der: signer.der, sha256: certificateFingerprint(signer.der) });
  await store.orders.settleIssued(context, newOrder(), record, 'elsewhere');
  t.equal(gist(await enrolment.enrol(profile, request(signer))), 'issued');
  const successor = newOrder({ operation: 'renewal', renews: record.id });
  await store.orders.settleIssued(context, successor, newCertificate(), 'elsewhere');
  store.orders.noteDelivered(context, successor.id, 'CONFIRMED');
  t.equal(gist(await enrolment.enrol(profile, request(signer))), 'signer-superseded', 'its device has a newer one');
});

t.test('CMP-114 over CMP a certificate that its CA issued before renews by kur alone, and only below an anchor for CMP', async (t) => {
  const cmp = (policy: object) => cmpProfile({ policy: policySchema.parse(policy) });
  const anchored = cmp({ cmp: { renewalAnchors: [anchor()] } });
  const ask = async (profile: ReturnType<typeof cmp>, change: Partial<EnrolmentRequest> = {}, lists: readonly CertificateList[] = []) =>
    gist(await (await house(lists)).enrolment.enrol(profile, request(oldCertificate(), { protocol: 'cmp', ...change })));
  t.equal(await ask(anchored), 'issued');
  t.equal(await ask(cmp({ scep: { renewalAnchors: [anchor()] } })), 'signer-not-trusted', 'the anchors of SCEP are its own');
  for (const intent of ['initial', 'additional'] as const) t.equal(await ask(anchored, { intent }), 'signer-not-trusted', intent);
  const other = { wanted: { publicKey: key.publicKey, subject: name('/O=Plant/CN=pump-8'), extensions: [] } };
  t.equal(await ask(anchored, other), 'renewal-other-name');
  const listed = cmp({ cmp: { renewalAnchors: [anchor({ crl: url })] } });
  t.equal(await ask(listed, {}, [crlOf([])]), 'issued');
  t.equal(await ask(listed), 'signer-not-trusted', 'no list in force');
  t.match(warningsOf(anchored), [/has no CRL/]);
  t.same(warningsOf(listed), []);
});

t.test('CMP-074 a CA that is a vendor and a renewal anchor too lets its devices enrol as the vendor’s, and renew as its own', async (t) => {
  const trustAnchors = [toPem('CERTIFICATE', oldRoot.certificate.der)];
  const profile = cmpProfile({ policy: policySchema.parse({ cmp: { trustAnchors, vendorDevices: 'any', renewalAnchors: [anchor()] } }) });
  const { store, enrolment } = await house();
  for (const [intent, credential] of [
    ['initial', /^vendor:/],
    ['renewal', /^anchor:/],
  ] as const) {
    t.equal(gist(await enrolment.enrol(profile, request(oldCertificate(), { protocol: 'cmp', intent }))), 'issued', intent);
    t.match([...store.all()].at(-1)?.credential, credential);
  }
});

t.test('SCEP-110 anchors that could never hold are refused when the profile is written; one without a CRL is warned of', async (t) => {
  const faults = (fields: Anchor) => {
    const parsed = policySchema.safeParse({ scep: { renewalAnchors: [anchor(fields)] } });
    return parsed.success ? [] : parsed.error.issues.map(({ path }) => path.join('.'));
  };
  const chain = [oldCa, oldRoot].map(({ certificate }) => toPem('CERTIFICATE', certificate.der)).join('');
  for (const certificate of ['', 'x', chain, toPem('CERTIFICATE', oldCertificate().der)]) {
    t.same(faults({ certificate }), ['scep.renewalAnchors.0.certificate']);
  }
  for (const crl of ['', 'x', 'ftp://old.example/ca.crl', 'file:///etc/passwd']) t.same(faults({ crl }), ['scep.renewalAnchors.0.crl']);
  t.same(faults({ crl: url }), []);
  t.match(warningsOf(withAnchors(anchor())), ['A renewal anchor has no CRL: devices whose certificates were revoked there get new ones here all the same.']);
  t.same(warningsOf(withAnchors(anchor({ crl: url }))), []);
});
