import { constants, createECDH, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  type AlgorithmIdentifier,
  algorithmIdentifier,
  createSigner,
  digestOf,
  type PublicKey,
  parsePublicKey,
  publicKeyOf,
  readPssParameters,
  readPublicKey,
  verifyDigestSignature,
  verifySignature,
} from '../../src/pkix/index.js';
import { Cursor, der, type Element, encode, oids } from '../../src/protocol/der/index.js';

const root = join(import.meta.dirname, '../..');
const vectors = join(process.env.VECTORS_DIR ?? join(root, '../shared/vectors'), 'wycheproof');

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly msg: string;
  readonly sig: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
}
interface VectorFile {
  readonly testGroups: readonly { readonly publicKeyDer: string; readonly tests: readonly Vector[] }[];
}

function publicKey(spki: Buffer): PublicKey {
  const parsed = parsePublicKey(spki);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

function pss(digest: string, maskDigest: string, saltLength: number, ...more: Element[]): AlgorithmIdentifier {
  const hash = algorithmIdentifier({ oid: digest });
  const mask = algorithmIdentifier({ oid: oids.mgf1, parameters: encode(algorithmIdentifier({ oid: maskDigest })) });
  const parameters = der.sequence(der.explicit(0, hash), der.explicit(1, mask), der.explicit(2, der.integer(saltLength)), ...more);
  return { oid: oids.rsassaPss, parameters: encode(parameters) };
}

const suites: readonly (readonly [file: string, algorithm: AlgorithmIdentifier])[] = [
  ['rsa_signature_2048_sha256_test.json', { oid: oids.sha256WithRsa, parameters: der.nullValue() }],
  ['rsa_pss_2048_sha256_mgf1_32_test.json', pss(oids.sha256, oids.sha256, 32)],
  ['ecdsa_secp256r1_sha256_test.json', { oid: oids.ecdsaWithSha256 }],
  ['ecdsa_secp384r1_sha384_test.json', { oid: oids.ecdsaWithSha384 }],
  ['ed25519_test.json', { oid: oids.ed25519 }],
];

t.test('verifies what Wycheproof calls valid and refuses what it calls invalid', async (t) => {
  if (!existsSync(vectors)) {
    t.comment(`There are no vectors in ${vectors}: set VECTORS_DIR to the folder that holds wycheproof/.`);
    return;
  }
  for (const [file, algorithm] of suites) {
    const { testGroups } = JSON.parse(readFileSync(join(vectors, file), 'utf8')) as VectorFile;
    const wrong: string[] = [];
    let count = 0;
    for (const group of testGroups) {
      const key = publicKey(Buffer.from(group.publicKeyDer, 'hex'));
      for (const vector of group.tests) {
        count += 1;
        if (vector.result === 'acceptable') continue;
        const verdict = verifySignature(algorithm, key, Buffer.from(vector.msg, 'hex'), Buffer.from(vector.sig, 'hex'));
        if (verdict.ok !== (vector.result === 'valid')) wrong.push(`${vector.tcId}: ${vector.comment}`);
      }
    }
    t.same(wrong, [], `${file}: ${count} vectors`);
    t.ok(count > 100, `${file} is not empty`);
  }
});

const data = Buffer.from('bytes as received');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsaKey = publicKeyOf(rsa.privateKey);
const ecKey = publicKeyOf(ec.privateKey);

t.test('refuses an ECDSA signature in BER, though its numbers are right', async (t) => {
  const signature = createSigner(ec.privateKey, ecKey).sign(data);
  const fields = new Cursor(signature).sequence();
  const [r, s] = [fields.integer(), fields.integer()] as const;
  const algorithm = { oid: oids.ecdsaWithSha256 };
  const verdict = (bytes: Buffer) => verifySignature(algorithm, ecKey, data, bytes).ok;
  const inside = Buffer.concat([der.integerContent(r), der.integerContent(s)]);
  t.equal(verdict(Buffer.concat([Buffer.of(0x30, inside.length), inside])), true);
  t.equal(verdict(Buffer.concat([Buffer.of(0x30, 0x81, inside.length), inside])), false, 'long length');
  t.equal(verdict(Buffer.concat([Buffer.of(0x30, 0x80), inside, Buffer.alloc(2)])), false, 'indefinite length');
  t.equal(verdict(encode(der.sequence(der.integerContent(Buffer.concat([Buffer.of(0), r])), der.integerContent(s)))), false, 'padded r');
  t.equal(verdict(Buffer.concat([signature, Buffer.of(0)])), false, 'trailing byte');
});

t.test('SCEP-055 an algorithm must be known, strong enough to be looked at, and fit the key', async (t) => {
  const verdict = (algorithm: AlgorithmIdentifier, key: PublicKey) => {
    const result = verifySignature(algorithm, key, data, Buffer.alloc(256));
    return result.ok ? 'verified' : result.error;
  };
  t.equal(verdict({ oid: oids.md5WithRsa }, rsaKey), 'algorithm-unknown', 'MD5 is never verified');
  t.equal(verdict({ oid: '1.2.3' }, rsaKey), 'algorithm-unknown');
  t.equal(verdict({ oid: oids.sha256WithRsa, parameters: Buffer.from('3000', 'hex') }, rsaKey), 'algorithm-unknown', 'parameters where there are none');
  t.equal(verdict({ oid: oids.sha256WithRsa }, ecKey), 'algorithm-mismatch');
  t.equal(verdict({ oid: oids.ecdsaWithSha256 }, rsaKey), 'algorithm-mismatch');
  t.equal(verdict({ oid: oids.ed25519 }, ecKey), 'algorithm-mismatch');
  t.equal(verdict({ oid: oids.sha256WithRsa }, rsaKey), 'signature-invalid', 'absent NULL is tolerated');
  t.equal(verdict({ oid: oids.rsassaPss }, rsaKey), 'algorithm-unknown', 'PSS without parameters');
  const signature = sign('sha384', data, rsa.privateKey);
  t.equal(verifyDigestSignature('sha384', rsaKey, data, signature).ok, true);
  t.equal(verifyDigestSignature('sha256', rsaKey, data, signature).ok, false);
  t.same(verifyDigestSignature('sha256', publicKeyOf(generateKeyPairSync('ed25519').publicKey), data, signature), { ok: false, error: 'algorithm-mismatch' });
});

t.test('RFC 4055 section 3.1: PSS parameters are read whole, one digest for both uses', async (t) => {
  const read = (algorithm: AlgorithmIdentifier) => {
    const result = readPssParameters(algorithm);
    return result.ok ? result.value : result.error;
  };
  const only = (...fields: Element[]): AlgorithmIdentifier => ({ oid: oids.rsassaPss, parameters: encode(der.sequence(...fields)) });
  t.same(read(pss(oids.sha256, oids.sha256, 32)), { digest: 'sha256', saltLength: 32 });
  t.same(read(only()), { digest: 'sha1', saltLength: 20 }, 'all defaults');
  t.equal(digestOf(only()), 'sha1');
  t.equal(digestOf(pss(oids.sha512, oids.sha512, 0)), 'sha512');
  const sha256 = algorithmIdentifier({ oid: oids.sha256 });
  for (const [what, algorithm] of [
    ['another mask digest', pss(oids.sha256, oids.sha1, 32)],
    ['an unknown digest', pss(oids.md5, oids.md5, 16)],
    ['a salt longer than the digest', pss(oids.sha256, oids.sha256, 33)],
    ['a negative salt', pss(oids.sha256, oids.sha256, -1)],
    ['another trailer', pss(oids.sha256, oids.sha256, 32, der.explicit(3, der.integer(2)))],
    ['a fifth field', pss(oids.sha256, oids.sha256, 32, der.explicit(4, der.integer(2)))],
    ['two digests', only(der.explicit(0, sha256, sha256))],
    ['no mask parameters', only(der.explicit(1, algorithmIdentifier({ oid: oids.mgf1 })))],
    ['another mask', only(der.explicit(1, algorithmIdentifier({ oid: oids.sha1, parameters: encode(sha256) })))],
    ['no sequence', { oid: oids.rsassaPss, parameters: der.nullValue() }],
  ] as const) {
    t.equal(read(algorithm), 'algorithm-unknown', what);
  }
  const signature = sign('sha256', data, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 20 });
  t.equal(verifySignature(pss(oids.sha256, oids.sha256, 20), rsaKey, data, signature).ok, true);
  t.equal(verifySignature(pss(oids.sha256, oids.sha256, 32), rsaKey, data, signature).ok, false, 'the salt length counts');
});

function rsaSpki(modulus: bigint, exponent: bigint, parameters: Buffer | undefined = der.nullValue()): Buffer {
  const number = (value: bigint) => {
    const hex = value.toString(16);
    return der.unsignedInteger(Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex'));
  };
  const algorithm = parameters === undefined ? { oid: oids.rsaEncryption } : { oid: oids.rsaEncryption, parameters };
  return encode(der.sequence(algorithmIdentifier(algorithm), der.bitString(encode(der.sequence(number(modulus), number(exponent))))));
}

t.test('an RSA key is used only with an odd modulus and a sound exponent', async (t) => {
  const modulus = BigInt(`0x${Buffer.from((rsa.publicKey.export({ format: 'jwk' }).n ?? '') as string, 'base64url').toString('hex')}`);
  const usable = (spki: Buffer) => publicKey(spki).keyObject().ok;
  t.equal(usable(rsaSpki(modulus, 65537n)), true);
  t.equal(usable(rsaSpki(modulus, 3n)), true);
  t.equal(usable(rsaSpki(modulus, (1n << 64n) - 1n)), true);
  t.equal(usable(rsaSpki(modulus, 1n)), false, 'e = 1');
  t.equal(usable(rsaSpki(modulus, 65536n)), false, 'even exponent');
  t.equal(usable(rsaSpki(modulus - 1n, 65537n)), false, 'even modulus');
  t.equal(usable(rsaSpki(modulus, (1n << 64n) + 1n)), false, 'exponent over 64 bits');
  t.equal(usable(rsaSpki((1n << 16384n) + 1n, 65537n)), false, 'modulus over 16384 bits');
  t.equal(usable(rsaSpki(modulus, 65537n, Buffer.from('3000', 'hex'))), false, 'parameters');
  t.equal(publicKey(rsaSpki(modulus - 1n, 65537n)).isRsaModulusOdd, false);
  t.equal(publicKey(rsaSpki(modulus, 65537n)).rsaExponent, 65537);
  t.equal(publicKey(rsaSpki(modulus, 0xffffffffn)).rsaExponent, 0xffffffff);
  t.equal(publicKey(rsaSpki(modulus, 0x1ffffffffn)).rsaExponent, undefined, 'over 32 bits');
  t.equal(publicKey(rsaSpki((1n << 1023n) + 1n, 3n)).size, 1024);
  t.equal(publicKey(rsaSpki((1n << 1024n) + 1n, 3n)).size, 1025);
});

t.test('RSA numbers that are zero, negative or followed by something are malformed', async (t) => {
  const fault = (...numbers: Element[]) => {
    const bits = encode(der.sequence(...numbers));
    const parsed = parsePublicKey(encode(der.sequence(algorithmIdentifier({ oid: oids.rsaEncryption, parameters: der.nullValue() }), der.bitString(bits))));
    return parsed.ok ? undefined : parsed.error.fault;
  };
  t.equal(fault(der.integer(77), der.integer(3)), undefined);
  t.equal(fault(der.integer(0), der.integer(3)), 'bad-value');
  t.equal(fault(der.integer(-77), der.integer(3)), 'bad-value');
  t.equal(fault(der.integer(77), der.integer(0)), 'bad-value');
  t.equal(fault(der.integer(77), der.integer(-3)), 'bad-value');
  t.equal(fault(der.integer(77)), 'truncated');
  t.equal(fault(der.integer(77), der.integer(3), der.integer(1)), 'trailing');
});

t.test('an EC key is used only when its point is on its curve, in a form RFC 5480 knows', async (t) => {
  const ecSpki = (point: Buffer, curve: Buffer = der.oid(oids.p256)) =>
    encode(der.sequence(algorithmIdentifier({ oid: oids.ecPublicKey, parameters: curve }), der.bitString(point)));
  const usable = (spki: Buffer) => publicKey(spki).keyObject().ok;
  const ecdh = createECDH('prime256v1');
  const point = ecdh.generateKeys();
  const offCurve = Buffer.from(point);
  offCurve[64] = (offCurve[64] as number) ^ 1;
  t.equal(usable(ecSpki(point)), true);
  t.equal(usable(ecSpki(ecdh.getPublicKey(null, 'compressed'))), true, 'compressed');
  t.equal(usable(ecSpki(ecdh.getPublicKey(null, 'hybrid'))), false, 'hybrid');
  t.equal(usable(ecSpki(offCurve)), false, 'not on the curve');
  t.equal(usable(ecSpki(Buffer.concat([Buffer.of(2), Buffer.alloc(32, 0xff)]))), false, 'compressed with x past the field');
  t.equal(usable(ecSpki(Buffer.of(0))), false, 'infinity');
  t.equal(usable(ecSpki(Buffer.alloc(0))), false, 'nothing');
  t.equal(usable(ecSpki(Buffer.concat([Buffer.of(4), Buffer.alloc(64)]))), false, '(0, 0)');
  t.equal(usable(ecSpki(point.subarray(0, 64))), false, 'cut');
  t.equal(usable(ecSpki(Buffer.concat([Buffer.of(4, 0), point.subarray(1, 33), Buffer.of(0), point.subarray(33)]))), false, 'padded coordinates');
  t.equal(usable(ecSpki(point, der.oid(oids.p384))), false, 'of another curve');
  const file = (name: string) => readFileSync(join(root, 'fixtures/pkix', name));
  t.equal(usable(file('ec-p256-compressed.spki.der')), true);
  t.equal(usable(file('ec-p256-hybrid.spki.der')), false);
  t.equal(usable(file('ec-p256-explicit.spki.der')), false, 'explicit parameters (RFC 5480: "specifiedCurve ... MUST NOT be used")');
  t.equal(usable(file('ec-secp256k1.spki.der')), false, 'a curve that is not ours');
  t.equal(publicKey(file('ec-secp256k1.spki.der')).name, 'EC-unknown');
  const bare = encode(der.sequence(algorithmIdentifier({ oid: oids.ecPublicKey }), der.bitString(point)));
  t.equal(parsePublicKey(bare).ok, false, 'no curve named');
});

t.test('a compressed and an uncompressed key verify the same signature', async (t) => {
  const signature = createSigner(ec.privateKey, ecKey).sign(data);
  const point = ecKey.bits;
  const compressed = Buffer.concat([Buffer.of(2 + ((point[64] as number) & 1)), point.subarray(1, 33)]);
  const spki = encode(der.sequence(algorithmIdentifier(ecKey.algorithm), der.bitString(compressed)));
  t.equal(verifySignature({ oid: oids.ecdsaWithSha256 }, publicKey(spki), data, signature).ok, true);
});

t.test('keys are named, sized and recognised', async (t) => {
  for (const [key, name, size] of [
    [rsaKey, 'RSA-2048', 2048],
    [ecKey, 'EC-P-256', 256],
    [publicKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey), 'EC-P-521', 521],
    [publicKeyOf(generateKeyPairSync('ed25519').publicKey), 'Ed25519', 0],
    [publicKeyOf(generateKeyPairSync('ed448').publicKey), 'Ed448', 0],
    [publicKeyOf(generateKeyPairSync('x25519').publicKey), oids.x25519, 0],
  ] as const) {
    t.equal(key.name, name);
    t.equal(key.size, size);
    t.equal(key.keyObject().ok, true);
    t.equal(key.fingerprint.length, 32);
    t.equal(key.keyIdentifier.length, 20);
  }
  const tagged = der.retagged(0xa6, ecKey.spki);
  t.same(readPublicKey(new Cursor(tagged), 0xa6).spki, ecKey.spki, 'an implicit tag is put back to SEQUENCE');
  t.throws(() => createSigner(generateKeyPairSync('x25519').privateKey, publicKeyOf(generateKeyPairSync('x25519').publicKey)), /No signature algorithm/);
});
