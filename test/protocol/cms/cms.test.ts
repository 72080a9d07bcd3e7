import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { generateEcKey, generateRsaKey, selfSignedCertificate } from '../../../src/device-client/scep.js';
import { type Certificate, createSigner, type Digest, subjectKeyIdentifierExtension, toPem } from '../../../src/pkix/index.js';
import {
  addressEnvelope,
  attribute,
  type ContentCipher,
  certificatesOnly,
  contentCiphers,
  contentInfo,
  createKeyUnwrapper,
  decryptContent,
  decryptEnvelope,
  encodeEnvelopedData,
  encodePasswordEnvelopedData,
  encodeSignedData,
  encryptContent,
  findSigner,
  issuerAndSerial,
  type KeyTransport,
  keyTransportAlgorithm,
  openPasswordEnvelope,
  otherCertificates,
  readCertificatesOnly,
  readContentCipher,
  readEnvelopedData,
  readKeyTransport,
  readSignedData,
  type SignedData,
  unwrapContentKey,
  verifySigner,
  wrapContentKey,
} from '../../../src/protocol/cms/index.js';
import { contextConstructed, decodeBer, der, type Element, encode, oids, scepLimits, tag } from '../../../src/protocol/der/index.js';
import { certify, name } from '../../endpoints/scep/world.js';

const device = generateRsaKey();
const signer = { certificate: selfSignedCertificate(device, name('/CN=signer'), new Date()), privateKey: device.privateKey };
const ra = generateRsaKey();
const raCertificate = certify(
  { key: ra, name: name('/CN=RA') },
  { publicKey: ra.publicKey, subject: name('/CN=RA'), extensions: [subjectKeyIdentifierExtension(ra.publicKey.keyIdentifier)] },
);
const raKeyObject = ra.publicKey.keyObject();
if (!raKeyObject.ok) throw new Error('key');
const publicKey = raKeyObject.value;
const unwrapper = createKeyUnwrapper(ra.privateKey);
const content = Buffer.from('what is said');

function signed(bytes: Buffer): SignedData {
  const decoded = decodeBer(bytes, scepLimits, readSignedData);
  if (!decoded.ok) throw decoded.error;
  return decoded.value;
}

function verdict(signedData: SignedData, certificate: Certificate = signer.certificate): string {
  const [info] = signedData.signers;
  if (info === undefined) return 'no signer';
  const verified = verifySigner(signedData, info, certificate.publicKey);
  return verified.ok ? 'ok' : verified.error;
}

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const noOpenssl = { skip: !hasOpenssl && 'openssl is not installed' };

function openssl(
  files: Readonly<Record<string, Buffer | string>>,
  ...args: readonly string[]
): { readonly status: number | null; readonly out: Buffer; readonly error: string } {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-cms-'));
  try {
    for (const [file, bytes] of Object.entries(files)) writeFileSync(join(dir, file), bytes);
    const ran = spawnSync('openssl', args, { cwd: dir });
    return { status: ran.status, out: ran.stdout, error: ran.stderr.toString() };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const digestNames: readonly Digest[] = ['sha1', 'sha256', 'sha384', 'sha512'];

t.test('SCEP-051 SCEP-053 SCEP-056 signs and verifies with every digest, as OpenSSL does', async (t) => {
  for (const digest of digestNames) {
    const bytes = encodeSignedData({ content, digest, signer, attributes: [], certificates: [signer.certificate.der] });
    const signedData = signed(bytes);
    t.equal(verdict(signedData), 'ok', digest);
    t.same(signedData.content, content);
    if (hasOpenssl) {
      const ran = openssl({ 'm.der': bytes }, 'cms', '-verify', '-noverify', '-inform', 'DER', '-in', 'm.der');
      t.equal(ran.status, 0, `openssl cms -verify with ${digest}: ${ran.error}`);
      t.same(ran.out, content);
    }
  }
  const ec = generateEcKey();
  const ecSigner = { certificate: selfSignedCertificate(ec, name('/CN=ec'), new Date()), privateKey: ec.privateKey };
  const bytes = encodeSignedData({ content, digest: 'sha256', signer: ecSigner, attributes: [], certificates: [ecSigner.certificate.der] });
  t.equal(verdict(signed(bytes), ecSigner.certificate), 'ok', 'an EC signer');
});

t.test('SCEP-056 verifies what OpenSSL signs: rsaEncryption and RSASSA-PSS, by serial and by key identifier, streamed as BER', noOpenssl, async (t) => {
  const files = { 'k.pem': device.privateKey.export({ format: 'pem', type: 'pkcs8' }), 'c.pem': toPem('CERTIFICATE', raCertificateFor()), 'm.txt': content };
  for (const [what, options] of Object.entries({
    'rsaEncryption SHA-256': ['-md', 'sha256'],
    'rsaEncryption SHA-512': ['-md', 'sha512'],
    'RSASSA-PSS': ['-md', 'sha256', '-keyopt', 'rsa_padding_mode:pss', '-keyopt', 'rsa_pss_saltlen:digest'],
    'by key identifier': ['-keyid'],
    'indefinite lengths (SCEP-061)': ['-stream'],
  })) {
    const ran = openssl(files, 'cms', '-sign', '-binary', '-nodetach', '-outform', 'DER', '-signer', 'c.pem', '-inkey', 'k.pem', '-in', 'm.txt', ...options);
    t.equal(ran.status, 0, `${what}: ${ran.error}`);
    const signedData = signed(ran.out);
    const [info] = signedData.signers;
    const certificate = info && findSigner(signedData, info.sid);
    t.ok(certificate, `${what}: the signer is found`);
    if (certificate) t.equal(verdict(signedData, certificate), 'ok', what);
    t.same(signedData.content, content, what);
  }
});

/** The device's key in a certificate with a key identifier, so that `-keyid` works. */
function raCertificateFor(): Buffer {
  const extensions = [subjectKeyIdentifierExtension(device.publicKey.keyIdentifier)];
  return certify({ key: device, name: name('/CN=signer') }, { publicKey: device.publicKey, subject: name('/CN=signer'), extensions }).der;
}

/** A SignedData whose signer part is built by hand, to lie in every way; the signature is right unless `signature` says otherwise. */
function crafted(options: {
  readonly attributes?: readonly Element[];
  readonly sortAttributes?: boolean;
  readonly digestAlgorithm?: Element;
  readonly signatureAlgorithm?: Element;
  readonly signersCount?: number;
  readonly withoutAttributes?: boolean;
  readonly contentType?: string;
}): Buffer {
  const { attributes = goodAttributes(), sortAttributes = true, signersCount = 1, contentType = oids.data } = options;
  const set = encode(sortAttributes ? der.setOf(attributes) : der.set(...attributes));
  const digest = options.digestAlgorithm ?? der.sequence(der.oid(oids.sha256), der.nullValue());
  const signature = createSigner(device.privateKey, device.publicKey).sign(options.withoutAttributes ? content : set);
  const info = der.sequence(
    der.integer(1),
    issuerAndSerial(signer.certificate),
    digest,
    options.withoutAttributes ? undefined : der.retagged(contextConstructed(0), set),
    options.signatureAlgorithm ?? der.sequence(der.oid(oids.rsaEncryption), der.nullValue()),
    der.octetString(signature),
  );
  const signedData = der.sequence(
    der.integer(1),
    der.set(digest),
    der.sequence(der.oid(contentType), der.explicit(0, der.octetString(content))),
    der.constructed(contextConstructed(0), signer.certificate.der),
    der.set(...Array.from({ length: signersCount }, () => info)),
  );
  return encode(contentInfo(oids.signedData, signedData));
}

function sha256Of(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
function goodAttributes(): Element[] {
  return [attribute(oids.contentType, der.oid(oids.data)), attribute(oids.messageDigest, der.octetString(sha256Of(content)))];
}

t.test('SCEP-050 SCEP-051 SCEP-073 refuses every confusion of signed attributes', async (t) => {
  const [contentType, messageDigest] = goodAttributes() as [Element, Element];
  const rows: Record<string, readonly [bytes: Buffer, verdict: string]> = {
    'as it should be': [crafted({}), 'ok'],
    'in the order sent and signed': [crafted({ attributes: [messageDigest, contentType], sortAttributes: false }), 'ok'],
    'no signed attributes': [crafted({ withoutAttributes: true }), 'attributes'],
    'contentType missing': [crafted({ attributes: [messageDigest] }), 'content-type'],
    'contentType of another type': [crafted({ attributes: [attribute(oids.contentType, der.oid(oids.envelopedData)), messageDigest] }), 'content-type'],
    'eContentType of another type': [crafted({ contentType: oids.envelopedData }), 'content-type'],
    'messageDigest missing': [crafted({ attributes: [contentType] }), 'message-digest'],
    'messageDigest of other content': [
      crafted({ attributes: [contentType, attribute(oids.messageDigest, der.octetString(sha256Of(Buffer.from('else'))))] }),
      'message-digest',
    ],
    'messageDigest no OCTET STRING': [crafted({ attributes: [contentType, attribute(oids.messageDigest, der.utf8String('else'))] }), 'message-digest'],
    'messageDigest twice': [crafted({ attributes: [contentType, messageDigest, messageDigest] }), 'attributes'],
    'messageDigest with two values': [
      crafted({
        attributes: [contentType, der.sequence(der.oid(oids.messageDigest), der.set(der.octetString(sha256Of(content)), der.octetString(sha256Of(content))))],
      }),
      'attributes',
    ],
    'messageDigest without value': [crafted({ attributes: [contentType, der.sequence(der.oid(oids.messageDigest), der.set())] }), 'attributes'],
    'digest MD5': [crafted({ digestAlgorithm: der.sequence(der.oid(oids.md5), der.nullValue()) }), 'algorithm'],
    'digest with odd parameters': [crafted({ digestAlgorithm: der.sequence(der.oid(oids.sha256), der.integer(1)) }), 'algorithm'],
    'digest without parameters': [crafted({ digestAlgorithm: der.sequence(der.oid(oids.sha256)) }), 'ok'],
    'signature with the same digest': [crafted({ signatureAlgorithm: der.sequence(der.oid(oids.sha256WithRsa), der.nullValue()) }), 'ok'],
    'signature with another digest': [crafted({ signatureAlgorithm: der.sequence(der.oid(oids.sha512WithRsa), der.nullValue()) }), 'algorithm'],
    'signature of another key type': [crafted({ signatureAlgorithm: der.sequence(der.oid(oids.ecdsaWithSha256)) }), 'signature'],
    'signature with MD5': [crafted({ signatureAlgorithm: der.sequence(der.oid(oids.md5WithRsa), der.nullValue()) }), 'algorithm'],
  };
  for (const [what, [bytes, expected]] of Object.entries(rows)) t.equal(verdict(signed(bytes)), expected, what);
});

t.test('SCEP-052 any flipped bit in content, attributes or signature is noticed', async (t) => {
  const bytes = encodeSignedData({ content, digest: 'sha256', signer, attributes: [], certificates: [signer.certificate.der] });
  const accepted: number[] = [];
  const start = bytes.indexOf(content);
  const attributes = bytes.indexOf(encode(der.oid(oids.contentType)));
  const signature = Array.from({ length: 36 }, (_, index) => bytes.length - 1 - index * 7);
  const spots = [start, start + content.length - 1, ...Array.from({ length: 70 }, (_, index) => attributes + index), ...signature];
  for (const spot of spots) {
    const flipped = Buffer.from(bytes);
    flipped[spot] = (flipped[spot] as number) ^ 1;
    const decoded = decodeBer(flipped, scepLimits, readSignedData);
    if (!decoded.ok) continue;
    const [info] = decoded.value.signers;
    const certificate = info && findSigner(decoded.value, info.sid);
    if (certificate !== undefined && verdict(decoded.value, certificate) === 'ok') accepted.push(spot);
  }
  t.same(accepted, []);
});

t.test('SCEP-048 SCEP-049 finds the signer by its identifier, wherever its certificate stands', async (t) => {
  const others = [raCertificate.der, selfSignedCertificate(ra, name('/CN=signer'), new Date()).der];
  for (const certificates of [
    [...others, signer.certificate.der],
    [signer.certificate.der, ...others],
  ]) {
    const signedData = signed(encodeSignedData({ content, digest: 'sha256', signer, attributes: [], certificates }));
    const [info] = signedData.signers;
    t.same(info && findSigner(signedData, info.sid)?.der, signer.certificate.der);
    t.equal(otherCertificates(signedData, signer.certificate).length, 2);
  }
  const without = signed(encodeSignedData({ content, digest: 'sha256', signer, attributes: [], certificates: others }));
  const [info] = without.signers;
  t.equal(info && findSigner(without, info.sid), undefined, 'not in the message');
});

t.test('SCEP-034 SCEP-131 the degenerate SignedData has no eContent, no signers and keeps the order given', async (t) => {
  const list = [signer.certificate.der, raCertificate.der];
  for (const order of [list, [...list].reverse()]) {
    const bytes = certificatesOnly(order);
    const read = readCertificatesOnly(bytes, scepLimits);
    t.ok(read.ok);
    if (read.ok) t.same(read.value.certificates, order);
    const signedData = signed(bytes);
    t.equal(signedData.version, 1);
    t.equal(signedData.contentType, oids.data);
    t.equal(signedData.content, undefined);
    t.equal(signedData.signers.length, 0);
    if (hasOpenssl) {
      const ran = openssl({ 'p7.der': bytes }, 'pkcs7', '-inform', 'DER', '-in', 'p7.der', '-print_certs', '-noout');
      t.equal(ran.status, 0, ran.error);
    }
  }
  const withSigner = readCertificatesOnly(encodeSignedData({ content, digest: 'sha256', signer, attributes: [], certificates: list }), scepLimits);
  t.equal(withSigner.ok ? 'ok' : withSigner.error, 'not-degenerate');
});

function open(bytes: Buffer): ReturnType<typeof decryptContent> | string {
  const envelope = decodeBer(bytes, scepLimits, readEnvelopedData);
  if (!envelope.ok) return envelope.error.fault;
  const addressed = addressEnvelope(envelope.value, [{ certificate: raCertificate }]);
  return addressed.ok ? decryptEnvelope(addressed.value, unwrapper) : addressed.error;
}

const oaep = (digest: Digest): KeyTransport => ({ kind: 'oaep', digest, maskDigest: digest, label: Buffer.alloc(0) });
/** What Java calls OAEPWithSHA-256AndMGF1Padding. */
const java: KeyTransport = { kind: 'oaep', digest: 'sha256', maskDigest: 'sha1', label: Buffer.alloc(0) };

t.test('SCEP-080 SCEP-081 SCEP-083 SCEP-086 envelopes open again: every cipher, transport and recipient form', async (t) => {
  for (const cipher of Object.keys(contentCiphers) as ContentCipher[]) {
    for (const [what, transport] of Object.entries({ pkcs1: undefined, 'oaep sha1': oaep('sha1'), 'oaep sha256': oaep('sha256'), java })) {
      for (const identifiedBy of ['issuerAndSerial', 'subjectKeyIdentifier'] as const) {
        const text = randomBytes(33);
        const bytes = encodeEnvelopedData({ content: text, cipher, recipient: raCertificate, publicKey, identifiedBy, ...(transport && { transport }) });
        t.same(open(bytes), { isPadded: true, content: text }, `${cipher} ${what} ${identifiedBy}`);
        const algorithm = transport && readKeyTransport(keyTransportAlgorithm(transport));
        if (algorithm?.ok) t.same(algorithm.value, transport, `${what} re-reads`);
      }
    }
  }
});

t.test('SCEP-061 SCEP-078 opens what OpenSSL envelopes, and OpenSSL opens ours', noOpenssl, async (t) => {
  const files = { 'k.pem': ra.privateKey.export({ format: 'pem', type: 'pkcs8' }), 'c.pem': toPem('CERTIFICATE', raCertificate.der), 'm.txt': content };
  for (const [what, options] of Object.entries({
    'aes-128-cbc': ['-aes128', '-recip', 'c.pem'],
    'aes-256-cbc by key identifier': ['-aes256', '-keyid', '-recip', 'c.pem'],
    'des-ede3-cbc': ['-des3', '-recip', 'c.pem'],
    OAEP: ['-aes128', '-recip', 'c.pem', '-keyopt', 'rsa_padding_mode:oaep', '-keyopt', 'rsa_oaep_md:sha256'],
    'streamed as BER': ['-aes128', '-stream', '-recip', 'c.pem'],
  })) {
    const ran = openssl(files, 'cms', '-encrypt', '-binary', '-outform', 'DER', '-in', 'm.txt', ...options);
    t.equal(ran.status, 0, `${what}: ${ran.error}`);
    t.same(open(ran.out), { isPadded: true, content }, what);
  }
  for (const transport of [undefined, oaep('sha256'), java]) {
    const bytes = encodeEnvelopedData({ content, cipher: 'aes256-cbc', recipient: raCertificate, publicKey, ...(transport && { transport }) });
    const ran = openssl({ ...files, 'e.der': bytes }, 'cms', '-decrypt', '-inform', 'DER', '-in', 'e.der', '-inkey', 'k.pem', '-recip', 'c.pem');
    t.same(ran.out, content, `openssl cms -decrypt: ${ran.error}`);
  }
});

const password = Buffer.from('open sesame');

function openByPassword(bytes: Buffer, by: Buffer = password): Buffer | string {
  const envelope = decodeBer(bytes, scepLimits, readEnvelopedData);
  if (!envelope.ok) return envelope.error.fault;
  const opened = openPasswordEnvelope(envelope.value, by);
  return opened.ok ? opened.value : opened.error;
}

t.test('SCEP-079 password recipients (RFC 3211): ours open again, under no other password, and OpenSSL reads and writes the same', async (t) => {
  for (const cipher of ['aes128-cbc', 'aes192-cbc', 'aes256-cbc', 'des-ede3-cbc'] as const) {
    const bytes = encodePasswordEnvelopedData({ content, cipher, password });
    t.same(openByPassword(bytes), content, cipher);
    t.equal(openByPassword(bytes, Buffer.from('open barley')), 'undecryptable');
    t.equal(open(bytes), 'wrong-recipient', 'an RSA key is not who it is for');
  }
  t.equal(openByPassword(encodeEnvelopedData({ content, cipher: 'aes128-cbc', recipient: raCertificate, publicKey })), 'wrong-recipient');
  const kek = randomBytes(16);
  const iv = randomBytes(16);
  for (const length of [3, 16, 24, 32]) {
    const wrappedKey = wrapContentKey('aes128-cbc', kek, iv, Buffer.alloc(length, 7));
    t.same(unwrapContentKey('aes128-cbc', kek, iv, wrappedKey, length), Buffer.alloc(length, 7), `a key of ${length} octets`);
    t.equal(unwrapContentKey('aes128-cbc', kek, iv, wrappedKey, length + 1), undefined);
    t.equal(unwrapContentKey('aes128-cbc', kek, iv, wrappedKey.subarray(0, 16), length), undefined, 'fewer than two blocks');
    t.equal(unwrapContentKey('aes128-cbc', randomBytes(16), iv, wrappedKey, length), undefined, 'another key');
  }
});

t.test('SCEP-079 OpenSSL opens our password recipient, and we open its', noOpenssl, async (t) => {
  const files = { 'm.txt': content };
  const ours = encodePasswordEnvelopedData({ content, cipher: 'aes256-cbc', password });
  const read = openssl({ ...files, 'e.der': ours }, 'cms', '-decrypt', '-inform', 'DER', '-in', 'e.der', '-pwri_password', 'open sesame');
  t.same(read.out, content, `openssl cms -decrypt: ${read.error}`);
  const wrote = openssl(files, 'cms', '-encrypt', '-binary', '-outform', 'DER', '-in', 'm.txt', '-aes128', '-pwri_password', 'open sesame');
  t.equal(wrote.status, 0, wrote.error);
  t.same(openByPassword(wrote.out), content);
});

/** Builds an EnvelopedData from parts. */
function envelope(recipients: readonly Element[], algorithm: Element, encrypted: Element, contentType: string = oids.data): Buffer {
  return encode(
    contentInfo(oids.envelopedData, der.sequence(der.integer(0), der.set(...recipients), der.sequence(der.oid(contentType), algorithm, encrypted))),
  );
}

t.test('SCEP-076 SCEP-078 SCEP-084 SCEP-088 AB-10 refuses envelopes that are not for exactly one of our keys', async (t) => {
  const good = decodeBer(encodeEnvelopedData({ content, cipher: 'aes128-cbc', recipient: raCertificate, publicKey }), scepLimits, readEnvelopedData);
  if (!good.ok) throw good.error;
  const [recipient] = good.value.recipients;
  if (recipient === undefined) throw new Error('recipient');
  const transport = der.sequence(der.oid(oids.rsaEncryption), der.nullValue());
  const forUs = der.sequence(der.integer(0), issuerAndSerial(raCertificate), transport, der.octetString(recipient.encryptedKey));
  const bySki = der.sequence(
    der.integer(2),
    der.implicitPrimitive(0, raCertificate.publicKey.keyIdentifier),
    transport,
    der.octetString(recipient.encryptedKey),
  );
  const forOther = der.sequence(der.integer(0), issuerAndSerial(signer.certificate), transport, der.octetString(randomBytes(256)));
  const oddTransport = der.sequence(
    der.integer(0),
    issuerAndSerial(raCertificate),
    der.sequence(der.oid(oids.ecPublicKey)),
    der.octetString(recipient.encryptedKey),
  );
  const aes = encode(der.sequence(der.oid(good.value.contentAlgorithm.oid), good.value.contentAlgorithm.parameters));
  const encrypted = der.implicitPrimitive(0, good.value.encryptedContent);
  const cut = der.explicit(0, der.octetString(good.value.encryptedContent.subarray(0, 5)), der.octetString(good.value.encryptedContent.subarray(5)));
  const rows: Record<string, readonly [Buffer, unknown]> = {
    'one of ours': [envelope([forUs], aes, encrypted), { isPadded: true, content }],
    'ours among others': [envelope([forOther, forUs], aes, encrypted), { isPadded: true, content }],
    'content cut into pieces': [envelope([forUs], aes, cut), { isPadded: true, content }],
    'two of ours': [envelope([forUs, forUs], aes, encrypted), 'recipients'],
    'two of ours, in both forms': [envelope([forUs, bySki], aes, encrypted), 'recipients'],
    'ten recipients': [envelope([forUs, ...Array.from({ length: 9 }, () => forOther)], aes, encrypted), 'recipients'],
    'none of ours': [envelope([forOther], aes, encrypted), 'wrong-recipient'],
    'no recipient': [envelope([], aes, encrypted), 'wrong-recipient'],
    'another transport': [envelope([oddTransport], aes, encrypted), 'transport-unknown'],
    'single DES': [envelope([forUs], der.sequence(der.oid(oids.desCbc), der.octetString(Buffer.alloc(8))), encrypted), 'cipher-unknown'],
    'AES-192-GCM': [
      envelope([forUs], der.sequence(der.oid('2.16.840.1.101.3.4.1.26'), der.sequence(der.octetString(Buffer.alloc(12)))), encrypted),
      'cipher-unknown',
    ],
    'an IV of the wrong length': [envelope([forUs], der.sequence(der.oid(oids.aes128Cbc), der.octetString(Buffer.alloc(8))), encrypted), 'cipher-unknown'],
    'no IV': [envelope([forUs], der.sequence(der.oid(oids.aes128Cbc)), encrypted), 'cipher-unknown'],
    'content that is no id-data': [envelope([forUs], aes, encrypted, oids.signedData), 'content-type'],
    'no content': [envelope([forUs], aes, der.primitive(tag.null, Buffer.alloc(0))), 'truncated'],
  };
  for (const [what, [bytes, expected]] of Object.entries(rows)) t.same(open(bytes), expected, what);
});

t.test('SCEP-087 every wrong content padding is told in the same way, and nothing throws', async (t) => {
  const key = randomBytes(16);
  const choice = { cipher: 'aes128-cbc', iv: randomBytes(16) } as const;
  const encrypted = encryptContent(choice, key, content);
  t.same(decryptContent(choice, key, encrypted), { isPadded: true, content });
  t.same(decryptContent(choice, key, encryptContent(choice, key, Buffer.alloc(16))), { isPadded: true, content: Buffer.alloc(16) }, 'a whole block of padding');
  for (const length of [0, 1, 15, 17]) t.equal(decryptContent(choice, key, randomBytes(length)).isPadded, false, `${length} octets`);
  let padded = 0;
  for (let round = 0; round < 512; round += 1) if (decryptContent(choice, randomBytes(16), encrypted).isPadded) padded += 1;
  t.ok(padded < 16, `a wrong key looks padded in ${padded} of 512 cases`);
  for (let octet = 0; octet < 16; octet += 1) {
    const iv = Buffer.from(choice.iv);
    iv[octet] = (iv[octet] as number) ^ 0xff;
    const opened = decryptContent({ ...choice, iv }, key, encrypted);
    t.equal(opened.isPadded, octet < content.length, `octet ${octet} of the IV flipped`);
  }
  const wrong = readContentCipher({ oid: oids.desCbc });
  t.equal(wrong.ok ? 'ok' : wrong.error, 'cipher-unknown');
});
