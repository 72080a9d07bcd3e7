import { generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import {
  authorityInfoAccessExtension,
  authorityKeyIdentifierExtension,
  basicConstraintsExtension,
  buildName,
  createMlDsaSigner,
  createSigner,
  crlDistributionPointExtension,
  keyUsageExtension,
  mlDsaPrivateKey,
  type Name,
  type PublicKey,
  parsePublicKey,
  postQuantumPair,
  publicKeyOf,
  type Signer,
  signCertificate,
  subjectKeyIdentifierExtension,
} from '../pkix/index.js';
import { certificateTime, der, encode, oids } from '../protocol/der/index.js';
import type { LoadedCa } from './loaded-ca.js';
import type { NewEngineCa } from './ports.js';
import { randomSerial } from './serial.js';

/** Those of ML-DSA are an experiment: few clients verify such certificates, and where the runtime has no ML-DSA each takes 3 to 30 ms of another thread. */
export const caKeyTypes = ['P-256', 'RSA-2048', 'RSA-3072', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const;
export type CaKeyType = (typeof caKeyTypes)[number];

export const rootId = 'root';
export const issuingId = 'issuing';

const generate = promisify(generateKeyPair);
const rootYears = 20;
const issuingYears = 10;
/** As much as the widest backdating a policy may ask for, so that a fresh install can honour it. */
const backdateMs = 86_400_000;

interface Key {
  readonly publicKey: PublicKey;
  readonly signer: Signer;
  /** PKCS#8, DER. */
  readonly privateKey: Buffer;
}

const mlDsaOids: Readonly<Partial<Record<CaKeyType, string>>> = { 'ML-DSA-44': oids.mlDsa44, 'ML-DSA-65': oids.mlDsa65, 'ML-DSA-87': oids.mlDsa87 };

function generateMlDsaKey(oid: string): Key {
  const seed = randomBytes(32);
  const pair = postQuantumPair(oid, seed);
  const parsed = parsePublicKey(encode(der.sequence(der.sequence(der.oid(oid)), der.bitString(pair.publicKey))));
  if (!parsed.ok) throw parsed.error;
  return { publicKey: parsed.value, signer: createMlDsaSigner(pair.secretKey, parsed.value), privateKey: mlDsaPrivateKey(oid, seed) };
}

async function generateKey(type: CaKeyType): Promise<Key> {
  const oid = mlDsaOids[type];
  if (oid !== undefined) return generateMlDsaKey(oid);
  const pair = type === 'P-256' ? await generate('ec', { namedCurve: 'P-256' }) : await generate('rsa', { modulusLength: type === 'RSA-2048' ? 2048 : 3072 });
  const publicKey = publicKeyOf(pair.publicKey);
  return { publicKey, signer: createSigner(pair.privateKey, publicKey), privateKey: exported(pair.privateKey) };
}

function exported(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'pkcs8' });
}

/** A self-signed root of 20 years, path length 1. Its name carries 8 digits of its key's identifier, so that installs differ. */
export async function createRoot(type: CaKeyType, now: Date): Promise<NewEngineCa> {
  const key = await generateKey(type);
  const name = caName('Root', key.publicKey);
  const certificate = signCertificate(
    {
      serial: randomSerial(),
      issuer: name,
      ...lifetime(now, rootYears),
      subject: name,
      spki: key.publicKey.spki,
      extensions: caExtensions(key.publicKey, 1),
    },
    encoded(lifetime(now, rootYears)),
    key.signer,
  );
  return { id: rootId, certificate, privateKey: key.privateKey, parentId: rootId };
}

/** An issuing CA of 10 years under `root`, which it does not outlive, path length 0. */
export async function createIssuing(type: CaKeyType, root: LoadedCa, publicBaseUrl: string, now: Date, id: string = issuingId): Promise<NewEngineCa> {
  const key = await generateKey(type);
  const extensions = [
    ...caExtensions(key.publicKey, 0),
    authorityKeyIdentifierExtension(root.keyIdentifier),
    crlDistributionPointExtension(`${publicBaseUrl}/pki/${root.id}.crl`),
    authorityInfoAccessExtension(`${publicBaseUrl}/pki/${root.id}.cer`),
  ];
  const certificate = signCertificate(
    {
      serial: randomSerial(),
      issuer: root.certificate.subject,
      ...within(root, lifetime(now, issuingYears)),
      subject: caName('Issuing', key.publicKey),
      spki: key.publicKey.spki,
      extensions,
    },
    encoded(within(root, lifetime(now, issuingYears))),
    root.signer,
  );
  return { id, certificate, privateKey: key.privateKey, parentId: root.id };
}

function caName(role: string, publicKey: PublicKey): Name {
  const mark = publicKey.keyIdentifier.toString('hex', 0, 4);
  return buildName([
    [oids.organizationName, 'Gatehouse'],
    [oids.commonName, `Gatehouse ${role} CA ${mark}`],
  ]);
}

function caExtensions(publicKey: PublicKey, pathLength: number) {
  return [
    basicConstraintsExtension({ ca: true, pathLength }),
    keyUsageExtension(['keyCertSign', 'cRLSign']),
    subjectKeyIdentifierExtension(publicKey.keyIdentifier),
  ];
}

interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

function lifetime(now: Date, years: number): Validity {
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(now.getUTCFullYear() + years);
  return { notBefore: new Date(now.getTime() - backdateMs), notAfter };
}

function within(parent: LoadedCa, { notBefore, notAfter }: Validity): Validity {
  const end = parent.certificate.notAfter;
  return { notBefore, notAfter: notAfter < end ? notAfter : end };
}

function encoded({ notBefore, notAfter }: Validity) {
  return { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) };
}
