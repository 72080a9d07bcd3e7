import { constants, createPrivateKey, createPublicKey, type KeyObject, publicEncrypt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { generateEcKey, generateRsaKey } from '../../../src/device-client/scep.js';
import type { Digest } from '../../../src/pkix/index.js';
import { createKeyUnwrapper, decryptContent, encryptContent, hasImplicitRejection, unwrapOaep } from '../../../src/protocol/cms/index.js';

const vectorsDir = process.env.VECTORS_DIR ?? '../shared/vectors';

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly msg: string;
  readonly ct: string;
  readonly label?: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
}
interface Group {
  readonly privateKeyPkcs8: string;
  readonly sha?: string;
  readonly mgfSha?: string;
  readonly tests: readonly Vector[];
}

function groups(file: string): readonly Group[] | undefined {
  const path = join(vectorsDir, 'wycheproof', file);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { testGroups: readonly Group[] }).testGroups : undefined;
}

const digests: Readonly<Record<string, Digest>> = { 'SHA-1': 'sha1', 'SHA-256': 'sha256' };
const hex = (text: string) => Buffer.from(text, 'hex');
const importKey = (group: Group): KeyObject => createPrivateKey({ key: hex(group.privateKeyPkcs8), format: 'der', type: 'pkcs8' });

for (const bits of [2048, 3072, 4096]) {
  const found = groups(`rsa_pkcs1_${bits}_test.json`);
  t.test(
    `SCEP-085 Wycheproof PKCS#1 v1.5 ${bits}: the valid unwrap, the invalid give the same other key each time`,
    { skip: found === undefined && 'no vectors in VECTORS_DIR' },
    async (t) => {
      let count = 0;
      for (const group of found ?? []) {
        const unwrapper = createKeyUnwrapper(importKey(group));
        for (const vector of group.tests) {
          const message = hex(vector.msg);
          const unwrapped = unwrapper.pkcs1(hex(vector.ct), message.length);
          count += 1;
          if (vector.result === 'valid') {
            t.same(unwrapped, message, `${vector.tcId} ${vector.comment}`);
            continue;
          }
          t.equal(unwrapped.length, message.length, `${vector.tcId} ${vector.comment}: length`);
          t.notSame(unwrapped, message, `${vector.tcId} ${vector.comment}: another key`);
          t.same(unwrapper.pkcs1(hex(vector.ct), message.length), unwrapped, `${vector.tcId} ${vector.comment}: the same twice`);
        }
      }
      t.equal(count, 67);
    },
  );
}

for (const mask of ['sha1', 'sha256']) {
  const found = groups(`rsa_oaep_2048_sha256_mgf1${mask}_test.json`);
  t.test(`SCEP-086 Wycheproof OAEP SHA-256 with MGF1 ${mask}`, { skip: found === undefined && 'no vectors in VECTORS_DIR' }, async (t) => {
    for (const group of found ?? []) {
      const unwrapper = createKeyUnwrapper(importKey(group));
      const digest = digests[group.sha ?? ''] ?? 'sha256';
      const maskDigest = digests[group.mgfSha ?? ''] ?? 'sha1';
      for (const vector of group.tests) {
        const message = hex(vector.msg);
        const unwrapped = unwrapOaep(unwrapper, { digest, maskDigest, label: hex(vector.label ?? '') }, hex(vector.ct), message.length);
        if (vector.result === 'valid') t.same(unwrapped, message, `${vector.tcId} ${vector.comment}`);
        else if (message.length > 0) t.notSame(unwrapped, message, `${vector.tcId} ${vector.comment}`);
      }
    }
  });
}

t.test('SCEP-085 AB-09 bad paddings of every kind give a stable key of the expected length and never throw', async (t) => {
  const { privateKey } = generateRsaKey();
  const publicKey = createPublicKey(privateKey);
  const unwrapper = createKeyUnwrapper(privateKey);
  const size = 256;
  const block = (edit: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.alloc(size, 0xaa);
    bytes[0] = 0;
    bytes[1] = 2;
    bytes[size - 17] = 0;
    edit(bytes);
    return publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, bytes);
  };
  const right = block(() => {});
  t.same(unwrapper.pkcs1(right, 16), Buffer.alloc(16, 0xaa), 'the right block');
  const wrong: Record<string, Buffer> = {
    'block type 1': block((bytes) => bytes.fill(1, 1, 2)),
    'first octet not zero': block((bytes) => bytes.fill(1, 0, 1)),
    'zero within the padding string': block((bytes) => bytes.fill(0, 20, 21)),
    'no separator': block((bytes) => bytes.fill(7, size - 17, size - 16)),
    'separator one octet early': block((bytes) => bytes.fill(0, size - 18, size - 17)),
    'a key of 24 octets': publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, Buffer.alloc(24, 1)),
    'too short': right.subarray(1),
    'too long': Buffer.concat([right, Buffer.of(0)]),
    'above the modulus': Buffer.alloc(size, 0xff),
    nothing: Buffer.alloc(0),
  };
  const seen = new Set<string>();
  for (const [what, encrypted] of Object.entries(wrong)) {
    const key = unwrapper.pkcs1(encrypted, 16);
    t.equal(key.length, 16, what);
    t.same(unwrapper.pkcs1(encrypted, 16), key, `${what}: the same twice`);
    seen.add(key.toString('hex'));
  }
  t.equal(seen.size, Object.keys(wrong).length, 'another key for each ciphertext');
  t.notSame(
    createKeyUnwrapper(generateRsaKey().privateKey).pkcs1(Buffer.alloc(0), 16),
    unwrapper.pkcs1(Buffer.alloc(0), 16),
    'another key for each private key',
  );
  t.same(unwrapOaep(unwrapper, { digest: 'sha256', maskDigest: 'sha256', label: Buffer.alloc(0) }, right, 16).length, 16, 'OAEP of a PKCS#1 block');
});

interface CbcGroup {
  readonly keySize: number;
  readonly tests: readonly {
    readonly tcId: number;
    readonly comment: string;
    readonly key: string;
    readonly iv: string;
    readonly msg: string;
    readonly ct: string;
    readonly result: string;
  }[];
}
const cbc = groups('aes_cbc_pkcs5_test.json') as unknown as readonly CbcGroup[] | undefined;

t.test(
  'SCEP-080 SCEP-081 SCEP-087 Wycheproof AES-CBC: the valid decrypt, every wrong padding is seen',
  { skip: cbc === undefined && 'no vectors in VECTORS_DIR' },
  async (t) => {
    const ciphers = { 128: 'aes128-cbc', 192: 'aes192-cbc', 256: 'aes256-cbc' } as const;
    for (const group of cbc ?? []) {
      const cipher = ciphers[group.keySize as 128];
      for (const vector of group.tests) {
        const iv = hex(vector.iv);
        const opened = decryptContent({ cipher, iv }, hex(vector.key), hex(vector.ct));
        t.equal(opened.isPadded, vector.result === 'valid', `${group.keySize} ${vector.tcId} ${vector.comment}`);
        if (vector.result === 'valid') {
          t.same(opened.content, hex(vector.msg));
          t.same(encryptContent({ cipher, iv }, hex(vector.key), hex(vector.msg)), hex(vector.ct));
        }
      }
    }
  },
);

t.test('uses the native padding only where a probe proves implicit rejection', async (t) => {
  const { privateKey } = generateRsaKey();
  let throws = false;
  try {
    const { privateDecrypt } = await import('node:crypto');
    privateDecrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_PADDING },
      publicEncrypt({ key: createPublicKey(privateKey), padding: constants.RSA_PKCS1_PADDING }, Buffer.alloc(16)),
    );
  } catch {
    throws = true;
  }
  if (throws) t.equal(hasImplicitRejection(privateKey), false, 'this runtime refuses the padding');
  t.throws(() => createKeyUnwrapper(generateEcKey().privateKey), { message: 'Only RSA private keys unwrap content keys.' });
});
