import type { KeyObject } from 'node:crypto';
import {
  buildName,
  type Certificate,
  directoryName,
  type GeneralName,
  type Name,
  readGeneralName,
  type Signer,
  subjectKeyIdentifierOf,
} from '../pkix/index.js';
import {
  type CertStatus,
  type DhMacParameters,
  dhMacKey,
  dhMacProtector,
  encodePkiMessage,
  type InfoTypeAndValue,
  type MacParameters,
  macProtector,
  type PkiBody,
  type PkiHeader,
  type Protector,
  signatureProtector,
} from '../protocol/cmp/index.js';
import { Cursor, encode, oids } from '../protocol/der/index.js';
import type { Opener } from './encrypted-key.js';

/** What a device proves itself with: a shared secret under its reference, or the key of a certificate, which signs or only decapsulates. */
export type CmpCredential = SecretCredential | CertificateCredential | KemCredential | AgreementCredential;

export interface SecretCredential {
  readonly kind: 'secret';
  readonly reference: string;
  readonly secret: Buffer;
  readonly parameters: MacParameters;
}

export interface CertificateCredential {
  readonly kind: 'certificate';
  readonly certificate: Certificate;
  readonly chain: readonly Certificate[];
  readonly signer: Signer;
  /** Opens what is encrypted to the certificate: a key pair made by the server. */
  readonly opener?: Opener;
}

/** RFC 9810 section 5.1.3.4: an ML-KEM certificate. */
export interface KemCredential {
  readonly kind: 'kem';
  readonly certificate: Certificate;
  readonly chain: readonly Certificate[];
  readonly opener: Opener;
  /** The shared secret in a cipher text; throws on one of another length. */
  decapsulate(cipherText: Buffer): Buffer;
}

/** RFC 9810 section 5.1.3.2: a certificate for key agreement, and the one of the RA to agree with. */
export interface AgreementCredential {
  readonly kind: 'agreement';
  readonly certificate: Certificate;
  readonly chain: readonly Certificate[];
  readonly opener: Opener;
  readonly privateKey: KeyObject;
  readonly agreeWith: Certificate;
}

/** What we encapsulated for the KEM key of the RA, so that its answers can prove that they are its own (RFC 9810 appendix E). */
export interface ServerEncapsulation {
  readonly item: InfoTypeAndValue;
  readonly recipKID?: Buffer;
  readonly sharedSecret: Buffer;
}

/** What stays the same over the messages of one transaction. */
export interface CmpTransaction {
  readonly credential: CmpCredential;
  readonly protector: Protector;
  readonly transactionID: Buffer;
  readonly recipient: Name;
  /** 2 unless something in it needs 3 (RFC 9810 section 7). */
  readonly pvno?: 2 | 3;
  readonly encapsulation?: ServerEncapsulation;
  /** Tells messageTime, which RFC 9483 section 3.1 recommends and strict servers demand of every message. */
  readonly now?: () => Date;
}

/** What changes with every message. Nonces are 16 random octets (RFC 9483 section 3.1). */
export interface Nonces {
  readonly senderNonce: Buffer;
  readonly recipNonce?: Buffer;
}

/** How messages of this credential are protected; `key` is the one derived from the secret (`deriveMacKey`). */
export function protectorOf(credential: CmpCredential, key?: Buffer): Protector {
  if (credential.kind === 'kem') throw new TypeError('The server is asked for a cipher text first.');
  if (credential.kind === 'agreement') return agreedProtector(credential);
  if (credential.kind === 'certificate') return signatureProtector(credential.signer, credential.certificate);
  if (key === undefined) throw new TypeError('A secret protects with the key derived from it.');
  return macProtector(credential.parameters, key, Buffer.from(credential.reference, 'utf8'));
}

/** Of every DHBasedMac that this client makes. */
export const dhParameters: DhMacParameters = { owf: 'sha256', mac: 'sha256' };

function agreedProtector({ certificate, privateKey, agreeWith }: AgreementCredential): Protector {
  const [senderKID, recipKID] = [certificate, agreeWith].map((item) => subjectKeyIdentifierOf(item.extensions));
  const kids = { ...(senderKID && { senderKID }), ...(recipKID && { recipKID }) };
  return dhMacProtector(agreed(privateKey, agreeWith), dhParameters, kids);
}

/** The MAC key agreed with the holder of a certificate; throws where the two keys are of different curves. */
export function agreed(privateKey: KeyObject, { publicKey }: Certificate): Buffer {
  const key = dhMacKey(privateKey, publicKey, dhParameters);
  if (key === undefined) throw new TypeError('The two keys are not of one curve.');
  return key;
}

/** Any message of the transaction; `more` are header fields beyond the usual ones. */
export function buildMessage(transaction: CmpTransaction, nonces: Nonces, body: PkiBody, more: Partial<PkiHeader> = {}): Buffer {
  const { credential, transactionID, recipient, protector, pvno = 2, encapsulation, now } = transaction;
  const header: PkiHeader = {
    pvno,
    sender: senderOf(credential),
    recipient: asGeneralName(recipient),
    transactionID,
    ...nonces,
    ...(now && { messageTime: now() }),
    ...more,
    ...(encapsulation && encapsulated(encapsulation, more)),
  };
  const extraCerts = credential.kind === 'secret' ? [] : [credential.certificate, ...credential.chain].map((item) => item.der);
  return encodePkiMessage({ header, body, extraCerts }, protector);
}

/** The cipher text goes with every message, so that no server needs to keep it. */
function encapsulated({ item, recipKID }: ServerEncapsulation, { generalInfo = [] }: Partial<PkiHeader>): Partial<PkiHeader> {
  return { pvno: 3, generalInfo: [...generalInfo, item], ...(recipKID && { recipKID }) };
}

/** RFC 9483 section 3.1: the certificate's subject, or a commonName that holds the reference. */
function senderOf(credential: CmpCredential): GeneralName {
  return asGeneralName(credential.kind === 'secret' ? buildName([[oids.commonName, credential.reference]]) : credential.certificate.subject);
}

export function asGeneralName(name: Name): GeneralName {
  return readGeneralName(new Cursor(encode(directoryName(name))));
}

export function buildCertConf(transaction: CmpTransaction, nonces: Nonces, ...statuses: readonly CertStatus[]): Buffer {
  return buildMessage(transaction, nonces, { type: 'certConf', statuses });
}

export function buildPollReq(transaction: CmpTransaction, nonces: Nonces, ...certReqIds: readonly number[]): Buffer {
  return buildMessage(transaction, nonces, { type: 'pollReq', certReqIds });
}
