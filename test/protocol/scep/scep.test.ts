import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { buildCertPoll, buildCsr, buildPkcsReq, generateEcKey, generateRsaKey, selfSignedCertificate } from '../../../src/device-client/scep.js';
import { handlePkiOperation } from '../../../src/endpoints/scep/translate.js';
import {
  algorithmIdentifier,
  type Certificate,
  createSigner,
  type Extension,
  encodeExtension,
  extension,
  keyUsageExtension,
  parseCertificate,
} from '../../../src/pkix/index.js';
import { type CmsSigner, createKeyUnwrapper, encodeEnvelopedData, encodeSignedData } from '../../../src/protocol/cms/index.js';
import { berToDer } from '../../../src/protocol/der/ber.js';
import { Cursor, certificateTime, decodeBer, der, type Element, encode, oids, scepLimits, tag } from '../../../src/protocol/der/index.js';
import {
  addressRequest,
  type CertRepBody,
  decodeRequest,
  encodeCapabilities,
  encodeCertRep,
  encodeRequest,
  failInfos,
  openCertRep,
  openRequest,
  pkiStatuses,
  readCapabilities,
  readCertRep,
  requestAttributes,
  type ScepRequest,
  verifyRequest,
} from '../../../src/protocol/scep/index.js';
import { createWorld, issuingEnrolment, name } from '../../endpoints/scep/world.js';

const world = createWorld();
const { ra } = world;
const recipientKey = ra.certificate.publicKey.keyObject();
if (!recipientKey.ok) throw new Error('key');
const key = generateRsaKey();
const subject = name('/CN=device-1');
const signer: CmsSigner = { certificate: selfSignedCertificate(key, subject, new Date()), privateKey: key.privateKey };
const caller = { clientIp: '192.0.2.7', userAgent: '', contentType: '', method: 'POST' } as const;
const raKey = { certificate: ra.certificate, unwrapper: createKeyUnwrapper(ra.privateKey) };

/** The same in the loosest BER: indefinite lengths everywhere, OCTET STRINGs cut in pieces. */
function loosened(element: Buffer): Buffer {
  const cursor = new Cursor(element);
  const type = cursor.peekTag();
  const end = Buffer.of(0, 0);
  if ((type & 0x20) !== 0) return Buffer.concat([Buffer.of(type, 0x80), ...cursor.enter(type).each((child) => loosened(child.element())), end]);
  if (type !== tag.octetString && type !== 0x80) return element;
  const content = cursor.content(type);
  if (type === 0x80 && content.length < 32) return element;
  const pieces = [content.subarray(0, 20), content.subarray(20)].map((piece) => der.octetString(piece));
  return Buffer.concat([Buffer.of(type | 0x20, 0x80), ...pieces, end]);
}

function opened(request: ScepRequest) {
  const addressed = addressRequest(request, [raKey], ['aes128-cbc']);
  if (!addressed.ok) throw new Error(addressed.error.detail);
  const data = openRequest(request.type ?? 'GetCRL', addressed.value, raKey.unwrapper);
  if (!data.ok || data.value.kind !== 'csr') throw new Error('no request within');
  return data.value.csr;
}

t.test('SCEP-061 CT-04 CT-17 a message in the loosest BER says the same as in DER', async (t) => {
  const csr = buildCsr({ key, subject, challenge: 'open sesame' });
  const envelope = loosened(encodeEnvelopedData({ content: csr, cipher: 'aes128-cbc', recipient: ra.certificate, publicKey: recipientKey.value }));
  const attributes = requestAttributes({ messageType: 19, transactionId: 't-1', senderNonce: randomBytes(16) });
  const strict = encodeSignedData({ content: envelope, digest: 'sha256', signer, attributes, certificates: [signer.certificate.der] });
  const loose = loosened(strict);
  t.ok(loose.length > strict.length);
  t.same(berToDer(loose, scepLimits), strict, 'BER is rewritten as the DER it came from');
  for (const bytes of [strict, loose]) {
    const decoded = decodeRequest(bytes);
    if (!decoded.ok) throw new Error(decoded.error.detail);
    t.same(verifyRequest(decoded.value), { ok: true, value: true });
    t.same(opened(decoded.value).der, csr);
  }
  const core = issuingEnrolment(world);
  const reply = await handlePkiOperation(world.endpoint, loose, caller, { enrolment: core });
  t.match(reply, { kind: 'certRep', status: 'SUCCESS' });
});

/** A certificate built by hand, for what `signCertificate` will not write. */
function oddCertificate(fields: {
  readonly version1?: boolean;
  readonly serial?: Element;
  readonly subject?: Element;
  readonly extensions?: readonly Extension[];
}): Certificate {
  const by = createSigner(key.privateKey, key.publicKey);
  const algorithm = encode(algorithmIdentifier(by.algorithm));
  const owner = fields.subject ?? subject.der;
  const tbs = encode(
    der.sequence(
      fields.version1 ? undefined : der.explicit(0, der.integer(2)),
      fields.serial ?? der.integer(7),
      algorithm,
      owner,
      der.sequence(certificateTime(new Date('2020-01-01T00:00:00Z')), certificateTime(new Date('2020-01-08T00:00:00Z'))),
      owner,
      key.publicKey.spki,
      fields.extensions === undefined ? undefined : der.explicit(3, der.sequence(...fields.extensions.map(encodeExtension))),
    ),
  );
  const parsed = parseCertificate(encode(der.sequence(tbs, algorithm, der.bitString(by.sign(tbs)))));
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

t.test('SCEP-060 SCEP-062 CT-05 odd signer certificates are read: old, empty, negative, with critical extensions', async (t) => {
  const keyIdentifier = extension(oids.authorityKeyIdentifier, true, der.sequence(der.implicitPrimitive(0, key.publicKey.keyIdentifier)));
  const rows: Record<string, Certificate> = {
    'version 1': oddCertificate({ version1: true }),
    'a negative serial number': oddCertificate({ serial: der.integer(-5) }),
    'an empty subject': oddCertificate({ subject: der.sequence() }),
    'a critical authorityKeyIdentifier (Windows)': oddCertificate({ extensions: [keyIdentifier, keyUsageExtension(['digitalSignature', 'keyEncipherment'])] }),
    'an unknown critical extension': oddCertificate({ extensions: [extension('1.2.3.4', true, der.nullValue())] }),
    'an expired one': oddCertificate({}),
  };
  for (const [what, certificate] of Object.entries(rows)) {
    const request = buildPkcsReq({ key, subject, recipient: ra.certificate, signer: { certificate, privateKey: key.privateKey } });
    const reply = await handlePkiOperation(world.endpoint, request.message, caller, { enrolment: issuingEnrolment(world) });
    if (reply.kind !== 'certRep') throw new Error(reply.kind);
    const read = readCertRep(reply.message, ra.certificate);
    if (!read.ok) throw new Error(read.error);
    const certificates = openCertRep(read.value, certificate, createKeyUnwrapper(key.privateKey));
    t.ok(certificates.ok, what);
  }
});

/** A PKCS#10 with attributes of our choosing. */
function csrWith(attributes: readonly Element[]): Buffer {
  const by = createSigner(key.privateKey, key.publicKey);
  const info = encode(der.sequence(der.integer(0), subject.der, key.publicKey.spki, der.setOf(attributes, 0xa0)));
  return encode(der.sequence(info, algorithmIdentifier(by.algorithm), der.bitString(by.sign(info))));
}

function message(csr: Buffer): Buffer {
  return encodeRequest({
    messageType: 19,
    transactionId: 't',
    senderNonce: randomBytes(16),
    messageData: csr,
    signer,
    recipient: { certificate: ra.certificate, publicKey: recipientKey.ok ? recipientKey.value : key.privateKey },
    cipher: 'aes128-cbc',
    digest: 'sha256',
  });
}

t.test('SCEP-091 SCEP-092 CT-03 the challenge reaches the core in whatever string type it came, untrimmed', async (t) => {
  const challenge = (value: Element) => der.sequence(der.oid(oids.challengePassword), der.set(value));
  const bmp = Buffer.from('pass word ', 'utf16le').swap16();
  const misplaced = der.sequence(der.oid(oids.challengePassword), der.octetString(encode(der.printableString('pass word '))));
  const rows: Record<string, Element> = {
    PrintableString: challenge(der.printableString('pass word ')),
    UTF8String: challenge(der.utf8String('pass word ')),
    IA5String: challenge(der.ia5String('pass word ')),
    TeletexString: challenge(der.primitive(tag.teletexString, Buffer.from('pass word '))),
    BMPString: challenge(der.primitive(tag.bmpString, bmp)),
    'among the requested extensions': der.sequence(der.oid(oids.extensionRequest), der.set(der.sequence(misplaced))),
  };
  for (const [what, attribute] of Object.entries(rows)) {
    const core = issuingEnrolment(world);
    const reply = await handlePkiOperation(world.endpoint, message(csrWith([attribute])), caller, { enrolment: core });
    t.match(reply, { status: 'SUCCESS' }, what);
    t.equal(core.requests[0]?.evidence.challenge, 'pass word ', what);
  }
  const core = issuingEnrolment(world);
  await handlePkiOperation(world.endpoint, message(csrWith([])), caller, { enrolment: core });
  t.equal(core.requests[0]?.evidence.challenge, undefined);
  const long = 'x'.repeat(8_192);
  await handlePkiOperation(world.endpoint, message(csrWith([challenge(der.utf8String(long))])), caller, { enrolment: core });
  t.equal(core.requests[1]?.evidence.challenge, long, 'CT-05 as long as Intune makes them');
});

t.test('SCEP-093 requested extensions come from both attributes', async (t) => {
  const usage = encodeExtension(keyUsageExtension(['digitalSignature']));
  const template = encodeExtension(extension(oids.microsoftTemplateName, false, der.primitive(tag.bmpString, Buffer.from('WebServer', 'utf16le').swap16())));
  const attributes = [
    der.sequence(der.oid(oids.extensionRequest), der.set(der.sequence(usage))),
    der.sequence(der.oid(oids.microsoftExtensionRequest), der.set(der.sequence(template))),
  ];
  const core = issuingEnrolment(world);
  await handlePkiOperation(world.endpoint, message(csrWith(attributes)), caller, { enrolment: core });
  t.same(
    core.requests[0]?.wanted.extensions.map((item) => item.oid),
    [oids.keyUsage, oids.microsoftTemplateName],
  );
});

t.test('SCEP-089 an empty subject and a request without attributes reach the core as they are', async (t) => {
  const by = createSigner(key.privateKey, key.publicKey);
  const info = encode(der.sequence(der.integer(0), der.sequence(), key.publicKey.spki));
  const bare = encode(der.sequence(info, algorithmIdentifier(by.algorithm), der.bitString(by.sign(info))));
  const core = issuingEnrolment(world);
  core.decide = () => ({ kind: 'refused', refusal: { code: 'subject-missing' } });
  t.match(await handlePkiOperation(world.endpoint, message(bare), caller, { enrolment: core }), { status: 'FAILURE' });
  t.same(core.requests[0]?.wanted.subject.rdns, []);
});

t.test('SCEP-074 SCEP-075 SCEP-119 every CertRep reads back, and only registered numbers are written', async (t) => {
  const header = { transactionId: Buffer.from('t'), recipientNonce: randomBytes(16), digest: 'sha256' } as const;
  const recipient = { certificate: signer.certificate, publicKey: keyObject(), cipher: 'aes128-cbc', transport: { kind: 'pkcs1' } } as const;
  const bodies: CertRepBody[] = [
    { status: 'PENDING' },
    { status: 'SUCCESS', certificates: [signer.certificate.der, ra.certificate.der], recipient },
    ...(Object.keys(failInfos) as (keyof typeof failInfos)[]).map((failInfo) => ({ status: 'FAILURE', failInfo, failInfoText: 'x'.repeat(300) }) as const),
  ];
  for (const body of bodies) {
    const read = readCertRep(encodeCertRep(header, randomBytes(16), body, { certificate: ra.certificate, privateKey: ra.privateKey }), ra.certificate);
    if (!read.ok) throw new Error(read.error);
    t.equal(read.value.status, body.status);
    t.same(read.value.recipientNonce, header.recipientNonce);
    if (body.status === 'FAILURE')
      t.same([read.value.failInfo, read.value.failInfoText?.length], [body.failInfo, 255], 'SCEP-134 a text of at most 255 characters');
    if (body.status === 'SUCCESS')
      t.same(
        openCertRep(read.value, signer.certificate, createKeyUnwrapper(key.privateKey)),
        { ok: true, value: body.certificates },
        'SCEP-127 the order given',
      );
  }
  t.same(pkiStatuses, { SUCCESS: 0, FAILURE: 2, PENDING: 3 });
  t.same(failInfos, { badAlg: 0, badMessageCheck: 1, badRequest: 2, badTime: 3, badCertId: 4 });
});

function keyObject() {
  const imported = key.publicKey.keyObject();
  if (!imported.ok) throw new Error('key');
  return imported.value;
}

t.test('a CertRep of another RA, of no kind, or for another key is told in words', async (t) => {
  const header = { transactionId: Buffer.from('t'), recipientNonce: undefined, digest: 'sha256' } as const;
  const pending = encodeCertRep(header, randomBytes(16), { status: 'PENDING' }, { certificate: ra.certificate, privateKey: ra.privateKey });
  t.same(readCertRep(pending, signer.certificate), { ok: false, error: 'The answer is not signed by the expected RA certificate (signature).' });
  t.equal(readCertRep(Buffer.from('no'), ra.certificate).ok, false);
  const request = buildPkcsReq({ key, subject, recipient: ra.certificate }).message;
  t.same(readCertRep(request, signer.certificate), { ok: false, error: 'The answer is no CertRep.' });
  const read = readCertRep(pending, ra.certificate);
  if (!read.ok) throw new Error(read.error);
  t.equal(read.value.recipientNonce, undefined, 'a request without nonce is answered without');
  t.same(openCertRep(read.value, signer.certificate, raKey.unwrapper), { ok: false, error: 'The answer carries no certificate.' });
});

t.test('SCEP-018 capabilities read back from LF and CRLF', async (t) => {
  const all = encodeCapabilities({ digests: ['sha1', 'sha256', 'sha384', 'sha512'], ciphers: ['aes128-cbc', 'des-ede3-cbc'], renewal: true, nextCa: true });
  t.equal(all, 'AES\nDES3\nGetNextCACert\nPOSTPKIOperation\nRenewal\nSHA-1\nSHA-256\nSHA-384\nSHA-512\nSCEPStandard\n');
  t.same(readCapabilities(all), readCapabilities(all.replace(/\n/g, '\r\n')));
  t.equal(readCapabilities(all).size, 10);
  t.equal(encodeCapabilities({ digests: [], ciphers: [], renewal: false, nextCa: false }), 'POSTPKIOperation\n');
});

/** xorshift: the same mutants in every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function mutant(bytes: Buffer, next: (below: number) => number): Buffer {
  const copy = Buffer.from(bytes);
  const at = next(copy.length);
  switch (next(4)) {
    case 0:
      copy[at] = (copy[at] as number) ^ (1 << next(8));
      return copy;
    case 1:
      copy[at] = next(256);
      return copy;
    case 2:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(Math.min(copy.length, at + 1 + next(40)))]);
    default:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at, at + next(40)), copy.subarray(at)]);
  }
}

const fixture = (file: string): Buffer => readFileSync(new URL(`../../../fixtures/scep/${file}`, import.meta.url));
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

t.test('AB-17 no mutant of a captured message is more than refused, and none is accepted that OpenSSL refuses', async (t) => {
  const next = random(20_261_121);
  const accepted: Buffer[] = [];
  for (const file of ['strongswan-pkcsreq.der', 'strongswan-renewalreq.der', 'scepclient-pkcsreq-des.der']) {
    const bytes = fixture(file);
    for (let round = 0; round < 1_500; round += 1) {
      const altered = mutant(bytes, next);
      const decoded = decodeRequest(altered);
      if (decoded.ok && verifyRequest(decoded.value).ok) accepted.push(altered);
    }
  }
  t.ok(accepted.length > 0 && accepted.length < 600, `${accepted.length} mutants changed only what no signature covers`);
  if (!hasOpenssl) return;
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-mutants-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const refused: string[] = [];
  for (const bytes of accepted.slice(0, 60)) {
    writeFileSync(join(dir, 'm.der'), bytes);
    const ran = spawnSync('openssl', ['cms', '-verify', '-noverify', '-inform', 'DER', '-in', join(dir, 'm.der'), '-out', '/dev/null']);
    if (ran.status !== 0) refused.push(`${ran.stderr.toString().slice(0, 200)} ${bytes.toString('hex')}`);
  }
  t.same(refused, []);
});

t.test('AB-17 whatever arrives is answered with a CertRep or is unreadable, and never throws', async (t) => {
  const next = random(7);
  const core = issuingEnrolment(world);
  const valid = buildPkcsReq({ key, subject, recipient: ra.certificate, challenge: 'x' }).message;
  const poll = buildCertPoll({ recipient: ra.certificate, signer }, world.issuing.certificate.subject, subject).message;
  const kinds = new Set<string>();
  for (let round = 0; round < 1_000; round += 1) {
    const reply = await handlePkiOperation(world.endpoint, mutant(round % 2 === 0 ? valid : poll, next), caller, { enrolment: core });
    kinds.add(reply.kind);
  }
  t.same([...kinds].sort(), ['certRep', 'unreadable']);
  const nested = Array.from({ length: 40 }).reduce<Buffer>((inner) => encode(der.sequence(inner)), Buffer.of(5, 0));
  const wide = encode(der.sequence(...Array.from({ length: 2_100 }, () => der.nullValue())));
  for (const bytes of [nested, wide, Buffer.alloc(300_000, 0x30), Buffer.from('3080'.repeat(1_000), 'hex')]) {
    t.same(await handlePkiOperation(world.endpoint, bytes, caller, { enrolment: core }), { kind: 'unreadable' });
    t.equal(decodeBer(bytes, scepLimits, (cursor) => cursor.element()).ok, false);
  }
});

t.test('SCEP-056 an EC signer is verified like any other', async (t) => {
  const decoded = decodeRequest(buildPkcsReq({ key: generateEcKey(), subject, recipient: ra.certificate }).message);
  if (!decoded.ok) throw new Error(decoded.error.detail);
  t.same(verifyRequest(decoded.value), { ok: true, value: true });
});
