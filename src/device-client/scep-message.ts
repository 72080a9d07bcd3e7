import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import {
  type Certificate,
  createSigner,
  type Digest,
  type Extension,
  type Name,
  type PublicKey,
  parseCertificate,
  publicKeyOf,
  signCertificate,
  signCsr,
} from '../pkix/index.js';
import type { CmsSigner, ContentCipher, KeyTransport } from '../protocol/cms/index.js';
import { certificateTime, der, encode } from '../protocol/der/index.js';
import { encodeRequest, issuerAndSubject, type MessageType, messageTypes } from '../protocol/scep/index.js';

export interface DeviceKey {
  readonly privateKey: KeyObject;
  readonly publicKey: PublicKey;
}

export function deviceKey(privateKey: KeyObject): DeviceKey {
  return { privateKey, publicKey: publicKeyOf(privateKey) };
}

export function generateRsaKey(bits = 2048): DeviceKey {
  return deviceKey(generateKeyPairSync('rsa', { modulusLength: bits }).privateKey);
}

export function generateEcKey(namedCurve: 'P-256' | 'P-384' | 'P-521' = 'P-256'): DeviceKey {
  return deviceKey(generateKeyPairSync('ec', { namedCurve }).privateKey);
}

/** The certificate with which a device without one signs its first request (RFC 8894 §2.3): valid for `days` around `at`. */
export function selfSignedCertificate(key: DeviceKey, subject: Name, at: Date, days = 30): Certificate {
  const day = 86_400_000;
  const notBefore = new Date(at.getTime() - day);
  const notAfter = new Date(at.getTime() + days * day);
  const serial = key.publicKey.fingerprint.subarray(0, 16);
  const fields = { serial, issuer: subject, subject, notBefore, notAfter, spki: key.publicKey.spki, extensions: [] };
  const bytes = signCertificate(
    fields,
    { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) },
    createSigner(key.privateKey, key.publicKey),
  );
  const parsed = parseCertificate(bytes);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

/** The usual transactionID: SHA-256 of the public key, upper-case hexadecimal (RFC 8894 §3.2.1.1 suggests a hash of the key). */
export function transactionIdOf(key: PublicKey): string {
  return createHash('sha256').update(key.spki).digest('hex').toUpperCase();
}

/** What all requests of one device to one server have in common. */
export interface ScepMessageOptions {
  /** The RA certificate, as GetCACert gave it. */
  readonly recipient: Certificate;
  readonly signer: CmsSigner;
  readonly cipher?: ContentCipher;
  readonly digest?: Digest;
  readonly transport?: KeyTransport;
  readonly identifiedBy?: 'issuerAndSerial' | 'subjectKeyIdentifier';
  readonly chain?: readonly Buffer[];
  readonly transactionId?: string;
  readonly senderNonce?: Buffer;
  /** A name, or any number. */
  readonly messageType?: MessageType | number;
  /** Sent as the attribute of that name; left out when absent, as most clients do. */
  readonly signingTime?: Date;
}

export interface ScepMessage {
  readonly message: Buffer;
  readonly transactionId: string;
  readonly senderNonce: Buffer;
  readonly signer: CmsSigner;
  /** The challenge inside, by which the answer to an EC key is encrypted. */
  readonly challenge?: string;
}

/** A message of any type with any data; bytes differ from call to call by nonce, key and IV. */
export function buildMessage(options: ScepMessageOptions, messageType: MessageType | number, messageData: Buffer): ScepMessage {
  const { recipient, signer, cipher = 'aes128-cbc', digest = 'sha256', transport, identifiedBy, chain } = options;
  const transactionId = options.transactionId ?? transactionIdOf(signer.certificate.publicKey);
  const senderNonce = options.senderNonce ?? randomBytes(16);
  const type = options.messageType ?? messageType;
  const publicKey = recipient.publicKey.keyObject();
  if (!publicKey.ok) throw new Error('The key of the RA certificate is unusable.');
  const message = encodeRequest({
    messageType: typeof type === 'number' ? type : messageTypes[type],
    transactionId,
    senderNonce,
    messageData,
    signer,
    recipient: { certificate: recipient, publicKey: publicKey.value },
    cipher,
    digest,
    ...(transport && { transport }),
    ...(identifiedBy && { identifiedBy }),
    ...(chain && { chain }),
    ...(options.signingTime && { signingTime: options.signingTime }),
  });
  return { message, transactionId, senderNonce, signer };
}

export interface CsrOptions {
  readonly key: DeviceKey;
  readonly subject: Name;
  readonly challenge?: string;
  readonly extensions?: readonly Extension[];
  readonly csrDigest?: Digest;
}

export function buildCsr(options: CsrOptions): Buffer {
  const { key, subject, challenge, extensions = [], csrDigest } = options;
  const fields = { subject, extensions, ...(challenge === undefined ? {} : { challengePassword: challenge }) };
  return signCsr(fields, createSigner(key.privateKey, key.publicKey, csrDigest));
}

export type PkcsReqOptions = CsrOptions & Omit<ScepMessageOptions, 'signer'> & { readonly signer?: CmsSigner; readonly at?: Date };

/** A PKCSReq; without `signer` it is signed by a certificate that the key makes for itself. With a signer and `messageType: 'RenewalReq'`, a renewal. */
export function buildPkcsReq(options: PkcsReqOptions): ScepMessage & { readonly csr: Buffer } {
  const { key, subject, signer, at = new Date() } = options;
  const csr = buildCsr(options);
  const itself = signer ?? { certificate: selfSignedCertificate(key, subject, at), privateKey: key.privateKey };
  const challenge = options.challenge === undefined ? {} : { challenge: options.challenge };
  return { ...buildMessage({ ...options, signer: itself }, 'PKCSReq', csr), ...challenge, csr };
}

/** A CertPoll for the transaction of an earlier request, signed as that was (RFC 8894 §3.3.3). */
export function buildCertPoll(options: ScepMessageOptions, issuer: Name, subject: Name): ScepMessage {
  return buildMessage(options, 'CertPoll', encode(issuerAndSubject(issuer, subject)));
}

/** A GetCert for the certificate of this issuer and serial (RFC 8894 §3.3.4), or with `messageType: 'GetCRL'` for the CRL that would list it. */
export function buildGetCert(options: ScepMessageOptions, issuer: Name, serial: Buffer): ScepMessage {
  return buildMessage(options, 'GetCert', encode(der.sequence(issuer.der, der.integerContent(serial))));
}
