import { spawnSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as asn1js from 'asn1js';
import t from 'tap';
import {
  type AlgorithmIdentifier,
  algorithmIdentifier,
  basicConstraintsExtension,
  basicConstraintsOf,
  buildName,
  type Certificate,
  type CertificateFields,
  certificateFingerprint,
  createSigner,
  crlNumberExtension,
  dnsName,
  encodeExtension,
  extendedKeyUsageExtension,
  extendedKeyUsageOf,
  extension,
  fingerprintText,
  fromPem,
  keyUsageExtension,
  keyUsageOf,
  parseCertificate,
  parseCrl,
  parseCrlHead,
  parseCrlInTurns,
  parseCsr,
  prepareRevocations,
  publicKeyOf,
  type Signer,
  serialHex,
  signCertificate,
  signCrl,
  signCrlInTurns,
  signCsr,
  subjectAltNameExtension,
  subjectAltNames,
  subjectKeyIdentifierExtension,
  subjectKeyIdentifierOf,
  toPem,
  verifyCertificate,
  verifyCrl,
  verifyCsr,
} from '../../src/pkix/index.js';
import { Cursor, certificateTime, contextConstructed, der, type Element, encode, oids, tag } from '../../src/protocol/der/index.js';
import { peculiar, pkijs } from '../support/oracles.js';

const folder = join(import.meta.dirname, '../../fixtures/pkix');
const fixture = (file: string, label: string): Buffer => fromPem(label, readFileSync(join(folder, file), 'utf8'))[0] ?? Buffer.alloc(0);
const files = readdirSync(folder);
const certificateFiles = files.filter((file) => file.endsWith('.crt.pem'));
const requestFiles = files.filter((file) => file.endsWith('.csr.pem'));

const keyNames: Readonly<Record<string, string>> = {
  'rsa-2048': 'RSA-2048',
  'rsa-3072': 'RSA-3072',
  'rsa-pss-signed': 'RSA-2048',
  'rsa-pss-key': oids.rsassaPss,
  'ec-p256': 'EC-P-256',
  'ec-p384': 'EC-P-384',
  'ec-p521': 'EC-P-521',
  ed25519: 'Ed25519',
  ed448: 'Ed448',
};

function certificate(bytes: Buffer): Certificate {
  const parsed = parseCertificate(bytes);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

const hex = (bytes: ArrayBuffer | Uint8Array): string => Buffer.from(new Uint8Array(bytes)).toString('hex');

t.test('certificates of every key type read as node, pkijs and @peculiar/x509 read them', async (t) => {
  t.equal(certificateFiles.length, 10);
  for (const file of certificateFiles) {
    const bytes = fixture(file, 'CERTIFICATE');
    const ours = certificate(bytes);
    const node = new X509Certificate(bytes);
    const other = pkijs.Certificate.fromBER(bytes);
    t.equal(serialHex(ours.serial).toUpperCase(), node.serialNumber, `${file}: serial`);
    t.equal(fingerprintText(certificateFingerprint(ours.der)), node.fingerprint256, `${file}: fingerprint`);
    t.equal(ours.notBefore.getTime(), Date.parse(node.validFrom), `${file}: notBefore`);
    t.equal(ours.notAfter.getTime(), other.notAfter.value.getTime(), `${file}: notAfter`);
    t.same(
      ours.subject.rdns.flat().map((item) => item.text),
      node.subject.split('\n').map((line) => line.replace(/^[^=]*=/, '')),
      `${file}: subject`,
    );
    t.same(ours.issuer.der, ours.subject.der, `${file}: issuer`);
    t.same(ours.publicKey.spki, node.publicKey.export({ format: 'der', type: 'spki' }), `${file}: public key`);
    t.equal(ours.signatureAlgorithm.oid, other.signatureAlgorithm.algorithmId, `${file}: algorithm`);
    t.equal(ours.signature.toString('hex'), hex(other.signatureValue.valueBlock.valueHexView), `${file}: signature`);
    t.equal(ours.version, other.version + 1, `${file}: version`);
    t.same(
      ours.extensions.map((item) => [item.oid, item.critical, item.value.toString('hex')]),
      (other.extensions ?? []).map((item) => [item.extnID, item.critical, hex(item.extnValue.valueBlock.valueHexView)]),
      `${file}: extensions`,
    );
    t.equal(basicConstraintsOf(ours.extensions).ok && node.ca, ours.version === 3, `${file}: CA`);
    const third = new peculiar.X509Certificate(bytes);
    t.equal(third.serialNumber, serialHex(ours.serial), `${file}: serial`);
    t.same([third.notBefore, third.notAfter], [ours.notBefore, ours.notAfter], `${file}: validity`);
    t.equal(hex(third.publicKey.rawData), ours.publicKey.spki.toString('hex'), `${file}: public key`);
    t.equal(hex(third.signature), ours.signature.toString('hex'), `${file}: signature`);
    t.same(
      third.extensions.map((item) => [item.type, item.critical, hex(item.value)]),
      ours.extensions.map((item) => [item.oid, item.critical, item.value.toString('hex')]),
      `${file}: extensions`,
    );
    const name = keyNames[file.replace('.crt.pem', '')];
    if (name !== undefined) t.equal(ours.publicKey.name, name, `${file}: key name`);
  }
});

t.test('self-signed fixtures verify, all but keys bound to RSASSA-PSS, and no longer after a bit is turned', async (t) => {
  for (const file of certificateFiles) {
    const ours = certificate(fixture(file, 'CERTIFICATE'));
    const verdict = verifyCertificate(ours, ours.publicKey);
    t.equal(verdict.ok ? 'verified' : verdict.error, file.startsWith('rsa-pss-key') ? 'algorithm-mismatch' : 'verified', file);
    const tbs = Buffer.from(ours.tbs);
    tbs[tbs.length - 1] = (tbs[tbs.length - 1] as number) ^ 1;
    t.equal(verifyCertificate({ ...ours, tbs }, ours.publicKey).ok, false, `${file} altered`);
  }
});

t.test('requests of every key type read as pkijs reads them, and prove possession', async (t) => {
  t.equal(requestFiles.length, 10);
  for (const file of requestFiles) {
    const bytes = fixture(file, 'CERTIFICATE REQUEST');
    const parsed = parseCsr(bytes);
    if (!parsed.ok) throw parsed.error;
    const ours = parsed.value;
    const other = pkijs.CertificationRequest.fromBER(bytes);
    t.equal(ours.version, 0);
    t.same(ours.der, bytes);
    t.equal(hex(other.subjectPublicKeyInfo.toSchema().toBER()), ours.publicKey.spki.toString('hex'), `${file}: key`);
    t.equal(hex(other.subject.valueBeforeDecode), ours.subject.der.toString('hex'), `${file}: subject`);
    t.same(
      ours.attributes.map((item) => [item.oid, item.values.length]),
      (other.attributes ?? []).map((item) => [item.type, item.values.length]),
      `${file}: attributes`,
    );
    t.equal(verifyCsr(ours).ok, !file.startsWith('rsa-pss-key'), `${file}: signature`);
    if (file === 'multi-valued.csr.pem') continue;
    t.equal(ours.challengePassword, 'open sesame', `${file}: challenge`);
    t.same(keyUsageOf(ours.extensions), { ok: true, value: ['digitalSignature', 'keyEncipherment'] });
    t.same(extendedKeyUsageOf(ours.extensions), { ok: true, value: [oids.serverAuth, oids.clientAuth] });
    const names = subjectAltNames(ours.extensions);
    t.same(
      names.ok && names.value.map((name) => [name.type, name.type === 'directory' || name.type === 'other' ? '' : name.text]),
      [
        ['dns', 'device-1.example'],
        ['dns', '*.device.example'],
        ['ip', '192.0.2.7'],
        ['ip', '2001:db8:0:0:0:0:0:7'],
        ['email', 'device@example.org'],
        ['uri', 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
        ['other', ''],
        ['directory', ''],
        ['registeredId', '2a0304'],
      ],
      `${file}: names`,
    );
  }
});

t.test('what a writer exists for re-encodes identically', async (t) => {
  for (const file of certificateFiles) {
    const ours = certificate(fixture(file, 'CERTIFICATE'));
    if (ours.version !== 3) continue;
    const signer: Signer = { algorithm: ours.signatureAlgorithm, publicKey: ours.publicKey, sign: () => ours.signature };
    const times = { notBefore: certificateTime(ours.notBefore), notAfter: certificateTime(ours.notAfter) };
    t.same(signCertificate({ ...ours, spki: ours.publicKey.spki }, times, signer), ours.der, file);
  }
  for (const file of requestFiles) {
    const parsed = parseCsr(fixture(file, 'CERTIFICATE REQUEST'));
    if (!parsed.ok) throw parsed.error;
    const { subject, challengePassword, extensions, signatureAlgorithm: algorithm, publicKey, signature } = parsed.value;
    const attributes = challengePassword === undefined ? {} : { challengePassword };
    t.same(signCsr({ subject, extensions, ...attributes }, { algorithm, publicKey, sign: () => signature }), parsed.value.der, file);
  }
  for (const item of certificate(fixture('rsa-2048.crt.pem', 'CERTIFICATE')).extensions) {
    t.equal(asn1js.fromBER(new Uint8Array(encode(encodeExtension(item)))).offset > 0, true);
  }
});

const key = createPrivateKey(readFileSync(join(folder, 'ec-p256.key.pem')));
const signerOf = (privateKey: KeyObject, digest?: 'sha384'): Signer => createSigner(privateKey, publicKeyOf(privateKey), digest);
const signer = signerOf(key);
const name = buildName([
  [oids.countryName, 'DE'],
  [oids.commonName, 'Prüfer'],
]);
const fields: CertificateFields = {
  serial: Buffer.from('ff01', 'hex'),
  issuer: name,
  notBefore: new Date('2024-01-01T00:00:00Z'),
  notAfter: new Date('2054-01-01T00:00:00Z'),
  subject: name,
  spki: signer.publicKey.spki,
  extensions: [
    basicConstraintsExtension({ ca: true, pathLength: 2 }),
    keyUsageExtension(['keyCertSign', 'digitalSignature']),
    extendedKeyUsageExtension([oids.clientAuth]),
    subjectAltNameExtension([dnsName('ca.example')]),
    subjectKeyIdentifierExtension(signer.publicKey.keyIdentifier),
  ],
};
const times = { notBefore: certificateTime(fields.notBefore), notAfter: certificateTime(fields.notAfter) };

t.test('writes certificates that read back, field for field', async (t) => {
  const written = certificate(signCertificate(fields, times, signer));
  t.equal(serialHex(written.serial), 'ff01');
  t.equal(written.serial[0], 0, 'the serial stays positive');
  t.same([written.notBefore, written.notAfter], [fields.notBefore, fields.notAfter]);
  t.same(written.extensions, fields.extensions);
  t.same(basicConstraintsOf(written.extensions), { ok: true, value: { ca: true, pathLength: 2 } });
  t.same(keyUsageOf(written.extensions), { ok: true, value: ['digitalSignature', 'keyCertSign'] });
  t.same(subjectKeyIdentifierOf(written.extensions), signer.publicKey.keyIdentifier);
  t.equal(new X509Certificate(written.der).verify(key.asymmetricKeyType === 'ec' ? publicKeyObject() : key), true);
  const bare = certificate(signCertificate({ ...fields, extensions: [] }, times, signer));
  t.equal(bare.tbs.includes(Buffer.from('a3023000', 'hex')), false, 'no empty Extensions is written (SIZE (1..MAX))');
  t.equal(new X509Certificate(bare.der).subject, 'C=DE\nCN=Prüfer');
});

function publicKeyObject(): KeyObject {
  const imported = signer.publicKey.keyObject();
  if (!imported.ok) throw new Error(imported.error);
  return imported.value;
}

t.test('certificates and requests that are written satisfy openssl', async (t) => {
  const openssl = (args: readonly string[], cwd: string) => spawnSync('openssl', args, { cwd, encoding: 'utf8' });
  if (openssl(['version'], tmpdir()).status !== 0) {
    t.comment('There is no openssl here: its opinion is left out, node:crypto has been asked above.');
    return;
  }
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-pkix-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const keys: readonly (readonly [string, Signer])[] = [
    ['rsa', signerOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)],
    ['rsa-sha384', signerOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'sha384')],
    ['p256', signer],
    ['p384', signerOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey)],
    ['p521', signerOf(generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey)],
    ['ed25519', signerOf(generateKeyPairSync('ed25519').privateKey)],
    ['ed448', signerOf(generateKeyPairSync('ed448').privateKey)],
  ];
  for (const [type, by] of keys) {
    writeFileSync(join(dir, 'ca.pem'), toPem('CERTIFICATE', signCertificate({ ...fields, spki: by.publicKey.spki }, times, by)));
    const verified = openssl(['verify', '-x509_strict', '-check_ss_sig', '-no_check_time', '-CAfile', 'ca.pem', 'ca.pem'], dir);
    t.equal(verified.stdout, 'ca.pem: OK\n', `certificate by ${type} ${verified.stderr}`);
    const request = signCsr({ subject: name, challengePassword: 'öffne', extensions: [subjectAltNameExtension([dnsName('a.example')])] }, by);
    writeFileSync(join(dir, 'request.pem'), toPem('CERTIFICATE REQUEST', request));
    const proved = openssl(['req', '-verify', '-noout', '-in', 'request.pem'], dir);
    t.match(proved.stderr + proved.stdout, /verify OK/, `request by ${type}`);
    const read = parseCsr(request);
    t.equal(read.ok && read.value.challengePassword, 'öffne');
    t.equal(read.ok && verifyCsr(read.value).ok, true);
  }
});

/** The fixture's certificate written anew with some of its parts replaced. */
function assembled(parts: { version?: Element; inner?: Element; serial?: Element; tail?: Element[]; outer?: Element; behind?: Element }): Buffer {
  const algorithm = algorithmIdentifier(signer.algorithm);
  const { version = der.explicit(0, der.integer(2)), inner = algorithm, serial = der.integer(7), tail = [], outer = algorithm, behind } = parts;
  const validity = der.sequence(times.notBefore, times.notAfter);
  const tbs = der.sequence(version, serial, inner, name.der, validity, name.der, signer.publicKey.spki, ...tail);
  return encode(der.sequence(tbs, outer, der.bitString(Buffer.alloc(8)), behind));
}

t.test('certificates that break RFC 5280 are refused', async (t) => {
  const fault = (bytes: Buffer) => {
    const parsed = parseCertificate(bytes);
    return parsed.ok ? undefined : parsed.error.message.replace(/ \(at byte.*/, '');
  };
  const wrongValue = 'A value is not encoded as its type requires.';
  const trailing = 'There are bytes after the end.';
  const item = encodeExtension(fields.extensions[0] as (typeof fields.extensions)[number]);
  const algorithm = (oid: string, parameters?: Buffer) => algorithmIdentifier(parameters === undefined ? { oid } : { oid, parameters });
  const rows: readonly (readonly [string, Buffer, string | undefined])[] = [
    ['the plain one', assembled({ tail: [der.explicit(3, der.sequence(item))] }), undefined],
    ['a version 4', assembled({ version: der.explicit(0, der.integer(3)) }), `${wrongValue} Version.`],
    ['a version -1', assembled({ version: der.explicit(0, der.integer(-2)) }), `${wrongValue} Version.`],
    ['two versions', assembled({ version: der.explicit(0, der.integer(2), der.integer(2)) }), trailing],
    ['another inner algorithm', assembled({ inner: algorithm(oids.ecdsaWithSha1) }), `${wrongValue} signature is not signatureAlgorithm.`],
    ['an inner NULL', assembled({ inner: algorithm(oids.ecdsaWithSha256, der.nullValue()) }), `${wrongValue} signature is not signatureAlgorithm.`],
    ['an extension twice', assembled({ tail: [der.explicit(3, der.sequence(item, item))] }), `${wrongValue} An extension stands twice.`],
    ['two lists of extensions', assembled({ tail: [der.explicit(3, der.sequence(item), der.sequence(item))] }), trailing],
    ['extensions before unique ids', assembled({ tail: [der.explicit(3, der.sequence(item)), der.implicitPrimitive(1, Buffer.of(0, 1))] }), trailing],
    ['unique ids', assembled({ tail: [der.implicitPrimitive(1, Buffer.of(0, 1)), der.implicitPrimitive(2, Buffer.of(0))] }), undefined],
    ['a unique id without padding octet', assembled({ tail: [der.implicitPrimitive(1, Buffer.alloc(0))] }), `${wrongValue} BIT STRING padding.`],
    ['an element behind the signature', assembled({ behind: der.nullValue() }), trailing],
    ['CMP-212 a serial of 65 octets', assembled({ serial: der.unsignedInteger(Buffer.alloc(65, 1)) }), `${wrongValue} serialNumber is too long.`],
    ['a padded serial', assembled({ serial: der.primitive(tag.integer, Buffer.of(0, 1)) }), `${wrongValue} INTEGER is not minimal.`],
    ['bytes behind', Buffer.concat([assembled({}), Buffer.of(0)]), trailing],
    [
      'BER in parameters nobody reads',
      assembled({ inner: algorithm(oids.md5, Buffer.from('2403040161', 'hex')), outer: algorithm(oids.md5, Buffer.from('2403040161', 'hex')) }),
      'An element has another tag than its place requires.',
    ],
  ];
  for (const [what, bytes, message] of rows) t.equal(fault(bytes), message, what);
});

t.test('lists that break RFC 5280 are refused', async (t) => {
  const list = (version: number, inner: AlgorithmIdentifier, ...tail: Element[]) => {
    const tbs = der.sequence(der.integer(version - 1), algorithmIdentifier(inner), name.der, times.notBefore, times.notAfter, ...tail);
    return encode(der.sequence(tbs, algorithmIdentifier(signer.algorithm), der.bitString(Buffer.alloc(8))));
  };
  const fault = (bytes: Buffer) => {
    const parsed = parseCrl(bytes);
    return parsed.ok ? undefined : parsed.error.message.replace(/ \(at byte.*/, '');
  };
  const item = encodeExtension(crlNumberExtension(7));
  t.equal(fault(list(2, signer.algorithm, der.explicit(0, der.sequence(item)))), undefined);
  t.equal(fault(list(3, signer.algorithm)), 'A value is not encoded as its type requires. Version.');
  t.equal(fault(list(2, { oid: oids.sha256WithRsa })), 'A value is not encoded as its type requires. signature is not signatureAlgorithm.');
  t.equal(fault(list(2, signer.algorithm, der.explicit(0, der.sequence(item), item))), 'There are bytes after the end.');
});

t.test('CMP-172 CMP-203 a long list is read, looked up and written in turns, and comes to the same', async (t) => {
  const revoked = Array.from({ length: 3_000 }, (_, at) => {
    const serial = Buffer.alloc(16, 0x41);
    serial.writeUInt32BE(at, 12);
    return { serial, revokedAt: new Date('2026-01-01T00:00:00Z'), reason: at % 7 };
  });
  const times = { thisUpdate: new Date('2026-01-01T00:00:00Z'), nextUpdate: new Date('2026-02-01T00:00:00Z') };
  const fields = { issuer: name, ...times, revoked, extensions: [crlNumberExtension(7)] };
  let turns = 0;
  const turnsOf = async <T>(work: Promise<T>): Promise<{ value: T; turns: number }> => {
    turns = 0;
    const counting = setInterval(() => undefined, 1);
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const value = await work;
    isOver = true;
    clearInterval(counting);
    return { value, turns };
  };
  const written = await turnsOf(signCrlInTurns(fields, signer));
  t.ok(written.turns >= 4, `others had ${written.turns} turns while it was written`);
  const read = await turnsOf(parseCrlInTurns(written.value));
  t.ok(read.turns >= 5, `and ${read.turns} while it was read`);
  t.same(read.value, parseCrl(written.value));
  if (!read.value.ok) throw read.value.error;
  const list = read.value.value;
  t.ok(verifyCrl(list, signer.publicKey).ok);
  t.equal(list.revoked.length, 3_000);
  const head = parseCrlHead(written.value);
  t.match(head, { ok: true, value: { version: 2, ...times } });
  const prepared = await turnsOf(prepareRevocations(list));
  t.ok(prepared.turns >= 2);
  const parsed = parseCrl(signCrl(fields, signer));
  t.ok(parsed.ok && parsed.value.tbs.equals(list.tbs), 'the same octets in one go');
  for (const broken of [written.value.subarray(0, -1), Buffer.concat([written.value, Buffer.of(0)]), Buffer.from('no list')]) {
    t.equal((await parseCrlInTurns(broken)).ok, false);
    t.equal(parseCrlHead(broken).ok, false);
  }
});

t.test('requests that say two things at once are refused', async (t) => {
  const challenge = (...texts: string[]) => der.sequence(der.oid(oids.challengePassword), der.set(...texts.map(der.utf8String)));
  const wanted = (type: string, ...list: Element[]) => der.sequence(der.oid(type), der.set(der.sequence(...list)));
  const item = encodeExtension(extension(oids.subjectAltName, false, der.sequence(dnsName('a.example').der)));
  const fault = (...attributes: Element[]) => {
    const info = der.sequence(der.integer(0), name.der, signer.publicKey.spki, der.constructed(contextConstructed(0), ...attributes));
    const parsed = parseCsr(encode(der.sequence(info, algorithmIdentifier(signer.algorithm), der.bitString(Buffer.alloc(8)))));
    return parsed.ok ? undefined : parsed.error.message.replace(/^.*requires\. (.*) \(at.*/, '$1');
  };
  t.equal(fault(challenge('a')), undefined);
  t.equal(fault(challenge('a', 'b')), 'challengePassword stands twice.');
  t.equal(fault(challenge('a'), challenge('a')), 'challengePassword stands twice.');
  t.equal(fault(wanted(oids.extensionRequest, item)), undefined);
  t.equal(fault(wanted(oids.extensionRequest, item, item)), 'An extension stands twice.');
  t.equal(fault(wanted(oids.extensionRequest, item), wanted(oids.microsoftExtensionRequest, item)), 'An extension is requested twice.');
});

t.test('critical FALSE written out is read as FALSE, though DER leaves it out', async (t) => {
  const item = der.sequence(der.oid(oids.keyUsage), der.boolean(false), der.octetString(der.namedBits([0])));
  const parsed = certificate(assembled({ tail: [der.explicit(3, der.sequence(item))] }));
  t.same(parsed.extensions, [{ oid: oids.keyUsage, critical: false, value: der.namedBits([0]) }]);
  const list = der.sequence(der.sequence(der.oid(oids.basicConstraints), der.octetStringOf(der.sequence(der.boolean(true), der.integer(-1)))));
  const negative = certificate(assembled({ tail: [der.explicit(3, list)] }));
  t.equal(basicConstraintsOf(negative.extensions).ok, false, 'a negative path length is none');
  t.equal(new Cursor(negative.der).peekTag(), tag.sequence);
});

t.test('PEM holds what was put in', async (t) => {
  const two = toPem('CERTIFICATE', Buffer.alloc(100, 7)) + toPem('X509 CRL', Buffer.of(1)) + toPem('CERTIFICATE', Buffer.of(2, 3));
  t.same(fromPem('CERTIFICATE', two), [Buffer.alloc(100, 7), Buffer.of(2, 3)]);
  t.same(fromPem('CERTIFICATE', 'nothing'), []);
});
