import { constants, type KeyObject, sign, verify } from 'node:crypto';
import { Cursor, DerError, der, encode, guarded, oids } from '../protocol/der/index.js';
import type { Eventually } from '../runtime/eventually.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { type AlgorithmIdentifier, hasNoParameters, readAlgorithmIdentifier } from './algorithm.js';
import { mlDsaLater, signMlDsa, verifyMlDsa } from './post-quantum.js';
import type { KeyType, PublicKey } from './public-key.js';

export type Digest = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';
export type SignatureDigest = Digest | 'md5' | 'none';

interface SignatureAlgorithm {
  readonly name: string;
  readonly key: KeyType;
  readonly digest: SignatureDigest;
}

const nullParameters = encode(der.nullValue());

/** Signature algorithms by OID. MD5 is listed so that it can be refused by name. */
export const signatureAlgorithms: Readonly<Record<string, SignatureAlgorithm>> = {
  [oids.md5WithRsa]: { name: 'md5WithRSAEncryption', key: 'rsa', digest: 'md5' },
  [oids.sha1WithRsa]: { name: 'sha1WithRSAEncryption', key: 'rsa', digest: 'sha1' },
  [oids.sha224WithRsa]: { name: 'sha224WithRSAEncryption', key: 'rsa', digest: 'sha224' },
  [oids.sha256WithRsa]: { name: 'sha256WithRSAEncryption', key: 'rsa', digest: 'sha256' },
  [oids.sha384WithRsa]: { name: 'sha384WithRSAEncryption', key: 'rsa', digest: 'sha384' },
  [oids.sha512WithRsa]: { name: 'sha512WithRSAEncryption', key: 'rsa', digest: 'sha512' },
  [oids.rsassaPss]: { name: 'RSASSA-PSS', key: 'rsa', digest: 'none' },
  [oids.ecdsaWithSha1]: { name: 'ecdsa-with-SHA1', key: 'ec', digest: 'sha1' },
  [oids.ecdsaWithSha224]: { name: 'ecdsa-with-SHA224', key: 'ec', digest: 'sha224' },
  [oids.ecdsaWithSha256]: { name: 'ecdsa-with-SHA256', key: 'ec', digest: 'sha256' },
  [oids.ecdsaWithSha384]: { name: 'ecdsa-with-SHA384', key: 'ec', digest: 'sha384' },
  [oids.ecdsaWithSha512]: { name: 'ecdsa-with-SHA512', key: 'ec', digest: 'sha512' },
  [oids.ed25519]: { name: 'Ed25519', key: 'ed25519', digest: 'none' },
  [oids.ed448]: { name: 'Ed448', key: 'ed448', digest: 'none' },
  [oids.mlDsa44]: { name: 'ML-DSA-44', key: 'ml-dsa', digest: 'none' },
  [oids.mlDsa65]: { name: 'ML-DSA-65', key: 'ml-dsa', digest: 'none' },
  [oids.mlDsa87]: { name: 'ML-DSA-87', key: 'ml-dsa', digest: 'none' },
};

export const digestOids: Readonly<Record<string, Digest>> = {
  [oids.sha1]: 'sha1',
  [oids.sha224]: 'sha224',
  [oids.sha256]: 'sha256',
  [oids.sha384]: 'sha384',
  [oids.sha512]: 'sha512',
};

const digestLengths: Record<Digest, number> = { sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 };

/** The OID of a digest. */
export function oidOfDigest(digest: Digest): string {
  return oids[digest];
}

export type SignatureFault = 'algorithm-unknown' | 'algorithm-mismatch' | 'key-unusable' | 'signature-invalid';

/** RFC 4055 section 3.1
 *  RSASSA-PSS-params ::= SEQUENCE {
 *    hashAlgorithm     [0] HashAlgorithm     DEFAULT sha1Identifier,
 *    maskGenAlgorithm  [1] MaskGenAlgorithm  DEFAULT mgf1SHA1Identifier,
 *    saltLength        [2] INTEGER           DEFAULT 20,
 *    trailerField      [3] INTEGER           DEFAULT 1 } */
export interface PssParameters {
  readonly digest: Digest;
  readonly saltLength: number;
}

/** PSS parameters whose mask uses the same digest as the message; anything else is `algorithm-unknown`. */
export function readPssParameters(algorithm: AlgorithmIdentifier): Result<PssParameters, 'algorithm-unknown'> {
  if (algorithm.parameters === undefined) return fail('algorithm-unknown');
  const read = guarded(() => {
    const fields = new Cursor(algorithm.parameters as Buffer).sequence();
    const digest = optional(fields, 0, readDigest) ?? 'sha1';
    const maskDigest = optional(fields, 1, readMaskDigest) ?? 'sha1';
    const saltLength = optional(fields, 2, (field) => field.smallInteger()) ?? 20;
    const trailer = optional(fields, 3, (field) => field.smallInteger()) ?? 1;
    fields.end();
    return { digest, maskDigest, saltLength, trailer };
  });
  if (!read.ok) return fail('algorithm-unknown');
  const { digest, maskDigest, saltLength, trailer } = read.value;
  const isKnown = maskDigest === digest && trailer === 1 && saltLength >= 0 && saltLength <= digestLengths[digest];
  return isKnown ? ok({ digest, saltLength }) : fail('algorithm-unknown');
}

function optional<T>(fields: Cursor, n: number, read: (field: Cursor) => T): T | undefined {
  const field = fields.explicit(n);
  if (field === undefined) return undefined;
  const value = read(field);
  field.end();
  return value;
}

function readDigest(field: Cursor): Digest {
  const algorithm = readAlgorithmIdentifier(field);
  const digest = digestOids[algorithm.oid];
  if (digest === undefined || !hasNoParameters(algorithm)) throw new DerError('bad-value', field.position, 'HashAlgorithm.');
  return digest;
}

/** MaskGenAlgorithm is MGF1, whose parameters are the digest it uses (RFC 4055 section 2.2). */
function readMaskDigest(field: Cursor): Digest {
  const mask = readAlgorithmIdentifier(field);
  if (mask.oid !== oids.mgf1 || mask.parameters === undefined) throw new DerError('bad-value', field.position, 'MaskGenAlgorithm.');
  return readDigest(new Cursor(mask.parameters));
}

/** The digest a signature algorithm uses, PSS looked into; `none` for EdDSA, undefined when unknown. */
export function digestOf(algorithm: AlgorithmIdentifier): SignatureDigest | undefined {
  if (algorithm.oid === oids.rsassaPss) {
    const pss = readPssParameters(algorithm);
    return pss.ok ? pss.value.digest : undefined;
  }
  return signatureAlgorithms[algorithm.oid]?.digest;
}

/**
 * Verifies `signature` over `data` (the bytes as received). The algorithm must fit the key's type; MD5 is never verified.
 * `algorithm-mismatch`: an RSA algorithm with an EC key and the like.
 */
export function verifySignature(algorithm: AlgorithmIdentifier, key: PublicKey, data: Buffer, signature: Buffer): Result<true, SignatureFault> {
  const known = signatureAlgorithms[algorithm.oid];
  if (known === undefined || known.digest === 'md5') return fail('algorithm-unknown');
  if (algorithm.oid !== oids.rsassaPss && !hasNoParameters(algorithm)) return fail('algorithm-unknown');
  if (known.key !== key.type) return fail('algorithm-mismatch');
  if (known.key === 'ml-dsa') return verifyPostQuantum(algorithm, key, data, signature);
  const keyObject = key.keyObject();
  if (!keyObject.ok) return keyObject;
  if (algorithm.oid === oids.rsassaPss) {
    const pss = readPssParameters(algorithm);
    if (!pss.ok) return pss;
    const padding = { key: keyObject.value, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: pss.value.saltLength };
    return verify(pss.value.digest, data, padding, signature) ? ok(true) : fail('signature-invalid');
  }
  const digest = known.digest === 'none' ? null : known.digest;
  return verify(digest, data, keyObject.value, signature) ? ok(true) : fail('signature-invalid');
}

/** RFC 9881 section 3: "The parameters ... MUST be absent"; key and signature name the same set. */
function verifyPostQuantum(algorithm: AlgorithmIdentifier, key: PublicKey, data: Buffer, signature: Buffer): Result<true, SignatureFault> {
  if (algorithm.parameters !== undefined) return fail('algorithm-unknown');
  if (algorithm.oid !== key.algorithm.oid) return fail('algorithm-mismatch');
  if (!key.isUsable) return fail('key-unusable');
  return verifyMlDsa(algorithm.oid, key.bits, data, signature) ? ok(true) : fail('signature-invalid');
}

/** As `verifySignature` for CMS signers that name only `rsaEncryption` and a digest beside it (RFC 5652 section 10.1.2). */
export function verifyDigestSignature(digest: Digest, key: PublicKey, data: Buffer, signature: Buffer): Result<true, SignatureFault> {
  if (key.type !== 'rsa' && key.type !== 'ec') return fail('algorithm-mismatch');
  const keyObject = key.keyObject();
  if (!keyObject.ok) return keyObject;
  return verify(digest, data, keyObject.value, signature) ? ok(true) : fail('signature-invalid');
}

/** A private key with the signature algorithm it signs with; `sign` takes the bytes to sign and returns the signature. */
export interface Signer {
  readonly algorithm: AlgorithmIdentifier;
  readonly publicKey: PublicKey;
  sign(data: Buffer): Buffer;
  /** The same on another thread, where `sign` would hold the event loop for long. Rejects with `Busy` when too many wait. */
  signLater?(data: Buffer): Promise<Buffer>;
}

/** A signature without holding the event loop: at once by most keys. */
export function signSoon(signer: Signer, data: Buffer): Eventually<Buffer> {
  return signer.signLater?.(data) ?? signer.sign(data);
}

const rsaOids: Record<Digest, string> = {
  sha1: oids.sha1WithRsa,
  sha224: oids.sha224WithRsa,
  sha256: oids.sha256WithRsa,
  sha384: oids.sha384WithRsa,
  sha512: oids.sha512WithRsa,
};
const ecdsaOids: Record<Digest, string> = {
  sha1: oids.ecdsaWithSha1,
  sha224: oids.ecdsaWithSha224,
  sha256: oids.ecdsaWithSha256,
  sha384: oids.ecdsaWithSha384,
  sha512: oids.ecdsaWithSha512,
};
const digestForCurve = { 'P-256': 'sha256', 'P-384': 'sha384', 'P-521': 'sha512' } as const;

/** A signer for an RSA (PKCS#1 v1.5), EC or EdDSA private key; the digest defaults to SHA-256, or what fits the curve. Throws on other keys. */
export function createSigner(privateKey: KeyObject, publicKey: PublicKey, digest?: Digest): Signer {
  switch (publicKey.type) {
    case 'rsa': {
      const hash = digest ?? 'sha256';
      return { algorithm: { oid: rsaOids[hash], parameters: nullParameters }, publicKey, sign: (data) => sign(hash, data, privateKey) };
    }
    case 'ec': {
      const hash = digest ?? digestForCurve[publicKey.curve ?? 'P-256'];
      return { algorithm: { oid: ecdsaOids[hash] }, publicKey, sign: (data) => sign(hash, data, privateKey) };
    }
    case 'ed25519':
    case 'ed448':
      return { algorithm: { oid: oids[publicKey.type] }, publicKey, sign: (data) => sign(null, data, privateKey) };
    default:
      throw new Error(`No signature algorithm for keys of type ${publicKey.name}.`);
  }
}

/** A signer for an ML-DSA key pair, whose secret key node:crypto does not hold. */
export function createMlDsaSigner(secretKey: Buffer, publicKey: PublicKey): Signer {
  const { oid } = publicKey.algorithm;
  const signLater = mlDsaLater(oid, secretKey);
  return { algorithm: { oid }, publicKey, sign: (data) => signMlDsa(oid, secretKey, data), ...(signLater && { signLater }) };
}
