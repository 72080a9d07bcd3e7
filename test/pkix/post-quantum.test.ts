import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import {
  createMlDsaSigner,
  decapsulate,
  encapsulate,
  fromPem,
  mlDsaPairIn,
  mlDsaPrivateKey,
  parseCertificate,
  parsePublicKey,
  postQuantumKeys,
  postQuantumPair,
  signMlDsa,
  signSoon,
  verifyCertificate,
  verifyMlDsa,
  verifySignature,
} from '../../src/pkix/index.js';
import { libraryPostQuantum } from '../../src/pkix/post-quantum-library.js';
import { nativePostQuantum } from '../../src/pkix/post-quantum-native.js';
import { der, encode, oids } from '../../src/protocol/der/index.js';

function keyOf(oid: string, seed: Buffer, parameters?: Buffer) {
  const pair = postQuantumPair(oid, seed);
  const key = parsePublicKey(encode(der.sequence(der.sequence(der.oid(oid), parameters), der.bitString(pair.publicKey))));
  if (!key.ok) throw key.error;
  return { ...pair, key: key.value };
}

const counted = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, index) => index));

t.test('the keys of RFC 9881 appendix C and RFC 9935 appendix C come from their seeds', async (t) => {
  const digests: Readonly<Record<string, string>> = {
    'ML-DSA-44': '837832708c5236d951581f1fddf2b79991b3424a0486d16da1ddad0fd69701be',
    'ML-DSA-65': 'b8b62131bfbe84433efb2273d7f5b87f7a22854a2cfd366fc2aead86d837c52d',
    'ML-DSA-87': '07e57c4f14dbad1267f621ec3777b4e2e6c4fbc4c22fbb87510ff8e0b3c6a642',
    'ML-KEM-512': '0e3c8b89b54202d2545f7aba2e2aaa3cffa7b6191919ad738fab35b4f313cf71',
    'ML-KEM-768': 'c23e23dd3d485a9256cda09358a4a286e00b373db10761eadf99f710649ca31c',
    'ML-KEM-1024': 'd2b7480ae006a14b37c1e8a8e45ea39022e32a9b1a7b90d594c84d869c6ac420',
  };
  for (const [oid, { name, type, octets }] of Object.entries(postQuantumKeys)) {
    const { key } = keyOf(oid, counted(type === 'ml-dsa' ? 32 : 64));
    t.equal(createHash('sha256').update(key.spki).digest('hex'), digests[name], name);
    t.match(key, { name, type, isUsable: true });
    t.equal(key.bits.length, octets);
    t.equal(key.keyObject().ok, false, 'node:crypto does not know it');
  }
});

t.test('the private key of ML-DSA as RFC 9881 appendix C.1.1 writes its seed', async (t) => {
  const expected = `3034020100300b0609608648016503040311042280 20${counted(32).toString('hex')}`.replace(' ', '');
  const written = mlDsaPrivateKey(oids.mlDsa44, counted(32));
  t.equal(written.toString('hex'), expected);
  t.same(mlDsaPairIn(written), postQuantumPair(oids.mlDsa44, counted(32)));
  t.equal(mlDsaPairIn(mlDsaPrivateKey(oids.mlDsa44, counted(31))), undefined, 'a seed of another length');
  t.equal(mlDsaPairIn(mlDsaPrivateKey(oids.mlKem512, counted(32))), undefined, 'of another kind');
  t.equal(mlDsaPairIn(Buffer.from('3000', 'hex')), undefined);
});

const folder = `${process.env.VECTORS_DIR ?? '../shared/vectors'}/lamps`;

t.test('the certificates of RFC 9881 and RFC 9935 verify', { skip: !existsSync(folder) && 'no lamps in VECTORS_DIR' }, async (t) => {
  const read = (name: string) => {
    const [certificate] = fromPem('CERTIFICATE', readFileSync(`${folder}/${name}.crt`, 'latin1')).map(parseCertificate);
    if (!certificate?.ok) throw new Error(name);
    return certificate.value;
  };
  for (const [signer, subject] of [
    ['ML-DSA-44', 'ML-KEM-512'],
    ['ML-DSA-65', 'ML-KEM-768'],
    ['ML-DSA-87', 'ML-KEM-1024'],
  ] as const) {
    const ca = read(signer);
    t.ok(verifyCertificate(ca, ca.publicKey).ok, signer);
    t.ok(verifyCertificate(read(subject), ca.publicKey).ok, `${subject} by ${signer}`);
    t.notOk(verifyCertificate({ ...ca, tbs: Buffer.concat([ca.tbs, Buffer.of(0)]) }, ca.publicKey).ok);
  }
});

t.test('CMP-076 ML-DSA: one signature algorithm for one kind of key, without parameters', async (t) => {
  const data = randomBytes(64);
  const { key, secretKey } = keyOf(oids.mlDsa65, randomBytes(32));
  const signer = createMlDsaSigner(secretKey, key);
  const signature = signer.sign(data);
  const verdict = (algorithm: { oid: string; parameters?: Buffer }, given = key, value = signature) => {
    const verified = verifySignature(algorithm, given, data, value);
    return verified.ok ? 'ok' : verified.error;
  };
  t.equal(verdict(signer.algorithm), 'ok');
  t.equal(verdict({ oid: oids.mlDsa65, parameters: der.nullValue() }), 'algorithm-unknown', 'NULL');
  t.equal(verdict({ oid: oids.mlDsa44 }), 'algorithm-mismatch', 'of another set');
  t.equal(verdict({ oid: oids.ed25519 }), 'algorithm-mismatch');
  t.equal(verdict(signer.algorithm, keyOf(oids.mlDsa65, randomBytes(32)).key), 'signature-invalid');
  t.equal(verdict(signer.algorithm, keyOf(oids.mlDsa65, randomBytes(32), der.nullValue()).key), 'key-unusable', 'a key with parameters');
  t.equal(verdict(signer.algorithm, keyOf(oids.mlKem768, randomBytes(64)).key), 'algorithm-mismatch');
  t.equal(verdict(signer.algorithm, key, signature.subarray(1)), 'signature-invalid');
  t.equal(verifyMlDsa(oids.mlDsa65, key.bits.subarray(1), data, signature), false);
  t.equal(verifyMlDsa(oids.mlKem768, key.bits, data, signature), false);
  t.throws(() => signMlDsa(oids.mlKem768, secretKey, data), RangeError);
  t.throws(() => postQuantumPair(oids.ed25519, randomBytes(32)), RangeError);
});

/** The same demands on both: JavaScript everywhere, node:crypto where the runtime has the algorithms. */
const branches = [
  { name: 'JavaScript', operations: libraryPostQuantum },
  { name: 'the runtime', operations: nativePostQuantum() },
];

for (const { name, operations } of branches) {
  const skip = operations === undefined && `${process.version} has no ML-DSA and ML-KEM of its own`;
  t.test(`CMP-076 CMP-082 ML-DSA and ML-KEM of ${name} do what the other does`, { skip }, async (t) => {
    if (operations === undefined) return;
    const data = randomBytes(100);
    for (const oid of [oids.mlDsa44, oids.mlDsa65, oids.mlDsa87]) {
      const { publicKey, secretKey } = postQuantumPair(oid, counted(32));
      const signature = operations.signMlDsa(oid, secretKey, data);
      t.equal(libraryPostQuantum.verifyMlDsa(oid, publicKey, data, signature), true, oid);
      t.equal(operations.verifyMlDsa(oid, publicKey, data, libraryPostQuantum.signMlDsa(oid, secretKey, data)), true);
      t.equal(operations.verifyMlDsa(oid, publicKey, randomBytes(100), signature), false, 'other data');
      signature[100] = (signature[100] ?? 0) ^ 1;
      t.equal(operations.verifyMlDsa(oid, publicKey, data, signature), false, 'a broken signature');
      t.throws(() => operations.signMlDsa(oid, secretKey.subarray(1), data), 'a key of another length');
    }
    for (const oid of [oids.mlKem512, oids.mlKem768, oids.mlKem1024]) {
      const { publicKey, secretKey } = postQuantumPair(oid, counted(64));
      const made = operations.encapsulate(oid, publicKey);
      t.same(libraryPostQuantum.decapsulate(oid, secretKey, made.cipherText), made.sharedSecret, oid);
      const { cipherText, sharedSecret } = encapsulate(oid, publicKey, counted(32));
      t.same(operations.decapsulate(oid, secretKey, cipherText), sharedSecret);
      cipherText[0] = (cipherText[0] ?? 0) ^ 1;
      t.same(operations.decapsulate(oid, secretKey, cipherText), libraryPostQuantum.decapsulate(oid, secretKey, cipherText), 'the same wrong secret');
      t.throws(() => operations.decapsulate(oid, secretKey, cipherText.subarray(1)), 'a cipher text of another length');
      t.throws(() => operations.encapsulate(oid, Buffer.concat([Buffer.alloc(3, 0xff), publicKey.subarray(3)])), 'a coefficient that is not reduced');
    }
  });
}

t.test('CMP-203 ML-DSA signs on another thread where the runtime has no quick one', async (t) => {
  const { key, secretKey } = keyOf(oids.mlDsa87, randomBytes(32));
  const signer = createMlDsaSigner(secretKey, key);
  t.equal(signer.signLater === undefined, nativePostQuantum() !== undefined);
  const data = randomBytes(64);
  let turns = 0;
  const soon = signSoon(signer, data);
  const counting = setInterval(() => {
    turns += 1;
  }, 1);
  const signature = await soon;
  clearInterval(counting);
  t.ok(verifySignature(signer.algorithm, key, data, signature).ok);
  if (signer.signLater === undefined) return;
  t.ok(turns > 0, 'the event loop went on meanwhile');
  const broken = createMlDsaSigner(secretKey.subarray(1), key);
  await t.rejects(async () => signSoon(broken, data), /does not sign/);
  const many = Array.from({ length: 80 }, () => signer.signLater?.(data).catch((error: Error) => error.name));
  const answers = await Promise.all(many);
  t.equal(answers.filter((item) => item === 'Busy').length, 16, 'and no more than 64 wait');
});

t.test('ML-KEM: the holder of the key gets the secret; a broken cipher text gives another', async (t) => {
  for (const oid of [oids.mlKem512, oids.mlKem768, oids.mlKem1024]) {
    const { key, secretKey } = keyOf(oid, randomBytes(64));
    const { cipherText, sharedSecret } = encapsulate(oid, key.bits);
    t.same(decapsulate(oid, secretKey, cipherText), sharedSecret);
    t.notSame(encapsulate(oid, key.bits).sharedSecret, sharedSecret, 'CMP-082 fresh every time');
    cipherText[0] = (cipherText[0] ?? 0) ^ 1;
    t.notSame(decapsulate(oid, secretKey, cipherText), sharedSecret);
    const bits = Buffer.from(key.bits);
    bits.fill(0xff, 0, 3);
    const broken = parsePublicKey(encode(der.sequence(der.sequence(der.oid(oid)), der.bitString(bits))));
    t.equal(broken.ok && broken.value.isUsable, false, 'a coefficient that is not reduced');
    const short = parsePublicKey(encode(der.sequence(der.sequence(der.oid(oid)), der.bitString(bits.subarray(1)))));
    t.equal(short.ok && short.value.isUsable, false, 'another length');
  }
  t.throws(() => encapsulate(oids.mlDsa44, randomBytes(10)), RangeError);
  t.throws(() => decapsulate(oids.mlDsa44, randomBytes(10), randomBytes(10)), RangeError);
});
