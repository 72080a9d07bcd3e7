import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import {
  buildCertPoll,
  buildCsr,
  buildMessage,
  buildPkcsReq,
  generateEcKey,
  generateRsaKey,
  type ScepMessage,
  selfSignedCertificate,
} from '../../../src/device-client/scep.js';
import type { ScepReply } from '../../../src/endpoints/scep/answering.js';
import { handlePkiOperation } from '../../../src/endpoints/scep/translate.js';
import { refusals } from '../../../src/enrolment/refusal.js';
import { type Certificate, type Digest, parseCertificate } from '../../../src/pkix/index.js';
import {
  attribute,
  type CmsSigner,
  type ContentCipher,
  certificatesOnly,
  contentInfo,
  createKeyUnwrapper,
  encodeEnvelopedData,
  encodeSignedData,
  issuerAndSerial,
  type KeyTransport,
  readEnvelopedData,
  readSignedData,
} from '../../../src/protocol/cms/index.js';
import { decodeBer, der, type Element, encode, oids, scepLimits, tag } from '../../../src/protocol/der/index.js';
import { type CertRep, messageTypes, openCertRep, readCertRep, scepFaults } from '../../../src/protocol/scep/index.js';
import type { ScepEndpoint } from '../../../src/tenancy/directory.js';
import { createWorld, type FakeEnrolment, issuingEnrolment, name, raKey } from './world.js';

const world = createWorld();
const { endpoint, ra } = world;
const key = generateRsaKey();
const otherKey = generateRsaKey();
const subject = name('/O=Plant/CN=device-1');
const signer: CmsSigner = { certificate: selfSignedCertificate(key, subject, new Date()), privateKey: key.privateKey };
const caller = { clientIp: '192.0.2.7', userAgent: '', contentType: '', method: 'POST' } as const;
const common = { key, subject, recipient: ra.certificate, challenge: 'open sesame', signer };

function ask(core: FakeEnrolment, message: Buffer, at: ScepEndpoint = endpoint): Promise<ScepReply> {
  return handlePkiOperation(at, message, caller, { enrolment: core });
}

async function certRep(core: FakeEnrolment, message: Buffer, at: ScepEndpoint = endpoint, by: Certificate = ra.certificate): Promise<CertRep> {
  const reply = await ask(core, message, at);
  if (reply.kind !== 'certRep') throw new Error(`not a CertRep but ${reply.kind}`);
  const read = readCertRep(reply.message, by);
  if (!read.ok) throw new Error(read.error);
  return read.value;
}

const said = ({ status, failInfo, failInfoText }: CertRep) => ({ status, failInfo, failInfoText });
const fault = (code: keyof typeof scepFaults) => ({ status: 'FAILURE', failInfo: scepFaults[code].failInfo, failInfoText: scepFaults[code].says });

/** Sends the message; it must be refused with this fault, without a question to the core. */
async function refused(t: Test, what: string, message: Buffer, code: keyof typeof scepFaults, at: ScepEndpoint = endpoint): Promise<CertRep> {
  const core = issuingEnrolment(world);
  const reply = await certRep(core, message, at);
  t.same(said(reply), fault(code), what);
  t.same([core.requests.length, core.refusals.length], [0, 1], `${what}: no question to the core, one refusal noted`);
  return reply;
}

function issued(reply: CertRep, by: CmsSigner = signer): Certificate {
  const opened = openCertRep(reply, by.certificate, createKeyUnwrapper(by.privateKey));
  if (!opened.ok) throw new Error(opened.error);
  const [first, ...more] = opened.value;
  const certificate = first && parseCertificate(first);
  if (!certificate?.ok || more.length > 0) throw new Error('not exactly one certificate');
  return certificate.value;
}

const attributes = (fields: { readonly id?: Element; readonly type?: Element; readonly nonce?: Element }): Element[] =>
  [
    fields.id ?? attribute(oids.scepTransactionId, der.printableString('t-1')),
    fields.type ?? attribute(oids.scepMessageType, der.printableString('19')),
    fields.nonce ?? attribute(oids.scepSenderNonce, der.octetString(randomBytes(16))),
  ].filter((item) => item !== none);
const none = encode(der.nullValue());

function publicKeyOf(certificate: Certificate) {
  const imported = certificate.publicKey.keyObject();
  if (!imported.ok) throw new Error('key');
  return imported.value;
}

const csr = buildCsr(common);

function enveloped(data: Buffer, cipher: ContentCipher = 'aes128-cbc'): Buffer {
  return encodeEnvelopedData({ content: data, cipher, recipient: ra.certificate, publicKey: publicKeyOf(ra.certificate) });
}

/** A message with attributes and content of our choosing, properly signed. */
function signedMessage(list: readonly Element[], content: Buffer | undefined = enveloped(csr), by: CmsSigner = signer, digest: Digest = 'sha256'): Buffer {
  return encodeSignedData({ content, digest, signer: by, attributes: list, certificates: [by.certificate.der] });
}

t.test('SCEP-001 SCEP-118 SCEP-125 SCEP-126 SCEP-133 issues: CertRep SUCCESS with the leaf alone, encrypted for the signer', async (t) => {
  const core = issuingEnrolment(world);
  const request = buildPkcsReq({ ...common, transactionId: 'AB+/= 1' });
  const reply = await certRep(core, request.message);
  t.equal(reply.status, 'SUCCESS');
  t.equal(reply.transactionId.toString(), 'AB+/= 1', 'SCEP-064 the transactionID is echoed');
  t.same(reply.recipientNonce, request.senderNonce, 'SCEP-069 the nonce is echoed');
  t.equal(reply.senderNonce?.length, 16, 'SCEP-070 a senderNonce of its own');
  t.notSame(reply.senderNonce, request.senderNonce);
  const certificate = issued(reply);
  t.same(certificate.publicKey.spki, key.publicKey.spki);

  const [asked] = core.requests;
  t.match(asked, {
    protocol: 'scep',
    intent: 'initial',
    transactionId: 'AB+/= 1',
    evidence: { challenge: 'open sesame' },
    facts: { clientIp: '192.0.2.7', keyType: 'RSA-2048', digest: 'sha256', cipher: 'aes128-cbc' },
  });
  t.same(asked?.requester, key.publicKey.fingerprint);
  t.same(asked?.content, request.csr);
  t.equal(asked?.evidence.signer, undefined, 'SCEP-057 SCEP-103 a self-signed signer is no one');
  t.same(core.refusals, []);
});

t.test('SCEP-120 SCEP-121 SCEP-123 the answer is DER, signed by the RA with rsaEncryption, attributes sorted and single', async (t) => {
  for (const status of ['SUCCESS', 'FAILURE', 'PENDING'] as const) {
    const core = issuingEnrolment(world);
    if (status === 'PENDING') core.decide = () => ({ kind: 'pending', orderId: 'o', checkAfterSeconds: 5, session: {} });
    if (status === 'FAILURE') core.decide = () => ({ kind: 'refused', refusal: { code: 'credential-invalid', detail: 'never told' } });
    const reply = await certRep(core, buildPkcsReq(common).message);
    t.equal(reply.status, status);
    const { signerInfo, signedData } = reply;
    t.equal(signerInfo.version, 1);
    t.equal(signerInfo.sid.kind, 'issuerAndSerial');
    t.same(signerInfo.signatureAlgorithm, { oid: oids.rsaEncryption, parameters: Buffer.from('0500', 'hex') });
    t.same(signerInfo.digestAlgorithm, { oid: oids.sha256, parameters: Buffer.from('0500', 'hex') });
    t.same(signedData.certificates, [ra.certificate.der], 'the RA certificate is inside');
    const list = signerInfo.signedAttributes?.attributes ?? [];
    t.ok(list.every((item) => item.values.length === 1));
    const encoded = list.map((item) => encode(der.sequence(der.oid(item.oid), der.set(...item.values))));
    t.same(encoded, [...encoded].sort(Buffer.compare), 'sorted');
    t.equal(list.find((item) => item.oid === oids.scepPkiStatus)?.values[0]?.[0], tag.printableString);
    t.equal(signedData.content === undefined, status !== 'SUCCESS', 'SCEP-124 SCEP-137 eContent is absent without a certificate');
    if (status === 'FAILURE') {
      t.equal(list.find((item) => item.oid === oids.scepFailInfoText)?.values[0]?.[0], tag.utf8String, 'SCEP-134 failInfoText is UTF8String');
      t.same(said(reply), { status, failInfo: 'badRequest', failInfoText: refusals['credential-invalid'] });
    }
  }
});

t.test('SCEP-083 SCEP-128 SCEP-129 SCEP-130 the answer uses the cipher and transport of the request and has one recipient', async (t) => {
  const legacy = world.with({ scep: { ciphers: ['aes128-cbc', 'aes192-cbc', 'aes256-cbc', 'des-ede3-cbc'] } });
  const oaep: KeyTransport = { kind: 'oaep', digest: 'sha256', maskDigest: 'sha256', label: Buffer.alloc(0) };
  for (const cipher of ['aes128-cbc', 'aes192-cbc', 'aes256-cbc', 'des-ede3-cbc'] as const) {
    for (const transport of [undefined, oaep]) {
      const chain = [world.issuing.certificate.der, world.root.certificate.der, ra.certificate.der];
      const reply = await certRep(issuingEnrolment(world), buildPkcsReq({ ...common, cipher, chain, ...(transport && { transport }) }).message, legacy);
      const envelope = decodeBer(reply.envelope ?? Buffer.alloc(0), scepLimits, readEnvelopedData);
      if (!envelope.ok) throw envelope.error;
      const [recipient, ...more] = envelope.value.recipients;
      t.equal(more.length, 0, 'AB-11 one recipient');
      t.equal(recipient?.version, 0);
      t.same(recipient?.rid, { kind: 'issuerAndSerial', issuer: signer.certificate.issuer.der, serial: signer.certificate.serial });
      t.equal(recipient?.algorithm.oid, transport === undefined ? oids.rsaEncryption : oids.rsaesOaep);
      t.equal(
        envelope.value.contentAlgorithm.oid,
        { 'aes128-cbc': oids.aes128Cbc, 'aes192-cbc': oids.aes192Cbc, 'aes256-cbc': oids.aes256Cbc, 'des-ede3-cbc': oids.desEde3Cbc }[cipher],
      );
      t.ok(issued(reply));
    }
  }
});

t.test('SCEP-054 SCEP-122 digests follow the policy, and the answer follows the request', async (t) => {
  const legacy = world.with({ scep: { digests: ['sha1', 'sha256'] } });
  const sha1 = buildPkcsReq({ ...common, digest: 'sha1' }).message;
  const reply = await certRep(issuingEnrolment(world), sha1, legacy);
  t.equal(reply.status, 'SUCCESS');
  t.equal(reply.signerInfo.digestAlgorithm.oid, oids.sha1);
  const no = await refused(t, 'SHA-1 where it is not allowed', sha1, 'digest-refused');
  t.equal(no.signerInfo.digestAlgorithm.oid, oids.sha256, 'the refusal is not signed with SHA-1');
  for (const digest of ['sha384', 'sha512'] as const) {
    t.equal((await certRep(issuingEnrolment(world), buildPkcsReq({ ...common, digest }).message)).signerInfo.digestAlgorithm.oid, oids[digest]);
  }
});

t.test('SCEP-055 CT-08 AB-15 refuses MD5 with badAlg, whatever the capabilities said', async (t) => {
  const legacy = world.with({ scep: { digests: ['sha1', 'sha256'] } });
  const bytes = signedMessage(attributes({}));
  const info = decodeBer(bytes, scepLimits, readSignedData);
  if (!info.ok) throw info.error;
  const [first] = info.value.signers;
  if (first?.signedAttributes === undefined) throw new Error('attributes');
  const algorithm = der.sequence(der.oid(oids.md5), der.nullValue());
  const signerInfo = der.sequence(
    der.integer(1),
    issuerAndSerial(signer.certificate),
    algorithm,
    first.signedAttributes.received,
    der.sequence(der.oid(oids.rsaEncryption), der.nullValue()),
    der.octetString(first.signature),
  );
  const content = der.sequence(der.oid(oids.data), der.explicit(0, der.octetString(info.value.content ?? Buffer.alloc(0))));
  const message = encode(
    contentInfo(oids.signedData, der.sequence(der.integer(1), der.set(algorithm), content, der.explicit(0, signer.certificate.der), der.set(signerInfo))),
  );
  await refused(t, 'MD5', message, 'digest-refused', legacy);
});

t.test('SCEP-084 CT-08 refuses single DES and GCM with badAlg before anything is decrypted', async (t) => {
  const good = decodeBer(enveloped(csr), scepLimits, readEnvelopedData);
  if (!good.ok) throw good.error;
  const [recipient] = good.value.recipients;
  for (const [what, oid, parameters] of [
    ['DES-CBC', oids.desCbc, der.octetString(randomBytes(8))],
    ['AES-128-GCM (SCEP-082 is off)', oids.aes128Gcm, der.sequence(der.octetString(randomBytes(12)))],
  ] as const) {
    const info = der.sequence(
      der.integer(0),
      issuerAndSerial(ra.certificate),
      der.sequence(der.oid(oids.rsaEncryption), der.nullValue()),
      der.octetString(recipient?.encryptedKey ?? Buffer.alloc(0)),
    );
    const encrypted = der.sequence(der.oid(oids.data), der.sequence(der.oid(oid), parameters), der.implicitPrimitive(0, randomBytes(64)));
    const envelope = encode(contentInfo(oids.envelopedData, der.sequence(der.integer(0), der.set(info), encrypted)));
    await refused(t, what, signedMessage(attributes({}), envelope), 'cipher-refused');
  }
  await refused(t, 'triple DES where it is not allowed (SCEP-027)', buildPkcsReq({ ...common, cipher: 'des-ede3-cbc' }).message, 'cipher-refused');
});

t.test('SCEP-045 SCEP-063 nothing to echo means nothing to answer with: unreadable, one refusal noted', async (t) => {
  const rows: Record<string, Buffer> = {
    nothing: Buffer.alloc(0),
    'no DER': Buffer.from('hello'),
    'an EnvelopedData': enveloped(csr),
    'a certificate': signer.certificate.der,
    'no signer (SCEP-050)': certificatesOnly([signer.certificate.der]),
    'no transactionID': signedMessage(attributes({ id: none })),
    'an empty transactionID': signedMessage(attributes({ id: attribute(oids.scepTransactionId, der.printableString('')) })),
    'a transactionID of 257 octets': signedMessage(attributes({ id: attribute(oids.scepTransactionId, der.printableString('x'.repeat(257))) })),
    'a transactionID that is no text': signedMessage(attributes({ id: attribute(oids.scepTransactionId, der.octetString(Buffer.from('t'))) })),
    'trailing bytes': Buffer.concat([signedMessage(attributes({})), Buffer.of(0)]),
  };
  for (const [what, bytes] of Object.entries(rows)) {
    const core = issuingEnrolment(world);
    t.same(await ask(core, bytes), { kind: 'unreadable' }, what);
    t.same([core.requests.length, core.refusals.map((item) => item.reason)], [0, ['malformed']], what);
  }
});

t.test('SCEP-046 SCEP-047 SCEP-066 SCEP-068 SCEP-073 refuses missing, repeated and impossible parts of the outer layer', async (t) => {
  const nonce = attribute(oids.scepSenderNonce, der.octetString(randomBytes(16)));
  const twice = (oid: string, value: Element) => der.sequence(der.oid(oid), der.set(value, value));
  const type = attribute(oids.scepMessageType, der.printableString('19'));
  await refused(t, 'no messageType', signedMessage(attributes({ type: none })), 'attributes');
  await refused(t, 'messageType in words', signedMessage(attributes({ type: attribute(oids.scepMessageType, der.printableString('PKCSReq')) })), 'attributes');
  await refused(t, 'messageType as INTEGER', signedMessage(attributes({ type: attribute(oids.scepMessageType, der.integer(19)) })), 'attributes');
  await refused(t, 'messageType twice', signedMessage([...attributes({}), type]), 'attributes');
  await refused(t, 'messageType with two values', signedMessage(attributes({ type: twice(oids.scepMessageType, der.printableString('19')) })), 'attributes');
  await refused(t, 'senderNonce twice', signedMessage([...attributes({}), nonce]), 'attributes');
  await refused(t, 'no senderNonce', signedMessage(attributes({ nonce: none })), 'sender-nonce');
  await refused(
    t,
    'senderNonce of 7 octets',
    signedMessage(attributes({ nonce: attribute(oids.scepSenderNonce, der.octetString(randomBytes(7))) })),
    'sender-nonce',
  );
  await refused(
    t,
    'senderNonce of 65 octets',
    signedMessage(attributes({ nonce: attribute(oids.scepSenderNonce, der.octetString(randomBytes(65))) })),
    'sender-nonce',
  );
  await refused(
    t,
    'no content',
    encodeSignedData({ content: undefined, digest: 'sha256', signer, attributes: attributes({}), certificates: [signer.certificate.der] }),
    'not-enveloped',
  );
  await refused(t, 'the request in the clear', signedMessage(attributes({}), csr), 'not-enveloped');
  await refused(t, 'a SignedData within', signedMessage(attributes({}), certificatesOnly([])), 'not-enveloped');
  await refused(
    t,
    'SCEP-048 no signer certificate',
    encodeSignedData({ content: enveloped(csr), digest: 'sha256', signer, attributes: attributes({}), certificates: [] }),
    'signer-certificate',
  );
});

t.test('SCEP-065 SCEP-071 CT-04 CT-20 takes what the field sends: 8-octet nonces, other string types, zeros and spaces', async (t) => {
  const utf8 = (text: string) => der.utf8String(text);
  const rows: Record<string, Element[]> = {
    'a nonce of 8 octets': attributes({ nonce: attribute(oids.scepSenderNonce, der.octetString(randomBytes(8))) }),
    'a nonce of 64 octets': attributes({ nonce: attribute(oids.scepSenderNonce, der.octetString(randomBytes(64))) }),
    'messageType as UTF8String': attributes({ type: attribute(oids.scepMessageType, utf8('19')) }),
    'messageType as IA5String': attributes({ type: attribute(oids.scepMessageType, der.ia5String('19')) }),
    'messageType with leading zero and spaces': attributes({ type: attribute(oids.scepMessageType, der.printableString(' 019 ')) }),
    'transactionID as UTF8String': attributes({ id: attribute(oids.scepTransactionId, utf8('t-utf8')) }),
    'transactionID of 100 characters': attributes({ id: attribute(oids.scepTransactionId, der.printableString('+/= '.repeat(25))) }),
    'further attributes': [...attributes({}), attribute(oids.signingTime, der.octetString(Buffer.of(1)))],
  };
  for (const [what, list] of Object.entries(rows)) {
    const core = issuingEnrolment(world);
    const reply = await certRep(core, signedMessage(list));
    t.equal(reply.status, 'SUCCESS', what);
    t.equal(core.requests.length, 1);
    const echoed = reply.signerInfo.signedAttributes?.attributes.find((item) => item.oid === oids.scepTransactionId);
    t.equal(echoed?.values[0]?.[0], tag.printableString, `${what}: the transactionID is a PrintableString`);
  }
});

t.test('SCEP-050 two signers are refused with badMessageCheck', async (t) => {
  const decoded = decodeBer(signedMessage(attributes({})), scepLimits, readSignedData);
  if (!decoded.ok) throw decoded.error;
  const [first] = decoded.value.signers;
  if (first?.signedAttributes === undefined) throw new Error('attributes');
  const digest = der.sequence(der.oid(oids.sha256), der.nullValue());
  const info = der.sequence(
    der.integer(1),
    issuerAndSerial(signer.certificate),
    digest,
    first.signedAttributes.received,
    der.sequence(der.oid(oids.rsaEncryption), der.nullValue()),
    der.octetString(first.signature),
  );
  const content = der.sequence(der.oid(oids.data), der.explicit(0, der.octetString(decoded.value.content ?? Buffer.alloc(0))));
  const message = encode(
    contentInfo(oids.signedData, der.sequence(der.integer(1), der.set(digest), content, der.explicit(0, signer.certificate.der), der.set(info, info))),
  );
  await refused(t, 'two', message, 'signers');
});

t.test('SCEP-052 AB-08 a bad signature is badMessageCheck for every type, before anything is decrypted', async (t) => {
  for (const type of Object.values(messageTypes)) {
    const bytes = signedMessage(attributes({ type: attribute(oids.scepMessageType, der.printableString(String(type))) }), Buffer.from('not even an envelope'));
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
    await refused(t, `type ${type}`, bytes, 'signature');
  }
  const captured = buildPkcsReq(common).message;
  const at = captured.indexOf(encode(attribute(oids.scepMessageType, der.printableString('19'))));
  const flipped = Buffer.from(captured);
  flipped.write('17', at + encode(attribute(oids.scepMessageType, der.printableString('19'))).length - 2, 'latin1');
  await refused(t, 'type 19 made 17 in a captured message', flipped, 'signature');
});

t.test('SCEP-067 SCEP-104 SCEP-144 SCEP-157 AB-01 every message type from 0 to 255 that is not served is refused and never reaches the core', async (t) => {
  const served = [messageTypes.PKCSReq, messageTypes.RenewalReq, messageTypes.CertPoll] as readonly number[];
  const closed = world.with({ scep: { getCert: 'off', getCrl: false } });
  const core = issuingEnrolment(world);
  const envelope = enveloped(csr);
  for (let type = 0; type <= 255; type += 1) {
    if (served.includes(type)) continue;
    const reply = await certRep(
      core,
      signedMessage(attributes({ type: attribute(oids.scepMessageType, der.printableString(String(type))) }), envelope),
      closed,
    );
    t.same(said(reply), fault('message-type'), `type ${type}`);
  }
  t.same([core.requests.length, core.outcomes.size], [0, 0]);
  const off = world.with({ scep: { renewal: false } });
  await refused(t, 'RenewalReq where renewal is off (SCEP-022)', buildPkcsReq({ ...common, messageType: 'RenewalReq' }).message, 'message-type', off);
});

t.test('SCEP-077 each type must hold what it says', async (t) => {
  const serial = encode(issuerAndSerial(signer.certificate));
  const pair = encode(der.sequence(signer.certificate.issuer.der, signer.certificate.subject.der));
  await refused(t, 'PKCSReq with IssuerAndSerialNumber', buildMessage(common, 'PKCSReq', serial).message, 'undecryptable');
  await refused(t, 'PKCSReq with IssuerAndSubject', buildMessage(common, 'PKCSReq', pair).message, 'undecryptable');
  await refused(t, 'RenewalReq with IssuerAndSubject', buildMessage(common, 'RenewalReq', pair).message, 'undecryptable');
  await refused(t, 'CertPoll with a request', buildMessage(common, 'CertPoll', csr).message, 'undecryptable');
  await refused(t, 'a request with something behind it', buildMessage(common, 'PKCSReq', Buffer.concat([csr, Buffer.of(0)])).message, 'undecryptable');
});

t.test('SCEP-044 SCEP-078 CT-17 the recipient selects the key, in both forms, and that key signs the answer', async (t) => {
  const next = raKey(world.issuing, world.root, { state: 'retiring' });
  const rolling = world.with({ raKeys: [ra, next] });
  for (const { certificate } of [ra, next]) {
    for (const identifiedBy of ['issuerAndSerial', 'subjectKeyIdentifier'] as const) {
      const request = buildPkcsReq({ ...common, recipient: certificate, identifiedBy });
      const reply = await certRep(issuingEnrolment(world), request.message, rolling, certificate);
      t.equal(reply.status, 'SUCCESS', identifiedBy);
      t.same(reply.signedData.certificates, [certificate.der]);
    }
  }
});

t.test('SCEP-078 AB-23 a message for another key is refused and names the certificate expected', async (t) => {
  const foreign = raKey(world.issuing, world.root);
  const core = issuingEnrolment(world);
  const reply = await certRep(core, buildPkcsReq({ ...common, recipient: foreign.certificate }).message);
  t.equal(reply.failInfo, 'badRequest');
  t.ok(reply.failInfoText?.startsWith(scepFaults['wrong-recipient'].says));
  t.ok(reply.failInfoText?.includes(ra.certificate.serial.toString('hex')));
  t.match(core.refusals, [{ reason: 'wrong-recipient' }]);
});

t.test('SCEP-085 SCEP-087 AB-09 all ways to be undecryptable are told in the same words', async (t) => {
  const good = decodeBer(enveloped(csr), scepLimits, readEnvelopedData);
  if (!good.ok) throw good.error;
  const [recipient] = good.value.recipients;
  const algorithm = der.sequence(der.oid(oids.aes128Cbc), good.value.contentAlgorithm.parameters);
  const build = (encryptedKey: Buffer, encrypted: Buffer, cipher: Element = algorithm): Buffer => {
    const info = der.sequence(
      der.integer(0),
      issuerAndSerial(ra.certificate),
      der.sequence(der.oid(oids.rsaEncryption), der.nullValue()),
      der.octetString(encryptedKey),
    );
    const content = der.sequence(der.oid(oids.data), cipher, der.implicitPrimitive(0, encrypted));
    return signedMessage(attributes({}), encode(contentInfo(oids.envelopedData, der.sequence(der.integer(0), der.set(info), content))));
  };
  const wrapped = recipient?.encryptedKey ?? Buffer.alloc(0);
  const content = good.value.encryptedContent;
  const flip = (bytes: Buffer, at: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] as number) ^ 1;
    return copy;
  };
  const rows: Record<string, Buffer> = {
    'a random key block': build(randomBytes(256).fill(0, 0, 1), content),
    'a key block too short': build(wrapped.subarray(1), content),
    'a key block above the modulus': build(Buffer.alloc(256, 0xff), content),
    'no key block': build(Buffer.alloc(0), content),
    'a flipped bit in the key block': build(flip(wrapped, 100), content),
    'the last block flipped': build(wrapped, flip(content, content.length - 1)),
    'the block before it flipped': build(wrapped, flip(content, content.length - 17)),
    'a block missing': build(wrapped, content.subarray(0, content.length - 16)),
    'half a block missing': build(wrapped, content.subarray(0, content.length - 8)),
    'no content': build(wrapped, Buffer.alloc(0)),
    'a key of another length': build(wrapped, content, der.sequence(der.oid(oids.aes256Cbc), good.value.contentAlgorithm.parameters)),
    'content that is no request': signedMessage(attributes({}), enveloped(Buffer.from('hello'))),
  };
  const lengths = new Set<number>();
  for (const [what, bytes] of Object.entries(rows)) {
    await refused(t, what, bytes, 'undecryptable');
    const reply = await ask(issuingEnrolment(world), bytes);
    if (reply.kind === 'certRep') lengths.add(reply.message.length);
  }
  t.equal(lengths.size, 1, 'answers differ in nonce, digest and signature only');
});

t.test('SCEP-087 AB-09 one who replays an altered envelope under a certificate of his own learns nothing from the answer', async (t) => {
  const captured = enveloped(csr);
  const parsed = decodeBer(captured, scepLimits, readEnvelopedData);
  if (!parsed.ok) throw parsed.error;
  const start = captured.indexOf(parsed.value.encryptedContent);
  const iv = captured.indexOf(parsed.value.contentAlgorithm.parameters ?? Buffer.of(0xff)) + 2;
  const attacker = generateRsaKey();
  const selfSigned = { certificate: selfSignedCertificate(attacker, subject, new Date()), privateKey: attacker.privateKey };
  const inventedCa = { certificate: world.issue(attacker.publicKey, subject), privateKey: attacker.privateKey };
  const forged = parseCertificate(replaceTail(inventedCa.certificate.der));
  if (!forged.ok) throw forged.error;
  const spots = [
    ...Array.from({ length: 16 }, (_, at) => iv + at),
    ...Array.from({ length: parsed.value.encryptedContent.length / 16 }, (_, at) => start + at * 16),
  ];
  for (const by of [selfSigned, { ...inventedCa, certificate: forged.value }]) {
    for (const spot of [undefined, ...spots]) {
      const envelope = Buffer.from(captured);
      if (spot !== undefined) envelope[spot] = (envelope[spot] as number) ^ 0x01;
      const core = issuingEnrolment(world);
      core.decide = () => ({ kind: 'refused', refusal: { code: 'credential-invalid' } });
      const reply = await certRep(core, signedMessage(attributes({}), envelope, by));
      if (spot === undefined && by !== selfSigned) continue;
      t.same(said(reply), fault('undecryptable'), `bit flipped at ${spot ?? 'no place'}`);
    }
  }
});

/** A certificate whose signature is broken. */
function replaceTail(certificate: Buffer): Buffer {
  const copy = Buffer.from(certificate);
  copy[copy.length - 1] = (copy[copy.length - 1] as number) ^ 1;
  return copy;
}

t.test('SCEP-058 SCEP-059 SCEP-060 a self-signed signer must have the requested key; its name, dates and serial do not matter', async (t) => {
  const long = new Date('2001-01-01T00:00:00Z');
  const odd: CmsSigner = { certificate: selfSignedCertificate(key, name('/CN=SCEP SIGNER'), long, 1), privateKey: key.privateKey };
  t.equal((await certRep(issuingEnrolment(world), buildPkcsReq({ ...common, signer: odd }).message)).status, 'SUCCESS');
  const foreign: CmsSigner = { certificate: selfSignedCertificate(otherKey, subject, new Date()), privateKey: otherKey.privateKey };
  const core = issuingEnrolment(world);
  const reply = await certRep(core, buildPkcsReq({ ...common, signer: foreign }).message);
  t.same(said(reply), fault('undecryptable'));
  t.match(core.refusals, [{ reason: 'bad-proof-of-possession', detail: 'The self-signed signer has another key than the request.' }]);
  t.equal(core.requests.length, 0);
});

t.test('SCEP-090 SCEP-115 the signature of the request is checked for PKCSReq and RenewalReq alike', async (t) => {
  const broken = Buffer.from(csr);
  broken[broken.length - 1] = (broken[broken.length - 1] as number) ^ 1;
  const device: CmsSigner = { certificate: world.issue(otherKey.publicKey, subject), privateKey: otherKey.privateKey };
  for (const [what, message] of [
    ['PKCSReq', buildMessage(common, 'PKCSReq', broken).message],
    [
      'RenewalReq with the same key',
      buildMessage({ ...common, signer: { certificate: world.issue(key.publicKey, subject), privateKey: key.privateKey } }, 'RenewalReq', broken).message,
    ],
    ['RenewalReq with a new key', buildMessage({ ...common, signer: device }, 'RenewalReq', broken).message],
  ] as const) {
    const core = issuingEnrolment(world);
    const reply = await certRep(core, message);
    t.same(said(reply), { status: 'FAILURE', failInfo: 'badMessageCheck', failInfoText: refusals['proof-of-possession'] }, what);
    t.match(core.refusals, [{ reason: 'bad-proof-of-possession' }]);
    t.equal(core.requests.length, 0);
  }
});

t.test('SCEP-096 a key that answers cannot be encrypted for is badAlg before the core is asked', async (t) => {
  const ec = generateEcKey();
  const core = issuingEnrolment(world);
  const reply = await certRep(core, buildPkcsReq({ key: ec, subject, recipient: ra.certificate, challenge: 'open sesame' }).message);
  t.same(said(reply), { status: 'FAILURE', failInfo: 'badAlg', failInfoText: refusals['key-undeliverable'] });
  const mixed = await certRep(core, buildMessage(common, 'PKCSReq', buildCsr({ key: ec, subject, challenge: 'open sesame' })).message);
  t.equal(mixed.failInfo, 'badAlg', 'an EC request under an RSA self-signed signer');
  t.match(core.refusals, [{ reason: 'unsupported' }, { reason: 'unsupported' }]);
  t.equal(core.requests.length, 0);
});

t.test('SCEP-107 SCEP-108 SCEP-117 a renewal shows the core who signed, and the answer goes to the old certificate', async (t) => {
  const old: CmsSigner = { certificate: world.issue(otherKey.publicKey, subject), privateKey: otherKey.privateKey };
  for (const [messageType, intent] of [
    ['RenewalReq', 'renewal'],
    ['PKCSReq', 'initial'],
  ] as const) {
    const core = issuingEnrolment(world);
    const chain = [world.issuing.certificate.der];
    const reply = await certRep(core, buildPkcsReq({ key, subject, recipient: ra.certificate, signer: old, messageType, chain }).message);
    t.equal(reply.status, 'SUCCESS');
    t.same(issued(reply, old).publicKey.spki, key.publicKey.spki);
    const [asked] = core.requests;
    t.equal(asked?.intent, intent);
    t.same(asked?.evidence.signer?.certificate.der, old.certificate.der);
    t.same(
      asked?.evidence.signer?.others.map((item) => item.der),
      chain,
    );
    t.equal(asked?.evidence.challenge, undefined);
    t.same(asked?.requester, otherKey.publicKey.fingerprint);
  }
});

t.test('SCEP-116 a renewal signed with SHA-1 is badAlg, and SHA-1 never shows the core a signer', async (t) => {
  const legacy = world.with({ scep: { digests: ['sha1', 'sha256'] } });
  const old: CmsSigner = { certificate: world.issue(otherKey.publicKey, subject), privateKey: otherKey.privateKey };
  const request = { key, subject, recipient: ra.certificate, signer: old, digest: 'sha1' } as const;
  await refused(t, 'RenewalReq', buildPkcsReq({ ...request, messageType: 'RenewalReq' }).message, 'digest-refused', legacy);
  const core = issuingEnrolment(world);
  await certRep(core, buildPkcsReq(request).message, legacy);
  t.equal(core.requests[0]?.evidence.signer, undefined);
});

t.test('AB-02 a renewal signed by a self-signed certificate has no signer to show', async (t) => {
  const core = issuingEnrolment(world);
  await certRep(core, buildPkcsReq({ ...common, messageType: 'RenewalReq' }).message);
  t.match(core.requests, [{ intent: 'renewal' }]);
  t.equal(core.requests[0]?.evidence.signer, undefined);
});

t.test('SCEP-069 SCEP-072 SCEP-137 SCEP-139 SCEP-140 SCEP-142 PENDING, polls, then the certificate as often as it is asked for', async (t) => {
  const core = issuingEnrolment(world);
  const issue = core.decide;
  core.decide = () => ({ kind: 'pending', orderId: 'o', checkAfterSeconds: 5, session: {} });
  const request = buildPkcsReq({ ...common, transactionId: 'slow' });
  const pending = await certRep(core, request.message);
  t.equal(pending.status, 'PENDING');
  t.equal(pending.envelope, undefined);

  const poll = (issuer = world.issuing.certificate.subject): ScepMessage =>
    buildCertPoll({ recipient: ra.certificate, signer, transactionId: 'slow' }, issuer, subject);
  const first = poll();
  const still = await certRep(core, first.message);
  t.same([still.status, still.recipientNonce], ['PENDING', first.senderNonce], "the poll's own nonce");

  const [asked] = core.requests;
  if (asked === undefined) throw new Error('asked');
  core.outcomes.set('slow', { requester: asked.requester, outcome: issue(asked) });
  for (const issuer of [world.issuing.certificate.subject, world.root.certificate.subject, name('/CN=wrong')]) {
    const done = await certRep(core, poll(issuer).message);
    t.equal(done.status, 'SUCCESS');
    t.same(issued(done).publicKey.spki, key.publicKey.spki);
  }
  t.equal(core.requests.length, 1);
  const unknown = await certRep(core, buildCertPoll({ recipient: ra.certificate, signer, transactionId: 'never' }, subject, subject).message);
  t.same(said(unknown), { status: 'FAILURE', failInfo: 'badCertId', failInfoText: refusals['transaction-unknown'] });
});

t.test('SCEP-141 AB-06 a poll with another key learns nothing', async (t) => {
  const core = issuingEnrolment(world);
  await certRep(core, buildPkcsReq({ ...common, transactionId: 'mine' }).message);
  const thief: CmsSigner = { certificate: selfSignedCertificate(otherKey, subject, new Date()), privateKey: otherKey.privateKey };
  const reply = await certRep(core, buildCertPoll({ recipient: ra.certificate, signer: thief, transactionId: 'mine' }, subject, subject).message);
  t.same(said(reply), { status: 'FAILURE', failInfo: 'badRequest', failInfoText: refusals['not-authorised'] });
  t.equal(reply.envelope, undefined);
});

t.test('SCEP-134 SCEP-135 every refusal of the core has its failInfo and its text; a profile may leave the text out', async (t) => {
  const silent = world.with({ scep: { failInfoText: false } });
  const badAlg = ['key-type', 'key-size', 'key-malformed', 'key-undeliverable', 'ca-key'];
  for (const code of Object.keys(refusals) as (keyof typeof refusals)[]) {
    const core = issuingEnrolment(world);
    core.decide = () => ({ kind: 'refused', refusal: { code, detail: 'secret detail' } });
    const message = buildPkcsReq(common).message;
    if (code === 'unavailable') {
      t.same(await ask(core, message), { kind: 'unavailable' });
      continue;
    }
    const expected = badAlg.includes(code)
      ? 'badAlg'
      : code === 'proof-of-possession' || code === 'ca-proof'
        ? 'badMessageCheck'
        : code.endsWith('-unknown') || code === 'certificate-revoked'
          ? 'badCertId'
          : 'badRequest';
    const reply = await certRep(core, message);
    t.same(said(reply), { status: 'FAILURE', failInfo: expected, failInfoText: refusals[code] }, code);
    t.equal((await certRep(core, message, silent)).failInfoText, undefined);
    t.same(core.refusals, [], 'the core notes its own refusals');
  }
});

t.test('SCEP-039 a profile without an RSA RA key is unavailable', async (t) => {
  t.same(await ask(issuingEnrolment(world), buildPkcsReq(common).message, world.with({ raKeys: [] })), { kind: 'unavailable' });
});

t.test('a broken core or signing key is an exception for the edge, not an answer', async (t) => {
  const core = issuingEnrolment(world);
  core.decide = () => {
    throw new Error('database gone');
  };
  await t.rejects(ask(core, buildPkcsReq(common).message), { message: 'database gone' });
});

t.test('SCEP-156 AB-20 two profiles interleaved do not mix', async (t) => {
  const second = createWorld();
  const cores = [issuingEnrolment(world), issuingEnrolment(second)];
  const worlds = [world, second];
  const answers = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const at = worlds[index % 2] as typeof world;
      const request = buildPkcsReq({ ...common, recipient: at.ra.certificate, transactionId: `t-${index}` });
      const reply = await certRep(cores[index % 2] as FakeEnrolment, request.message, at.endpoint, at.ra.certificate);
      return { index, reply, request, certificate: issued(reply), at };
    }),
  );
  for (const { index, reply, request, certificate, at } of answers) {
    t.equal(reply.transactionId.toString(), `t-${index}`);
    t.same(reply.recipientNonce, request.senderNonce);
    t.same(certificate.issuer.der, at.issuing.certificate.subject.der);
  }
});
