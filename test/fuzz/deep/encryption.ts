import { createECDH, createHash, createHmac, createPrivateKey, createPublicKey, diffieHellman, hkdfSync, type KeyObject } from 'node:crypto';
import {
  type Certificate,
  decapsulate,
  type KeyUsage,
  keyUsageExtension,
  type Name,
  type PublicKey,
  parseCertificate,
  parsePublicKey,
  postQuantumPair,
  publicKeyOf,
  signCertificate,
  subjectKeyIdentifierExtension,
} from '../../../src/pkix/index.js';
import { kemCiphertextOf, type PkiMessage, protectedPart } from '../../../src/protocol/cmp/index.js';
import { Cursor, certificateTime, der, encode, oids } from '../../../src/protocol/der/index.js';
import type { LoadedEncryptionKey } from '../../../src/tenancy/encryption-key.js';
import type { World } from '../world.js';
import type { PoolKey } from './pool.js';

/** Who agrees on keys with the RA, and the RA's keys for it: always the same ones, so that a saved message can be tried again. */
export interface Encryption {
  readonly keys: readonly LoadedEncryptionKey[];
  readonly agreement: Certificate;
  readonly agreementKey: KeyObject;
  readonly kem: Certificate;
  decapsulate(cipherText: Buffer): Buffer;
  /** The P-256 key of the pool with a certificate that only agrees. */
  readonly agreeing: PoolKey;
}

function certified(world: World, subject: Name, key: PublicKey, usage: KeyUsage, serial: number): Certificate {
  const [notBefore, notAfter] = [new Date('2026-01-01T00:00:00Z'), new Date('2045-01-01T00:00:00Z')];
  const extensions = [subjectKeyIdentifierExtension(key.keyIdentifier), keyUsageExtension([usage])];
  const fields = { serial: Buffer.of(0x51, serial), issuer: world.ca.certificate.subject, notBefore, notAfter, subject, spki: key.spki, extensions };
  const read = parseCertificate(signCertificate(fields, { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) }, world.ca.signer));
  if (!read.ok) throw read.error;
  return read.value;
}

function privateKeyOf(scalar: Buffer): KeyObject {
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(scalar);
  const point = curve.getPublicKey();
  const text = (part: Buffer) => part.toString('base64url');
  const jwk = { kty: 'EC', crv: 'P-256', d: text(scalar), x: text(point.subarray(1, 33)), y: text(point.subarray(33)) };
  return createPrivateKey({ key: jwk, format: 'jwk' });
}

export function createEncryption(world: World, pool: readonly PoolKey[]): Encryption {
  const device = pool.find(({ name }) => name === 'p-256');
  if (device === undefined) throw new Error('The pool has no P-256 key.');
  const agreementKey = privateKeyOf(Buffer.alloc(32, 0x21));
  const { publicKey: bits, secretKey } = postQuantumPair(oids.mlKem768, Buffer.alloc(64, 0x22));
  const kemKey = parsePublicKey(encode(der.sequence(der.sequence(der.oid(oids.mlKem768)), der.bitString(bits))));
  if (!kemKey.ok) throw kemKey.error;
  const { subject } = world.ra.certificate;
  const agreement = certified(world, subject, publicKeyOf(createPublicKey(agreementKey.export({ format: 'pem', type: 'pkcs8' }))), 'keyAgreement', 1);
  const kem = certified(world, subject, kemKey.value, 'keyEncipherment', 2);
  const open = (cipherText: Buffer): Buffer => decapsulate(oids.mlKem768, secretKey, cipherText);
  const common = { state: 'active', chain: [world.ca.certificate] } as const;
  return {
    keys: [
      { id: 'agreement', certificate: agreement, secret: { kind: 'agreement', privateKey: agreementKey }, ...common },
      { id: 'kem', certificate: kem, secret: { kind: 'kem', kem: oids.mlKem768, decapsulate: open }, ...common },
    ],
    agreement,
    agreementKey,
    kem,
    decapsulate: open,
    agreeing: { ...device, certificate: certified(world, device.certificate.subject, device.publicKey, 'keyAgreement', 3) },
  };
}

const digests: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};

/** The MAC of RFC 9810 section 5.1.3.2 by node:crypto alone; undefined where the keys or the parameters are none it can be made with. */
export function agreedMac(privateKey: KeyObject, publicKey: KeyObject, parameters: Buffer | undefined, data: Buffer): Buffer | undefined {
  if (parameters === undefined || publicKey.asymmetricKeyDetails?.namedCurve !== privateKey.asymmetricKeyDetails?.namedCurve) return undefined;
  const fields = new Cursor(parameters).sequence();
  const [owf, mac] = [fields.sequence(), fields.sequence()].map((algorithm) => digests[algorithm.oid()]);
  if (owf === undefined || mac === undefined) return undefined;
  const key = createHash(owf).update(diffieHellman({ privateKey, publicKey })).digest();
  return createHmac(mac, key).update(data).digest();
}

/** Whether an answer stands under the secret that its request encapsulated for us (RFC 9810 section 5.1.3.4: HKDF and HMAC with SHA-256, 32 octets). */
export function isUnderCipherText(asked: PkiMessage, answer: PkiMessage, { decapsulate: open }: Encryption): boolean {
  const item = asked.header.generalInfo?.find(({ infoType }) => infoType === oids.kemCiphertextInfo);
  const given = item && kemCiphertextOf(item);
  if (given === undefined) return false;
  const words = der.sequence(der.utf8String('CMP-KEM'));
  const info = encode(der.sequence(words, der.octetString(answer.header.transactionID ?? Buffer.alloc(0))));
  const key = Buffer.from(hkdfSync('sha256', open(given.ct), Buffer.alloc(0), info, 32));
  return createHmac('sha256', key)
    .update(protectedPart(answer.headerDer, answer.bodyDer))
    .digest()
    .equals(answer.protection ?? Buffer.alloc(0));
}
