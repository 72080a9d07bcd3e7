import { createHash, createHmac, hash, pbkdf2Sync, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { buildName, parseCertificate, parsePublicKey } from '../../../src/pkix/index.js';
import {
  bodyTypes,
  certHash,
  createMacKeys,
  decodePkiBody,
  decodePkiMessage,
  deriveMacKey,
  encodePkiBody,
  encodePkiHeader,
  encodePkiMessage,
  encodePopoSigningKeyInput,
  failInfos,
  isMac,
  knownGeneralInfo,
  type MacBounds,
  macProtector,
  maxExtraCerts,
  oldCertIdOf,
  type PkiBody,
  type PkiHeader,
  type PkiMessage,
  pbmac1Parameters,
  pbmParameters,
  pkiStatuses,
  protectedPart,
  readMacParameters,
  verifyMac,
  verifyPossession,
  verifySigned,
} from '../../../src/protocol/cmp/index.js';
import { sha256Chain } from '../../../src/protocol/cmp/sha256-chain.js';
import { Cursor, cmpLimits, contextConstructed, der, type Element, encode, oids } from '../../../src/protocol/der/index.js';
import { asGeneralName } from '../../endpoints/cmp/requests.js';
import { named, newAuthority, newDevice, newKey } from '../../endpoints/cmp/stage.js';

const folder = fileURLToPath(new URL('../../../fixtures/cmp/', import.meta.url));

interface Fixture {
  readonly name: string;
  readonly bytes: Buffer;
  readonly description: string;
  readonly bodyType: string;
  readonly protection: 'mac' | 'signature';
  readonly reference?: string;
  readonly secret?: string;
}

const fixtures: readonly Fixture[] = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => {
    const name = file.replace(/\.json$/, '');
    return { ...JSON.parse(readFileSync(`${folder}${file}`, 'utf8')), name, bytes: readFileSync(`${folder}${name}.der`) };
  });

const bounds: MacBounds = { hmacSha1: true, minIterations: 100, maxIterations: 100_000 };

function fixture(name: string): Fixture {
  const found = fixtures.find((item) => item.name === name);
  if (found === undefined) throw new Error(`no fixture ${name}`);
  return found;
}

function read(bytes: Buffer): { message: PkiMessage; body: PkiBody } {
  const message = decodePkiMessage(bytes);
  if (!message.ok) throw message.error;
  const body = decodePkiBody(message.value);
  if (!body.ok) throw body.error;
  return { message: message.value, body: body.value };
}

t.test('every captured message is read, and written again octet for octet (CMP-022, CMP-058)', async (t) => {
  t.ok(fixtures.length >= 26);
  for (const { name, bytes, bodyType } of fixtures) {
    const { message, body } = read(bytes);
    t.equal(body.type, bodyType, name);
    t.ok(encode(encodePkiHeader(message.header)).equals(message.headerDer), `${name}: header`);
    t.ok(encode(encodePkiBody(body)).equals(message.bodyDer), `${name}: body`);
    const { protection = Buffer.alloc(0), header, extraCerts } = message;
    t.ok(encodePkiMessage({ header, body, extraCerts }, { header: {}, protect: () => protection }).equals(bytes), `${name}: message`);
  }
});

t.test('CMP-062 verifies PasswordBasedMac of OpenSSL for every captured reference and secret', async (t) => {
  const protectedByMac = fixtures.filter((item) => item.protection === 'mac');
  t.ok(protectedByMac.length > 15);
  for (const { name, bytes, secret = '' } of protectedByMac) {
    const { message } = read(bytes);
    const parameters = readMacParameters(message.header.protectionAlg ?? { oid: '' }, bounds);
    if (!parameters.ok) return t.fail(`${name}: ${parameters.error}`);
    const key = await deriveMacKey(parameters.value, Buffer.from(secret));
    t.equal(verifyMac(message, parameters.value, key), true, name);
    t.equal(verifyMac(message, parameters.value, await deriveMacKey(parameters.value, Buffer.from(`${secret}!`))), false, `${name}, wrong secret`);
    t.equal(verifyMac({ ...message, protection: message.protection?.subarray(1) ?? Buffer.alloc(0) }, parameters.value, key), false, `${name}, cut short`);
  }
});

t.test('verifies signatures over the received octets (CMP-058), and nothing else', async (t) => {
  for (const { name, bytes } of fixtures.filter((item) => item.protection === 'signature')) {
    const { message } = read(bytes);
    const certificate = parseCertificate(message.extraCerts[0] ?? Buffer.alloc(0));
    if (!certificate.ok) throw certificate.error;
    t.same(verifySigned(message, certificate.value.publicKey), { ok: true, value: true }, name);
    const touched = Buffer.from(message.bodyDer);
    touched[touched.length - 1] = (touched[touched.length - 1] ?? 0) ^ 1;
    t.same(verifySigned({ ...message, bodyDer: touched }, certificate.value.publicKey), { ok: false, error: 'invalid' }, `${name}, touched`);
    t.same(verifySigned(message, newKey('RSA').signer.publicKey), { ok: false, error: 'algorithm' }, `${name}, key of another type (CMP-076)`);
  }
});

t.test('verifies the proofs of possession of OpenSSL', async (t) => {
  const proofs = {
    'ir-pbm-default-ir': { ok: true, value: true },
    'ir-pbm-hmac-sha256-ir': { ok: true, value: true },
    'ir-ed25519-ir': { ok: true, value: true },
    'cr-signed-cr': { ok: true, value: true },
    'kur-signed-kur': { ok: true, value: true },
    'ir-no-possession-ir': { ok: false, error: 'missing' },
    'ir-ra-verified-ir': { ok: false, error: 'ra-verified' },
    'ir-key-encipherment-ir': { ok: false, error: 'unsupported' },
    'ir-sans-only-ir': { ok: false, error: 'invalid' },
  };
  for (const [name, expected] of Object.entries(proofs)) {
    const { message, body } = read(fixture(name).bytes);
    if (!('messages' in body)) return t.fail(name);
    const [request] = body.messages;
    const key = parsePublicKey(request?.certReq.certTemplate.publicKey ?? Buffer.alloc(0));
    if (request === undefined || !key.ok) return t.fail(name);
    t.same(verifyPossession(request, key.value, message.header.sender), expected, `${name} (CMP-104, CMP-105)`);
    if (!('error' in expected)) {
      t.same(verifyPossession(request, newKey().signer.publicKey, message.header.sender), { ok: false, error: 'invalid' }, `${name}, another key (CMP-107)`);
    }
  }
});

t.test('CMP-106 poposkInput proves possession where the template has no subject, for the template key and the sender only', async (t) => {
  const key = newKey();
  const sender = asGeneralName(named('vendor-1'));
  const request = (input: Element, subject = false) => {
    const poposkInput = encode(input);
    const signature = key.signer.sign(poposkInput);
    const template = der.sequence(subject ? der.explicit(5, named('x').der) : undefined, der.retagged(0xa6, key.signer.publicKey.spki));
    const algorithm = der.sequence(der.oid(key.signer.algorithm.oid));
    const popo = der.constructed(0xa1, der.retagged(0xa0, poposkInput), algorithm, der.bitString(signature));
    const body = der.explicit(0, der.sequence(der.sequence(der.sequence(der.integer(0), template), popo)));
    const { body: read } = readBodyOnly(encode(body));
    if (!('messages' in read) || read.messages[0] === undefined) throw new Error('no request');
    t.ok(encode(encodePkiBody(read)).equals(encode(body)), 'written again octet for octet');
    return read.messages[0];
  };
  const { publicKey } = key.signer;
  t.same(verifyPossession(request(encodePopoSigningKeyInput(sender, publicKey.spki)), publicKey, sender), { ok: true, value: true });
  const refused = { ok: false, error: 'invalid' };
  t.same(verifyPossession(request(encodePopoSigningKeyInput(asGeneralName(named('other')), publicKey.spki)), publicKey, sender), refused, 'another sender');
  t.same(verifyPossession(request(encodePopoSigningKeyInput(sender, newKey().signer.publicKey.spki)), publicKey, sender), refused, 'a foreign key (CMP-208)');
  t.same(verifyPossession(request(encodePopoSigningKeyInput(sender, publicKey.spki), true), publicKey, sender), refused, 'a subject beside it (CMP-105)');
  const mac = der.sequence(der.sequence(der.oid(oids.passwordBasedMac)), der.bitString(Buffer.alloc(20)));
  t.same(verifyPossession(request(der.sequence(mac, publicKey.spki)), publicKey, sender), { ok: false, error: 'unsupported' }, 'publicKeyMAC');
});

function readBodyOnly(bodyDer: Buffer): { body: PkiBody } {
  const { message } = read(fixture('ir-pbm-default-ir').bytes);
  const body = decodePkiBody({ ...message, bodyDer });
  if (!body.ok) throw body.error;
  return { body: body.value };
}

t.test('oldCertID names the certificate that OpenSSL updates (CMP-115)', async (t) => {
  const { message, body } = read(fixture('kur-signed-kur').bytes);
  const certificate = parseCertificate(message.extraCerts[0] ?? Buffer.alloc(0));
  if (!certificate.ok || !('messages' in body) || body.messages[0] === undefined) return t.fail('kur');
  const old = oldCertIdOf(body.messages[0].certReq);
  t.ok(old.ok && old.value?.serialNumber.equals(certificate.value.serial));
  t.ok(old.ok && old.value?.issuer.name?.der.equals(certificate.value.issuer.der));
});

t.test('the hand-written chain is SHA-256, however often it is applied', async (t) => {
  for (const times of [0, 1, 2, 99, 499, 2047, 9_999]) {
    const start = randomBytes(32);
    let expected: Buffer = start;
    for (let i = 0; i < times; i += 1) expected = createHash('sha256').update(expected).digest();
    t.ok(sha256Chain(start, times).equals(expected), `${times} times`);
  }
  let value: Buffer = Buffer.alloc(32, 0xff);
  for (let i = 0; i < 1_000; i += 1) {
    const next = sha256Chain(value, 1);
    if (!next.equals(hash('sha256', value, 'buffer'))) return t.fail(`differs for ${value.toString('hex')}`);
    value = next;
  }
  t.notOk(value.equals(Buffer.alloc(32, 0xff)));
});

t.test('derives the key of PasswordBasedMac as RFC 9810 section 5.1.3.1 says, for each one-way function (CMP-062, CMP-063)', async (t) => {
  const secret = Buffer.from('secret');
  const salt = randomBytes(16);
  for (const owf of ['sha256', 'sha384', 'sha512'] as const) {
    for (const iterationCount of [100, 500, 4_001, 8_003]) {
      let expected = createHash(owf).update(secret).update(salt).digest();
      for (let i = 1; i < iterationCount; i += 1) expected = createHash(owf).update(expected).digest();
      const parameters = pbmParameters({ salt, owf, iterationCount, mac: 'sha256' });
      t.ok((await deriveMacKey(parameters, secret)).equals(expected), `${owf}, ${iterationCount} iterations`);
      t.same(readMacParameters(parameters.algorithm, bounds), { ok: true, value: parameters }, 'and reads what it wrote');
    }
  }
});

t.test('CMP-067 PBMAC1: PBKDF2 and HMAC', async (t) => {
  const parameters = pbmac1Parameters({ salt: randomBytes(16), iterationCount: 2_000, keyLength: 32, prf: 'sha256', mac: 'sha512' });
  const secret = Buffer.from('secret');
  const key = await deriveMacKey(parameters, secret);
  t.ok(key.equals(pbkdf2Sync(secret, parameters.salt, 2_000, 32, 'sha256')));
  t.same(readMacParameters(parameters.algorithm, bounds), { ok: true, value: parameters });
  const { header } = read(fixture('ir-pbm-default-ir').bytes).message;
  const written = encodePkiMessage({ header, body: { type: 'pkiconf' } }, macProtector(parameters, key, Buffer.from('r')));
  const { message } = read(written);
  t.equal(verifyMac(message, parameters, key), true);
  t.ok(message.protection?.equals(createHmac('sha512', key).update(protectedPart(message.headerDer, message.bodyDer)).digest()));
});

/** NIST CAVP, gcmEncryptExtIV128, nothing to encrypt. */
const gmacVector = {
  key: Buffer.from('77be63708971c4e240d1cb79e8d77feb', 'hex'),
  nonce: Buffer.from('e0e00f19fed7ba0136a797f3', 'hex'),
  data: Buffer.from('7a43ec1d9c0a5a78a0b16533a6213cab', 'hex'),
  tag: Buffer.from('209fcc8d3675ed938e9c7166709dd946', 'hex'),
};

t.test('CMP-063 AES-GMAC in the place of HMAC, with a nonce of its own in every message', async (t) => {
  const { key: known, nonce, data, tag } = gmacVector;
  const fixed = pbmParameters({ salt: randomBytes(16), owf: 'sha256', iterationCount: 500, mac: 'aes128-gmac', nonce });
  t.equal(isMac(tag, fixed, known, data), true, 'as NIST computes it');
  t.equal(isMac(tag, fixed, known, Buffer.concat([data, Buffer.of(0)])), false);
  t.equal(isMac(tag.subarray(0, 12), fixed, known, data), false, 'a shorter tag');
  for (const [mac, keyLength] of [
    ['aes128-gmac', 16],
    ['aes192-gmac', 24],
    ['aes256-gmac', 32],
  ] as const) {
    const parameters = [
      pbmParameters({ salt: randomBytes(16), owf: 'sha256', iterationCount: 500, mac }),
      pbmac1Parameters({ salt: randomBytes(16), iterationCount: 1_000, keyLength, prf: 'sha256', mac }),
    ];
    for (const given of parameters) {
      t.same(readMacParameters(given.algorithm, bounds), { ok: true, value: given }, `${given.kind} with ${mac}`);
      const key = await deriveMacKey(given, Buffer.from('secret'));
      const { header } = read(fixture('ir-pbm-default-ir').bytes).message;
      const [one, two] = [1, 2].map(() => read(encodePkiMessage({ header, body: { type: 'pkiconf' } }, macProtector(given, key, Buffer.from('r')))).message);
      if (one === undefined || two === undefined) return t.fail('messages');
      const [first, second] = [one, two].map((message) => readMacParameters(message.header.protectionAlg ?? { oid: '' }, bounds));
      if (!first?.ok || !second?.ok) return t.fail('parameters');
      t.equal(verifyMac(one, first.value, key), true);
      t.equal(verifyMac(two, second.value, key), true);
      t.equal(verifyMac(one, second.value, key), false);
      t.match(first.value, { mac, salt: given.salt, iterationCount: given.iterationCount }, 'the parameters of the key stay');
      t.notSame(first.value.nonce, given.nonce, 'never the nonce of the message that is answered');
      t.notSame(first.value.nonce, second.value.nonce);
    }
  }
  const gmac = (...fields: Element[]) => algorithm(oids.aes128Gmac, der.sequence(...fields));
  const refused: readonly (readonly [row: string, algorithm: { oid: string; parameters?: Buffer }, says: RegExp])[] = [
    ['a tag of 12 octets', pbm({ mac: gmac(der.octetString(nonce)) }), /^mac 2\.16\.840/],
    ['a tag of 13 octets', pbm({ mac: gmac(der.octetString(nonce), der.integer(13)) }), /^mac 2\.16\.840/],
    ['no nonce', pbm({ mac: gmac(der.integer(16)) }), /^mac 2\.16\.840/],
    ['an empty nonce', pbm({ mac: gmac(der.octetString(Buffer.alloc(0)), der.integer(16)) }), /^mac 2\.16\.840/],
    ['a nonce of 33 octets', pbm({ mac: gmac(der.octetString(Buffer.alloc(33)), der.integer(16)) }), /^mac 2\.16\.840/],
    ['something behind', pbm({ mac: gmac(der.octetString(nonce), der.integer(16), der.integer(1)) }), /^mac 2\.16\.840/],
    ['a key of another length', pbmac1({ mac: gmac(der.octetString(nonce), der.integer(16)) }), /^keyLength 32 for aes128-gmac$/],
  ];
  for (const [row, given, says] of refused) t.match(readMacParameters(given, bounds), { ok: false, error: says }, row);
});

t.test('derived keys are kept per secret and parameters, and forgotten in the order of use (CMP-066)', async (t) => {
  const keys = createMacKeys(2);
  const [one, two, three] = [1, 2, 3].map((n) => pbmParameters({ salt: Buffer.alloc(16, n), owf: 'sha256', iterationCount: 100, mac: 'sha256' }));
  if (one === undefined || two === undefined || three === undefined) return t.fail('parameters');
  const secret = Buffer.from('a');
  const first = await keys.keyFor(one, secret);
  const second = await keys.keyFor(two, secret);
  t.equal(await keys.keyFor(one, secret), first, 'the same buffer: it was kept');
  await keys.keyFor(three, secret);
  t.equal(await keys.keyFor(one, secret), first, 'used lately, so kept');
  const again = await keys.keyFor(two, secret);
  t.not(again, second, 'used longest ago, so derived again');
  t.same(again, second);
  t.notSame(await keys.keyFor(one, Buffer.from('b')), first, 'another secret has another key');
});

const integer = (hex: string): Buffer => der.primitive(0x02, Buffer.from(hex, 'hex'));
const algorithm = (oid: string, parameters?: Element): Element => der.sequence(der.oid(oid), parameters);

function pbm(fields: { salt?: Buffer; owf?: Element; count?: Buffer; mac?: Element; more?: Buffer }) {
  const { salt = randomBytes(16), owf = algorithm(oids.sha256), count = der.integer(500), mac = algorithm(oids.hmacSha256), more } = fields;
  return { oid: oids.passwordBasedMac, parameters: encode(der.sequence(der.octetString(salt), owf, count, mac, more)) };
}

function pbmac1(fields: { salt?: Element; count?: Buffer; keyLength?: Buffer | null; prf?: Element | null; kdf?: string; mac?: Element }) {
  const { salt = der.octetString(randomBytes(16)), count = der.integer(1_000), keyLength = der.integer(32), prf = algorithm(oids.hmacSha256) } = fields;
  const kdf = algorithm(fields.kdf ?? oids.pbkdf2, der.sequence(salt, count, keyLength ?? undefined, prf ?? undefined));
  return { oid: oids.pbmac1, parameters: encode(der.sequence(kdf, fields.mac ?? algorithm(oids.hmacSha256))) };
}

t.test('MAC parameters are bounded before anything is derived', async (t) => {
  const refused: readonly (readonly [row: string, algorithm: { oid: string; parameters?: Buffer }, says: RegExp])[] = [
    ['CMP-064 iterationCount 1', pbm({ count: der.integer(1) }), /^iterationCount 1$/],
    ['CMP-064 iterationCount 99', pbm({ count: der.integer(99) }), /^iterationCount 99$/],
    ['CMP-064 iterationCount 100001', pbm({ count: der.integer(100_001) }), /^iterationCount 100001$/],
    ['CMP-064 iterationCount 2^31', pbm({ count: integer('0080000000') }), /^iterationCount 2147483648$/],
    ['CMP-064 iterationCount -1', pbm({ count: integer('ff') }), /^iterationCount -1$/],
    ['CMP-064 iterationCount 2^64', pbm({ count: integer('010000000000000000') }), /^iterationCount Infinity$/],
    ['CMP-064 iterationCount -2^64', pbm({ count: integer('ff0000000000000000') }), /^iterationCount -Infinity$/],
    ['CMP-212 iterationCount of 100 kB', pbm({ count: integer(`7f${'ff'.repeat(100_000)}`) }), /^iterationCount Infinity$/],
    ['CMP-065 no salt', pbm({ salt: Buffer.alloc(0) }), /^salt of 0 octets$/],
    ['CMP-065 salt of 7 octets', pbm({ salt: Buffer.alloc(7) }), /^salt of 7 octets$/],
    ['CMP-065 salt of 129 octets', pbm({ salt: Buffer.alloc(129) }), /^salt of 129 octets$/],
    ['CMP-063 owf SHA-1', pbm({ owf: algorithm(oids.sha1) }), /^owf 1\.3\.14\.3\.2\.26$/],
    ['CMP-063 owf MD5', pbm({ owf: algorithm(oids.md5) }), /^owf /],
    ['CMP-063 mac that is no HMAC', pbm({ mac: algorithm('1.3.14.3.2.10') }), /^mac 1\.3\.14\.3\.2\.10$/],
    ['parameters with something behind them', pbm({ more: der.nullValue() }), /bytes after the end/],
    ['no parameters', { oid: oids.passwordBasedMac }, /^no parameters$/],
    ['CMP-068 PBKDF2 999 iterations', pbmac1({ count: der.integer(999) }), /^iterationCount 999$/],
    ['CMP-068 PBKDF2 100001 iterations', pbmac1({ count: der.integer(100_001) }), /^iterationCount 100001$/],
    [
      'CMP-203 PBKDF2 100000 iterations for each of two blocks',
      pbmac1({ count: der.integer(100_000), keyLength: der.integer(33) }),
      /^iterationCount 100000 for 33 /,
    ],
    ['CMP-068 no keyLength', pbmac1({ keyLength: null }), /^no keyLength$/],
    ['CMP-068 keyLength 10^6', pbmac1({ keyLength: der.integer(1_000_000) }), /^keyLength 1000000$/],
    ['CMP-068 salt of another source', pbmac1({ salt: algorithm(oids.sha256) }), /^salt of another source$/],
    ['CMP-069 AES-GMAC as prf', pbmac1({ prf: algorithm('2.16.840.1.101.3.4.1.9') }), /^prf 2\.16\.840/],
    ['CMP-067 scrypt as key derivation', pbmac1({ kdf: '1.3.6.1.4.1.11591.4.11' }), /^keyDerivationFunc /],
  ];
  for (const [row, given, says] of refused) t.match(readMacParameters(given, bounds), { ok: false, error: says }, row);
  t.match(readMacParameters(pbmac1({ prf: null }), bounds), { ok: true, value: { prf: 'sha1' } }, 'CMP-068 prf absent: HMAC-SHA1');
  const strict = { ...bounds, hmacSha1: false };
  for (const mac of [oids.hmacSha1, oids.hmacSha1Ipsec]) {
    t.match(readMacParameters(pbm({ mac: algorithm(mac) }), bounds), { ok: true, value: { mac: 'sha1' } }, `CMP-063 ${mac} by policy`);
    t.match(readMacParameters(pbm({ mac: algorithm(mac) }), strict), { ok: false, error: 'HMAC-SHA1' }, `CMP-063 ${mac} against policy`);
  }
  t.match(readMacParameters(pbmac1({ prf: null }), strict), { ok: false, error: 'HMAC-SHA1' });
});

t.test('CMP-203 the longest derivation gives other requests their turn every 4,000 hashes, and PBKDF2 leaves the loop', async (t) => {
  const salt = randomBytes(16);
  for (const owf of ['sha256', 'sha512'] as const) {
    let isDone = false;
    let turns = 0;
    const count = () => {
      turns += 1;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    await deriveMacKey(pbmParameters({ salt, owf, iterationCount: 100_000, mac: 'sha256' }), Buffer.from('secret'));
    isDone = true;
    t.ok(turns >= 24, `${owf}: ${turns} turns`);
  }
  let isDerived = false;
  const derivation = deriveMacKey(pbmac1Parameters({ salt, iterationCount: 100_000, keyLength: 32, prf: 'sha256', mac: 'sha256' }), Buffer.from('secret'));
  const done = derivation.then(() => {
    isDerived = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  t.notOk(isDerived, 'PBKDF2 runs on another thread');
  await done;
});

t.test('CMP-125 certHash takes the hash of the certificate signature; SHA-512 for Ed25519; hashAlg before all', async (t) => {
  const keys = { 'P-256': 'sha256', 'P-384': 'sha384', RSA: 'sha256', Ed25519: 'sha512' } as const;
  for (const [type, digest] of Object.entries(keys)) {
    const authority = newAuthority('A', undefined, newKey(type as keyof typeof keys));
    const { certificate } = newDevice('d', authority);
    t.same(certHash(certificate), { ok: true, value: hash(digest, certificate.der, 'buffer') }, type);
    t.same(certHash(certificate, { oid: oids.sha384 }), { ok: true, value: hash('sha384', certificate.der, 'buffer') }, `${type}, CMP-126`);
  }
  const { certificate } = newDevice('d', newAuthority('A'));
  t.same(certHash(certificate, { oid: oids.md5 }), { ok: false, error: 'unknown' });
  t.same(certHash({ ...certificate, signatureAlgorithm: { oid: '1.2.3' } }), { ok: false, error: 'unknown' });
});

t.test('lists are those of the standard', async (t) => {
  t.equal(bodyTypes.length, 27);
  t.equal(bodyTypes.indexOf('pkiconf'), 19);
  t.equal(bodyTypes.indexOf('pollRep'), 26);
  t.equal(pkiStatuses.indexOf('keyUpdateWarning'), 6);
  t.equal(failInfos.length, 27);
  t.equal(failInfos.indexOf('transactionIdInUse'), 21);
  t.equal(failInfos.indexOf('duplicateCertReq'), 26);
});

const header: PkiHeader = {
  pvno: 2,
  sender: asGeneralName(buildName([])),
  recipient: asGeneralName(named('CA')),
  transactionID: Buffer.alloc(16, 1),
  senderNonce: Buffer.alloc(16, 2),
};

t.test('every header field survives a round trip', async (t) => {
  const full: PkiHeader = {
    ...header,
    messageTime: new Date('2026-11-21T10:00:00Z'),
    protectionAlg: { oid: oids.ecdsaWithSha256 },
    senderKID: Buffer.from('kid'),
    recipKID: Buffer.from('rkid'),
    recipNonce: Buffer.alloc(16, 3),
    freeText: ['hello', 'wörld'],
    generalInfo: [{ infoType: '1.2.3.4' }, { infoType: oids.implicitConfirm, infoValue: der.nullValue() }],
  };
  const { message } = read(encodePkiMessage({ header: full, body: { type: 'pkiconf' } }));
  t.same(message.header, full);
  t.equal(message.protection, undefined);
});

t.test('every body we write is read as it was written', async (t) => {
  const status = { status: 'rejection', statusString: ['no'], failInfo: ['badAlg', 'duplicateCertReq'] } as const;
  const bodies: readonly PkiBody[] = [
    { type: 'kup', content: { caPubs: [Buffer.from('3000', 'hex')], response: [{ certReqId: -1, status, rspInfo: Buffer.from('x') }] } },
    { type: 'error', content: { pKIStatusInfo: status, errorCode: Buffer.of(5), errorDetails: ['why'] } },
    { type: 'certConf', statuses: [{ certHash: Buffer.alloc(32), certReqId: 0, statusInfo: { status: 'accepted' }, hashAlg: { oid: oids.sha256 } }] },
    { type: 'certConf', statuses: [] },
    { type: 'pollReq', certReqIds: [0, -1] },
    { type: 'pollRep', entries: [{ certReqId: 0, checkAfter: 86_400, reason: ['slow'] }] },
    { type: 'krr', content: Buffer.from('3000', 'hex') },
    { type: 'genm', items: [] },
  ];
  for (const body of bodies) t.same(read(encodePkiMessage({ header, body })).body, body, body.type);
});

t.test('what generalInfo may say', async (t) => {
  const item = (infoType: string, value?: Element) => ({ infoType, ...(value && { infoValue: encode(value) }) });
  const time = encode(der.primitive(0x18, Buffer.from('20261121100000Z')));
  const utcTime = encode(der.primitive(0x17, Buffer.from('261121100000Z')));
  const names = (...texts: string[]) => item(oids.certProfile, der.sequence(...texts.map(der.utf8String)));
  t.same(knownGeneralInfo([item('1.2.3.4', der.integer(5))]), { ok: true, value: { implicitConfirm: false } }, 'CMP-046 unknown items are ignored');
  t.same(knownGeneralInfo([item(oids.implicitConfirm, der.nullValue())]), { ok: true, value: { implicitConfirm: true } }, 'CMP-047');
  t.same(knownGeneralInfo([item(oids.implicitConfirm, der.integer(1))]), { ok: false, error: 'malformed' }, 'CMP-049 a value other than NULL');
  t.same(knownGeneralInfo([item(oids.implicitConfirm)]), { ok: false, error: 'malformed' }, 'CMP-049 no value');
  t.same(knownGeneralInfo([item(oids.confirmWaitTime, time)]), { ok: true, value: { implicitConfirm: false } }, 'CMP-050');
  t.same(knownGeneralInfo([item(oids.confirmWaitTime, utcTime)]), { ok: false, error: 'malformed' }, 'CMP-050 UTCTime');
  const both = [item(oids.confirmWaitTime, time), item(oids.implicitConfirm, der.nullValue())];
  t.same(knownGeneralInfo(both), { ok: false, error: 'contradictory' }, 'CMP-050 both exclude each other');
  t.same(knownGeneralInfo([names('tls')]), { ok: true, value: { implicitConfirm: false, certProfile: 'tls' } }, 'CMP-051');
  t.same(knownGeneralInfo([names('')]), { ok: true, value: { implicitConfirm: false } }, 'CMP-051 the empty string is none');
  t.same(knownGeneralInfo([names('a', 'b')]), { ok: false, error: 'malformed' }, 'CMP-051 two names');
});

t.test('hostile bytes are refused by value, never by exception', async (t) => {
  const valid = fixture('ir-pbm-hmac-sha256-ir').bytes;
  for (let length = 0; length < valid.length; length += 1) {
    if (decodePkiMessage(valid.subarray(0, length)).ok) return t.fail(`cut at ${length} it was accepted`);
  }
  t.equal(decodePkiMessage(Buffer.concat([valid, Buffer.of(0)])).ok, false, 'CMP-005 a trailing octet');
  const indefinite = Buffer.concat([Buffer.from('3080', 'hex'), valid.subarray(4), Buffer.from('0000', 'hex')]);
  t.equal(decodePkiMessage(indefinite).ok, false, 'CMP-022 BER indefinite length');
  t.match(decodePkiMessage(Buffer.alloc(cmpLimits.maxBytes + 1)), { ok: false, error: { fault: 'too-large' } }, 'CMP-212');
  let nested: Element = der.nullValue();
  for (let depth = 0; depth < 50; depth += 1) nested = der.sequence(nested);
  const deep = encode(der.sequence(encodePkiHeader(header), der.explicit(20, nested)));
  t.match(decodePkiMessage(deep), { ok: false, error: { fault: 'too-deep' } }, 'CMP-212');
  const many = encode(der.sequence(encodePkiHeader(header), der.explicit(0, der.sequence(...Array.from({ length: 25_000 }, () => der.nullValue())))));
  t.match(decodePkiMessage(many), { ok: false, error: { fault: 'too-many-nodes' } }, 'CMP-212');
  const pvno = encode(der.sequence(integer(`7f${'00'.repeat(200_000)}`), header.sender.der, header.recipient.der));
  t.match(
    decodePkiMessage(encode(der.sequence(pvno, der.explicit(19, der.nullValue())))),
    { ok: false, error: { fault: 'bad-value' } },
    'CMP-212 pvno of 200 kB',
  );
  const extraCerts = Array.from({ length: maxExtraCerts + 1 }, () => Buffer.from('3000', 'hex'));
  t.equal(decodePkiMessage(encodePkiMessage({ header, body: { type: 'pkiconf' }, extraCerts })).ok, false, 'CMP-211');
  const fraction = der.explicit(0, der.primitive(0x18, Buffer.from('20261121100000.5Z')));
  const timed = encode(der.sequence(der.integer(2), header.sender.der, header.recipient.der, fraction));
  t.match(decodePkiMessage(encode(der.sequence(timed, der.explicit(19, der.nullValue())))), { ok: false, error: { fault: 'bad-value' } }, 'CMP-031');
  const unknown = encode(der.sequence(encodePkiHeader(header), der.explicit(27, der.nullValue())));
  t.match(decodePkiMessage(unknown), { ok: false, error: { fault: 'bad-tag' } }, 'a body of no known type');
});

t.test('any octet of a message may be turned without an exception', async (t) => {
  for (const name of ['ir-pbm-default-ir', 'kur-signed-kur', 'p10cr-signed-p10cr', 'ir-pbm-default-certconf', 'mock-ip', 'mock-error']) {
    const { bytes } = fixture(name);
    let read = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      for (const value of [0x00, 0x80, 0xff, (bytes[at] as number) ^ 0x01]) {
        const turned = Buffer.from(bytes);
        turned[at] = value;
        const message = decodePkiMessage(turned);
        if (message.ok && decodePkiBody(message.value).ok) read += 1;
      }
    }
    t.ok(read > 0, `${name}: some are still messages (turned salt, nonce, signature), and those were read`);
  }
});

t.test('a CertTemplate is read with the tags of its IMPLICIT module, Name and Time staying explicit', async (t) => {
  const key = newKey().signer.publicKey;
  const template = der.sequence(
    der.implicitPrimitive(0, Buffer.of(2)),
    der.implicitPrimitive(1, Buffer.of(1, 2)),
    der.constructed(0xa2, der.oid(oids.ecdsaWithSha256)),
    der.explicit(3, named('CA').der),
    der.constructed(
      0xa4,
      der.explicit(0, der.primitive(0x18, Buffer.from('20260101000000Z'))),
      der.explicit(1, der.primitive(0x17, Buffer.from('270101000000Z'))),
    ),
    der.explicit(5, named('d').der),
    der.retagged(0xa6, key.spki),
    der.implicitPrimitive(7, Buffer.of(0, 7)),
    der.implicitPrimitive(8, Buffer.of(4, 0xf0)),
    der.constructed(0xa9, der.sequence(der.oid(oids.keyUsage), der.octetString(Buffer.from('03020780', 'hex')))),
  );
  const bodyDer = encode(der.explicit(2, der.sequence(der.sequence(der.sequence(der.integer(0), template)))));
  const { body } = { body: decodePkiBody({ ...read(fixture('cr-signed-cr').bytes).message, bodyDer }) };
  if (!body.ok || !('messages' in body.value)) return t.fail('not read');
  const found = body.value.messages[0]?.certReq.certTemplate;
  t.match(found, { version: 2, serialNumber: Buffer.of(1, 2), signingAlg: { oid: oids.ecdsaWithSha256 } });
  t.match(found?.validity, { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2027-01-01T00:00:00Z') });
  t.ok(found?.publicKey?.equals(key.spki));
  t.ok(encode(encodePkiBody(body.value)).equals(bodyDer), 'and written again octet for octet, GeneralizedTime included');
  t.throws(() => new Cursor(encode(template)).enter(contextConstructed(5)));
});
