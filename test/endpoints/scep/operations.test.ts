import { constants, createCipheriv, createHash, publicEncrypt, randomBytes } from 'node:crypto';
import t from 'tap';
import {
  buildCertPoll,
  buildCsr,
  buildGetCert,
  buildMessage,
  buildPkcsReq,
  generateEcKey,
  generateRsaKey,
  replyKeyOf,
  type ScepMessage,
  selfSignedCertificate,
} from '../../../src/device-client/scep.js';
import { handlePkiOperation } from '../../../src/endpoints/scep/translate.js';
import { checkPolicy } from '../../../src/enrolment/policy.js';
import type { IssuedCertificate } from '../../../src/enrolment/ports.js';
import { refusals } from '../../../src/enrolment/refusal.js';
import {
  type Certificate,
  createSigner,
  dnsName,
  extendedKeyUsageExtension,
  keyUsageExtension,
  parseCertificate,
  readGeneralName,
  serialHex,
  signCrl,
  subjectAltNameExtension,
} from '../../../src/pkix/index.js';
import {
  type CmsSigner,
  contentInfo,
  encodePasswordEnvelopedData,
  encodeSignedData,
  issuerAndSerial,
  openPasswordEnvelope,
  readEnvelopedData,
} from '../../../src/protocol/cms/index.js';
import { Cursor, decodeBer, der, encode, oids, scepLimits } from '../../../src/protocol/der/index.js';
import { type CertRep, openReply, readCertRep, requestAttributes, scepFaults } from '../../../src/protocol/scep/index.js';
import { stoppedClock } from '../../../src/runtime/clock.js';
import { challengeMac } from '../../../src/tenancy/credentials.js';
import type { ScepEndpoint } from '../../../src/tenancy/directory.js';
import { policySchema } from '../../../src/tenancy/policy.js';
import { authority, certify, createWorld, FakeEnrolment, issuingEnrolment, name } from './world.js';

const world = createWorld();
const { endpoint, ra } = world;
const key = generateRsaKey();
const otherKey = generateRsaKey();
const ec = generateEcKey();
const subject = name('/O=Plant/CN=device-1');
const signer: CmsSigner = { certificate: selfSignedCertificate(key, subject, new Date()), privateKey: key.privateKey };
const thief: CmsSigner = { certificate: selfSignedCertificate(otherKey, subject, new Date()), privateKey: otherKey.privateKey };
const caller = { clientIp: '192.0.2.7', userAgent: '', contentType: '', method: 'POST' } as const;
const common = { key, subject, recipient: ra.certificate, challenge: 'open sesame', signer };

async function certRep(core: FakeEnrolment, message: Buffer, at: ScepEndpoint = endpoint, now = new Date()): Promise<CertRep> {
  const reply = await handlePkiOperation(at, message, caller, { enrolment: core, clock: stoppedClock(now) });
  if (reply.kind !== 'certRep') throw new Error(`not a CertRep but ${reply.kind}`);
  const read = readCertRep(reply.message, ra.certificate);
  if (!read.ok) throw new Error(read.error);
  return read.value;
}

const said = ({ status, failInfo, failInfoText }: CertRep) => ({ status, failInfo, failInfoText });
const fault = (code: keyof typeof scepFaults) => ({ status: 'FAILURE', failInfo: scepFaults[code].failInfo, failInfoText: scepFaults[code].says });
const refusal = (code: keyof typeof refusals, failInfo: string) => ({ status: 'FAILURE', failInfo, failInfoText: refusals[code] });

function contentOf(reply: CertRep, request: ScepMessage) {
  const opened = openReply(reply, replyKeyOf(request));
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
}

function onRecord(certificate: Certificate, at: ScepEndpoint = endpoint): IssuedCertificate {
  const { id: profileId, tenantId, connectorId } = at.profile;
  const { der: bytes, notBefore, notAfter } = certificate;
  const sha256 = createHash('sha256').update(bytes).digest();
  const facts = { issuer: '', subject: '', sans: [], orderId: null, status: 'valid' as const };
  return {
    ...facts,
    id: serialHex(certificate.serial),
    tenantId,
    profileId,
    connectorId,
    der: bytes,
    serial: serialHex(certificate.serial),
    notBefore,
    notAfter,
    sha256,
  };
}

const issued = world.issue(key.publicKey, subject);
const ownSigner: CmsSigner = { certificate: issued, privateKey: key.privateKey };
const getCert = (by: CmsSigner, certificate = issued, transactionId = 'SSCEP transactionId') =>
  buildGetCert({ recipient: ra.certificate, signer: by, transactionId }, certificate.issuer, certificate.serial);
const getCrl = (by: CmsSigner, certificate = issued) =>
  buildGetCert({ recipient: ra.certificate, signer: by, messageType: 'GetCRL', transactionId: 'SSCEP transactionId' }, certificate.issuer, certificate.serial);

t.test('SCEP-145 SCEP-147 SCEP-148 GetCert gives the holder his certificate, and nobody else learns whether it exists', async (t) => {
  const core = issuingEnrolment(world);
  core.certificates.push(onRecord(issued));
  for (const by of [ownSigner, signer]) {
    const request = getCert(by);
    const reply = await certRep(core, request.message);
    t.equal(reply.status, 'SUCCESS');
    t.same(reply.recipientNonce, request.senderNonce);
    t.same(contentOf(reply, request), { certificates: [issued.der], crls: [] }, 'the certificate asked for, alone');
  }
  const unknown = world.issue(otherKey.publicKey, subject);
  for (const [what, request] of Object.entries({
    'by someone else': getCert(thief),
    'an unknown serial': getCert(signer, unknown),
    'the serial under another issuer': buildGetCert({ recipient: ra.certificate, signer }, world.root.certificate.subject, issued.serial),
  })) {
    t.same(said(await certRep(core, request.message)), refusal('certificate-unknown', 'badCertId'), what);
  }
  t.match(core.refusals, [{ reason: 'not-authorised' }, { reason: 'not-authorised' }, { reason: 'not-authorised' }]);

  const open = world.with({ scep: { getCert: 'public' } });
  core.certificates.push(onRecord(issued, open));
  const request = getCert(thief);
  t.same(contentOf(await certRep(core, request.message, open), request).certificates, [issued.der], 'a public profile shows it to everyone');
  const closed = world.with({ scep: { getCert: 'off' } });
  t.same(said(await certRep(core, getCert(ownSigner).message, closed)), fault('message-type'), 'SCEP-144 switched off: badRequest, signed');
});

t.test('SCEP-145 the issuer of GetCert is compared as a name: another string type finds the same CA', async (t) => {
  const core = issuingEnrolment(world);
  core.certificates.push(onRecord(issued));
  const printable = world.issuing.certificate.subject.der;
  const commonName = Buffer.from('Test Issuing CA');
  const retyped = encode(
    der.sequence(
      der.set(
        der.sequence(
          der.oid(oids.commonName),
          printable.includes(Buffer.from([0x0c, commonName.length])) ? der.printableString('Test Issuing CA') : der.utf8String('Test Issuing CA'),
        ),
      ),
    ),
  );
  t.notSame(retyped, printable);
  const data = encode(der.sequence(retyped, der.integerContent(issued.serial)));
  const request = buildMessage({ recipient: ra.certificate, signer }, 'GetCert', data);
  t.same(contentOf(await certRep(core, request.message), request).certificates, [issued.der]);
});

t.test('SCEP-149 CT-06 GetCert and GetCRL are not recorded: every device may send the same transactionID', async (t) => {
  const core = issuingEnrolment(world);
  core.crl = crlOf(1);
  const others = [otherKey, generateRsaKey()].map((item) => ({ item, certificate: world.issue(item.publicKey, subject) }));
  core.certificates.push(onRecord(issued), ...others.map(({ certificate }) => onRecord(certificate)));
  for (const [by, certificate] of [
    [signer, issued] as const,
    ...others.map(({ item, certificate }) => [{ certificate, privateKey: item.privateKey }, certificate] as const),
  ]) {
    const request = getCert(by, certificate);
    t.equal(request.transactionId, 'SSCEP transactionId');
    t.same(contentOf(await certRep(core, request.message), request).certificates, [certificate.der]);
    t.equal((await certRep(core, getCrl(by, certificate).message)).status, 'SUCCESS');
  }
  t.same([core.requests.length, core.outcomes.size], [0, 0], 'the core was asked for no order and no transaction');
  const enrolment = buildPkcsReq({ ...common, transactionId: 'SSCEP transactionId' });
  t.equal((await certRep(core, enrolment.message)).status, 'SUCCESS', 'and the constant is still free for an enrolment');
});

function crlOf(serial: number): Buffer {
  const { key: caKey, certificate } = world.issuing;
  const times = { thisUpdate: new Date('2026-01-01T00:00:00Z'), nextUpdate: new Date('2036-01-01T00:00:00Z') };
  const revoked = [{ serial: Buffer.of(serial), revokedAt: times.thisUpdate, reason: 1 }];
  return signCrl({ issuer: certificate.subject, ...times, revoked, extensions: [] }, createSigner(caKey.privateKey, caKey.publicKey));
}

t.test('SCEP-146 SCEP-147 GetCRL gives the newest CRL and no certificate', async (t) => {
  const core = issuingEnrolment(world);
  for (const serial of [1, 2]) {
    core.crl = crlOf(serial);
    const request = getCrl(signer);
    const reply = await certRep(core, request.message);
    t.equal(reply.status, 'SUCCESS');
    t.same(contentOf(reply, request), { certificates: [], crls: [core.crl] });
  }
  t.same(said(await certRep(core, getCrl(signer, world.root.certificate).message)), refusal('certificate-unknown', 'badCertId'), 'the CRL of another CA');
  const earlier = authority('/CN=CA of before', world.root);
  const old = certify({ key: earlier.key, name: earlier.certificate.subject }, { publicKey: key.publicKey, subject });
  core.earlierCrls.set(earlier.certificate.subject.der.toString('hex'), crlOf(9));
  const request = getCrl(signer, old);
  t.equal(contentOf(await certRep(core, request.message), request).crls.length, 1, 'SCEP-040 that of the CA that issued here before');
  core.crl = undefined;
  t.same(said(await certRep(core, getCrl(signer).message)), fault('message-type'), 'SCEP-144 the CA gives none');
  core.crl = crlOf(3);
  const closed = world.with({ scep: { getCrl: false } });
  t.same(said(await certRep(core, getCrl(signer).message, closed)), fault('message-type'), 'SCEP-144 switched off');
  t.same(core.requests, []);
});

t.test('SCEP-132 an enrolment is answered with no CRL, whatever the CA has', async (t) => {
  const core = issuingEnrolment(world);
  core.crl = crlOf(1);
  for (const at of [endpoint, world.with({ scep: { chainInReply: true } })]) {
    const request = buildPkcsReq(common);
    t.same(contentOf(await certRep(core, request.message, at), request).crls, []);
  }
});

t.test('SCEP-127 a profile may add the chain: the issued certificate first, then its CA, then those above', async (t) => {
  const core = issuingEnrolment(world);
  const request = buildPkcsReq(common);
  const { certificates } = contentOf(await certRep(core, request.message, world.with({ scep: { chainInReply: true } })), request);
  const [leaf, ...rest] = certificates;
  const parsed = parseCertificate(leaf ?? Buffer.alloc(0));
  t.ok(parsed.ok && parsed.value.publicKey.spki.equals(key.publicKey.spki));
  t.same(rest, [world.issuing.certificate.der, world.root.certificate.der]);
  const rootless = world.with({ scep: { chainInReply: true, includeRoot: false } });
  t.same(contentOf(await certRep(core, request.message, rootless), request).certificates.slice(1), [world.issuing.certificate.der], 'without the root');
});

t.test('SCEP-136 a signingTime far off is badTime where the profile checks it, and only there', async (t) => {
  const now = new Date('2026-06-01T12:00:00Z');
  const hours = (count: number) => new Date(now.getTime() + count * 3_600_000);
  const checking = world.with({ scep: { signingTimeToleranceHours: 24 } });
  const ask = async (signingTime: Date | undefined, at: ScepEndpoint) => {
    const core = issuingEnrolment(world);
    const reply = await certRep(core, buildPkcsReq({ ...common, ...(signingTime && { signingTime }) }).message, at, now);
    return { ...said(reply), asked: core.requests.length };
  };
  for (const off of [-24, 0, 24]) t.match(await ask(hours(off), checking), { status: 'SUCCESS' }, `${off} hours`);
  for (const off of [-25, 25, -400_000]) t.same(await ask(hours(off), checking), { ...fault('signing-time'), asked: 0 }, `${off} hours`);
  t.match(await ask(undefined, checking), { status: 'SUCCESS' }, 'most clients send none');
  t.match(await ask(hours(-400_000), endpoint), { status: 'SUCCESS' }, 'off by default: devices begin with the clock of their battery');
  const attributes = requestAttributes({ messageType: 19, transactionId: 't', senderNonce: randomBytes(16) });
  const odd = der.sequence(der.oid(oids.signingTime), der.set(der.utf8String('noon')));
  const message = encodeSignedData({
    content: Buffer.of(0x30, 0),
    digest: 'sha256',
    signer,
    attributes: [...attributes, odd],
    certificates: [signer.certificate.der],
  });
  t.same(said(await certRep(issuingEnrolment(world), message, checking, now)), fault('signing-time'), 'no time at all');
  t.equal(policySchema.safeParse({ scep: { signingTimeToleranceHours: 23 } }).success, false, 'never less than a day');
});

t.test('SCEP-082 AES-GCM where the profile allows it, also as Go writes it; answered with AES-CBC', async (t) => {
  const open = world.with({ scep: { ciphers: ['aes128-cbc', 'aes128-gcm', 'aes256-gcm'] } });
  for (const cipher of ['aes128-gcm', 'aes256-gcm'] as const) {
    const request = buildPkcsReq({ ...common, cipher });
    const core = issuingEnrolment(world);
    const reply = await certRep(core, request.message, open);
    t.equal(reply.status, 'SUCCESS', cipher);
    const envelope = decodeBer(reply.envelope ?? Buffer.alloc(0), scepLimits, readEnvelopedData);
    t.equal(envelope.ok && envelope.value.contentAlgorithm.oid, oids.aes128Cbc, 'SCEP-130');
    t.equal(contentOf(reply, request).certificates.length, 1);
    t.equal(core.requests[0]?.facts.cipher, cipher);
    t.same(said(await certRep(core, request.message)), fault('cipher-refused'), 'off by default');
  }
  const go = encodeSignedData({
    content: goGcmEnvelope(buildCsr(common)),
    digest: 'sha256',
    signer,
    attributes: requestAttributes({ messageType: 19, transactionId: 'go', senderNonce: randomBytes(16) }),
    certificates: [signer.certificate.der],
  });
  t.equal((await certRep(issuingEnrolment(world), go, open)).status, 'SUCCESS', 'a SEQUENCE without its constructed bit, the nonce as [4]');
  t.match(said(await certRep(issuingEnrolment(world), go)), { status: 'FAILURE', failInfo: 'badRequest' }, 'and nothing is mended where GCM is off');
  const spoilt = Buffer.from(goGcmEnvelope(buildCsr(common)));
  spoilt[spoilt.length - 1] = (spoilt[spoilt.length - 1] as number) ^ 1;
  const wrongTag = encodeSignedData({
    content: spoilt,
    digest: 'sha256',
    signer,
    attributes: requestAttributes({ messageType: 19, transactionId: 'go', senderNonce: randomBytes(16) }),
    certificates: [signer.certificate.der],
  });
  t.same(
    said(await certRep(issuingEnrolment(world), wrongTag, open)),
    fault('undecryptable'),
    'SCEP-087 a wrong tag is told like any other trouble of decryption',
  );
});

/** An EnvelopedData with the parameters of Go's pkcs7 packages. */
function goGcmEnvelope(data: Buffer): Buffer {
  const [contentKey, nonce] = [randomBytes(16), randomBytes(12)];
  const cipher = createCipheriv('aes-128-gcm', contentKey, nonce);
  const encrypted = Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()]);
  const inner = encode(der.sequence(der.implicitPrimitive(4, nonce), der.integer(16)));
  const parameters = Buffer.concat([Buffer.of(0x10, inner.length), inner]);
  const publicKey = ra.certificate.publicKey.keyObject();
  if (!publicKey.ok) throw new Error('RA key');
  const encryptedKey = publicEncrypt({ key: publicKey.value, padding: constants.RSA_PKCS1_PADDING }, contentKey);
  const recipient = der.sequence(
    der.integer(0),
    issuerAndSerial(ra.certificate),
    der.sequence(der.oid(oids.rsaEncryption), der.nullValue()),
    der.octetString(encryptedKey),
  );
  const info = der.sequence(der.oid(oids.data), der.sequence(der.oid(oids.aes128Gcm), parameters), der.implicitPrimitive(0, encrypted));
  return encode(contentInfo(oids.envelopedData, der.sequence(der.integer(0), der.set(recipient), info)));
}

const byPassword = world.with({ scep: { passwordRecipients: true } });
const ecRequest = (change: Partial<Parameters<typeof buildPkcsReq>[0]> = {}) =>
  buildPkcsReq({ key: ec, subject, recipient: ra.certificate, challenge: 'open sesame', ...change });

t.test('SCEP-079 SCEP-096 an EC client is answered under its challenge where the profile allows it', async (t) => {
  for (const cipher of ['aes128-cbc', 'aes256-cbc'] as const) {
    const core = issuingEnrolment(world);
    const request = ecRequest({ cipher });
    const reply = await certRep(core, request.message, byPassword);
    t.equal(reply.status, 'SUCCESS', cipher);
    t.equal(core.requests[0]?.evidence.challenge, 'open sesame');
    const [certificate] = contentOf(reply, request).certificates.map((bytes) => parseCertificate(bytes));
    t.ok(certificate?.ok && certificate.value.publicKey.spki.equals(ec.publicKey.spki));
    const envelope = decodeBer(reply.envelope ?? Buffer.alloc(0), scepLimits, readEnvelopedData);
    if (!envelope.ok) throw envelope.error;
    t.same([envelope.value.version, envelope.value.recipientCount, envelope.value.passwordRecipients.length], [3, 1, 1]);
    const wrong = openPasswordEnvelope(envelope.value, Buffer.from('open barley'));
    t.same(wrong.ok ? 'opened' : wrong.error, 'undecryptable', 'another password opens nothing');
  }
});

t.test('SCEP-096 an RSA key too short for the key transport of its request is badAlg before anything is looked up or ordered', async (t) => {
  const short = generateRsaKey(1024);
  const by: CmsSigner = { certificate: selfSignedCertificate(short, subject, new Date()), privateKey: short.privateKey };
  const transport = { kind: 'oaep', digest: 'sha512', maskDigest: 'sha512', label: Buffer.alloc(0) } as const;
  const data = encode(der.sequence(issued.issuer.der, der.integerContent(issued.serial)));
  const core = issuingEnrolment(world);
  core.crl = Buffer.from('3000', 'hex');
  const request = (messageType: 'GetCRL' | 'PKCSReq', content: Buffer) =>
    buildMessage({ recipient: ra.certificate, signer: by, transport }, messageType, content);
  const undeliverable = refusal('key-undeliverable', 'badAlg');
  t.same(said(await certRep(core, request('GetCRL', data).message)), undeliverable);
  t.same(said(await certRep(core, request('PKCSReq', buildCsr({ key: short, subject })).message)), undeliverable);
  t.equal(core.requests.length, 0);
});

t.test('SCEP-079 SCEP-096 what could not be delivered is badAlg before the core is asked', async (t) => {
  const core = issuingEnrolment(world);
  const undeliverable = refusal('key-undeliverable', 'badAlg');
  t.same(said(await certRep(core, ecRequest().message)), undeliverable, 'off by default');
  const bare = buildPkcsReq({ key: ec, subject, recipient: ra.certificate });
  t.same(said(await certRep(core, bare.message, byPassword)), undeliverable, 'no challenge to encrypt under');
  t.same(said(await certRep(core, ecRequest({ challenge: '' }).message, byPassword)), undeliverable, 'an empty one');
  const ecSigner: CmsSigner = { certificate: selfSignedCertificate(ec, subject, new Date()), privateKey: ec.privateKey };
  t.same(said(await certRep(core, getCert(ecSigner).message, byPassword)), undeliverable, 'GetCert carries no challenge');
  const old: CmsSigner = { certificate: world.issue(ec.publicKey, subject), privateKey: ec.privateKey };
  const renewal = buildPkcsReq({ key: generateEcKey(), subject, recipient: ra.certificate, signer: old, messageType: 'RenewalReq' });
  t.same(said(await certRep(core, renewal.message, byPassword)), undeliverable, 'a renewal without a challenge');
  t.equal(core.requests.length, 0, 'nothing was ordered');

  const stolen = buildMessage({ recipient: ra.certificate, signer: ecSigner }, 'PKCSReq', buildCsr({ key, subject }));
  t.same(said(await certRep(core, stolen.message, byPassword)), fault('undecryptable'), 'SCEP-087 the request of someone else is told like no request at all');
  const sealed = encodeSignedData({
    content: encodePasswordEnvelopedData({ content: buildCsr(common), cipher: 'aes128-cbc', password: Buffer.from('open sesame') }),
    digest: 'sha256',
    signer,
    attributes: requestAttributes({ messageType: 19, transactionId: 'pwri', senderNonce: randomBytes(16) }),
    certificates: [signer.certificate.der],
  });
  t.match(
    said(await certRep(core, sealed, byPassword)),
    { status: 'FAILURE', failInfo: 'badRequest' },
    'a request under a password: the RA key is RSA, and challenges are kept as MACs',
  );
});

t.test('SCEP-079 AB-11 one who sends the envelope of a device under an EC certificate of his own gets nothing to try challenges against', async (t) => {
  const core = issuingEnrolment(world);
  const attacker = generateEcKey();
  const der = Buffer.from(world.issue(attacker.publicKey, subject).der);
  der[der.length - 1] = (der[der.length - 1] as number) ^ 1;
  const forged = parseCertificate(der);
  if (!forged.ok) throw forged.error;
  const replaying: CmsSigner = { certificate: forged.value, privateKey: attacker.privateKey };
  const captured = buildCsr({ key, subject, challenge: 'open sesame' });
  const stolen = buildMessage({ recipient: ra.certificate, signer: replaying }, 'PKCSReq', captured);
  t.same(said(await certRep(core, stolen.message, byPassword)), fault('undecryptable'), 'told like no request at all');
  t.equal(core.requests.length, 0, 'and the challenge of the device is not used up');
});

t.test('SCEP-079 a renewal by an EC certificate is answered under the challenge that it carries', async (t) => {
  const core = issuingEnrolment(world);
  const fresh = generateEcKey('P-384');
  const old: CmsSigner = { certificate: world.issue(ec.publicKey, subject), privateKey: ec.privateKey };
  const request = buildPkcsReq({ key: fresh, subject, recipient: ra.certificate, signer: old, messageType: 'RenewalReq', challenge: 'made up for the answer' });
  const reply = await certRep(core, request.message, byPassword);
  const [certificate] = contentOf(reply, request).certificates.map((bytes) => parseCertificate(bytes));
  t.ok(certificate?.ok && certificate.value.publicKey.spki.equals(fresh.publicKey.spki));
  t.match(core.requests[0], { intent: 'renewal', evidence: { challenge: 'made up for the answer' } });
});

t.test('SCEP-079 an EC client that was told PENDING fetches its certificate by sending the request again', async (t) => {
  const core = issuingEnrolment(world);
  const issue = core.decide;
  core.decide = () => ({ kind: 'pending', orderId: 'o', checkAfterSeconds: 5, session: {} });
  const request = ecRequest({ transactionId: 'slow' });
  t.equal((await certRep(core, request.message, byPassword)).status, 'PENDING');
  const poll = () => buildCertPoll({ recipient: ra.certificate, signer: request.signer, transactionId: 'slow' }, world.issuing.certificate.subject, subject);
  t.equal((await certRep(core, poll().message, byPassword)).status, 'PENDING', 'a poll tells as much as it can');
  core.decide = issue;
  const again = await certRep(core, request.message, byPassword);
  t.equal(contentOf(again, request).certificates.length, 1);
  const late = await certRep(core, poll().message, byPassword);
  t.same(said(late), refusal('key-undeliverable', 'badAlg'), 'a poll has no challenge to answer under');
});

t.test('SCEP-111 an expired or revoked signer reaches the core, which alone knows grace and revocation', async (t) => {
  const day = 86_400_000;
  const expired = world.issue(otherKey.publicKey, subject, { notBefore: new Date(Date.now() - 400 * day), notAfter: new Date(Date.now() - day) });
  const old: CmsSigner = { certificate: expired, privateKey: otherKey.privateKey };
  for (const code of ['signer-expired', 'signer-revoked', 'signer-superseded', 'signer-not-trusted'] as const) {
    const core = new FakeEnrolment(() => ({ kind: 'refused', refusal: { code } }));
    const request = buildPkcsReq({ key, subject, recipient: ra.certificate, signer: old, messageType: 'RenewalReq' });
    t.same(said(await certRep(core, request.message)), refusal(code, 'badRequest'), code);
    t.same(core.requests[0]?.evidence.signer?.certificate.der, expired.der);
  }
  const graceful = issuingEnrolment(world);
  const request = buildPkcsReq({ key, subject, recipient: ra.certificate, signer: old, messageType: 'RenewalReq' });
  t.equal(contentOf(await certRep(graceful, request.message), request).certificates.length, 1, 'within the grace the answer goes to the expired certificate');
});

t.test('CT-11 Cisco ASA: the self-signed signer has another subject than the request', async (t) => {
  const core = issuingEnrolment(world);
  const asa: CmsSigner = { certificate: selfSignedCertificate(key, name('/CN=asa.example.test'), new Date()), privateKey: key.privateKey };
  const request = buildPkcsReq({ ...common, signer: asa });
  const reply = await certRep(core, request.message);
  const [certificate] = contentOf(reply, request).certificates.map((bytes) => parseCertificate(bytes));
  t.ok(certificate?.ok && certificate.value.subject.der.equals(subject.der), 'the subject of the request counts');
});

t.test('CT-16 printers and phones: SHA-1, usages and purposes asked for, forty names, a UPN; the profile decides', async (t) => {
  const legacy = world.with({ scep: { digests: ['sha1', 'sha256'], ciphers: ['aes128-cbc', 'des-ede3-cbc'] } });
  const upn = readUpn('printer@example.test');
  const names = [...Array.from({ length: 40 }, (_, index) => dnsName(`p${index}.example.test`)), upn];
  const extensions = [
    subjectAltNameExtension(names),
    keyUsageExtension(['digitalSignature', 'keyEncipherment', 'dataEncipherment']),
    extendedKeyUsageExtension([oids.clientAuth, '1.3.6.1.5.5.7.3.4']),
  ];
  for (const digest of ['sha1', 'sha256'] as const) {
    const core = issuingEnrolment(world);
    const request = buildPkcsReq({ ...common, extensions, digest, cipher: 'des-ede3-cbc' });
    t.equal(contentOf(await certRep(core, request.message, legacy), request).certificates.length, 1, digest);
    const [asked] = core.requests;
    if (asked === undefined) throw new Error('asked');
    const profileWith = (sanTypes: readonly string[]) => ({ ...endpoint.profile, policy: policySchema.parse({ names: { sanTypes } }) });
    const grant = { operation: 'enrolment', credential: 'challenge:static' } as const;
    const checked = checkPolicy(asked.wanted, grant, profileWith(['dns', 'other']), new Date());
    if (!checked.ok) throw new Error(checked.error.code);
    t.same(
      checked.value.request.sans,
      names.map((item) => item.der),
      'every name, in order',
    );
    t.same(checked.value.request.keyUsage, ['digitalSignature', 'keyEncipherment'], 'the usages of the profile');
    t.same(checked.value.request.extendedKeyUsage, [oids.serverAuth, oids.clientAuth]);
    t.equal(checked.value.isModified, true, 'and the order says that it was changed');
    t.match(checkPolicy(asked.wanted, grant, profileWith(['dns']), new Date()), { error: { code: 'san-type', detail: 'other' } });
  }
});

/** A userPrincipalName, as Windows writes it (MS-WCCE 2.2.2.7.5). */
function readUpn(text: string) {
  return readGeneralName(new Cursor(encode(der.constructed(0xa0, der.oid('1.3.6.1.4.1.311.20.2.3'), der.explicit(0, der.utf8String(text))))));
}

t.test('AB-24 a message for one profile, posted to another, is answered by none of its keys', async (t) => {
  const neighbour = createWorld();
  const core = issuingEnrolment(world);
  const reply = await handlePkiOperation(neighbour.endpoint, buildPkcsReq(common).message, caller, { enrolment: core });
  const read = reply.kind === 'certRep' ? readCertRep(reply.message, neighbour.ra.certificate) : undefined;
  t.match(read, { ok: true, value: { status: 'FAILURE', failInfo: 'badRequest' } });
  t.match(core.refusals, [{ reason: 'wrong-recipient', profileId: neighbour.endpoint.profile.id }]);
  t.equal(core.requests.length, 0);
  const mac = (profileId: string) => challengeMac(Buffer.alloc(32, 1), profileId, 'open sesame').toString('hex');
  t.not(mac(endpoint.profile.id), mac(neighbour.endpoint.profile.id), 'and what is kept of a challenge is bound to its profile');
});
