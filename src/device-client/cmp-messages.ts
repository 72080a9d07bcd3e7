import {
  buildName,
  type Certificate,
  directoryName,
  type Extension,
  type GeneralName,
  type Name,
  parseCsr,
  readGeneralName,
  type Signer,
  signCsr,
} from '../pkix/index.js';
import {
  buildCertRequest,
  type CertReqMsg,
  type CertStatus,
  certProfileItem,
  encodePkiMessage,
  encodeTemplateExtensions,
  implicitConfirmItem,
  type MacParameters,
  macProtector,
  oldCertIdControl,
  type PkiBody,
  type PkiHeader,
  type Protector,
  provePossession,
  type RequestType,
  signatureProtector,
} from '../protocol/cmp/index.js';
import { Cursor, encode, oids } from '../protocol/der/index.js';

/** What a device proves itself with: a shared secret under its reference, or the key of a certificate. */
export type CmpCredential =
  | { readonly kind: 'secret'; readonly reference: string; readonly secret: Buffer; readonly parameters: MacParameters }
  | { readonly kind: 'certificate'; readonly certificate: Certificate; readonly chain: readonly Certificate[]; readonly signer: Signer };

/** What stays the same over the messages of one transaction. */
export interface CmpTransaction {
  readonly credential: CmpCredential;
  readonly protector: Protector;
  readonly transactionID: Buffer;
  readonly recipient: Name;
}

/** What changes with every message. Nonces are 16 random octets (RFC 9483 section 3.1). */
export interface Nonces {
  readonly senderNonce: Buffer;
  readonly recipNonce?: Buffer;
}

export interface CertificateWish {
  readonly type: RequestType;
  /** The new key. */
  readonly newKey: Signer;
  readonly subject: Name;
  readonly extensions?: readonly Extension[];
  readonly notAfter?: Date;
  readonly implicitConfirm?: boolean;
  readonly certProfile?: string;
  /** kur: the certificate to be updated. */
  readonly oldCertificate?: Certificate;
}

/** How messages of this credential are protected; `key` is the one derived from the secret (`deriveMacKey`). */
export function protectorOf(credential: CmpCredential, key?: Buffer): Protector {
  if (credential.kind === 'certificate') return signatureProtector(credential.signer, credential.certificate);
  if (key === undefined) throw new TypeError('A secret protects with the key derived from it.');
  return macProtector(credential.parameters, key, Buffer.from(credential.reference, 'utf8'));
}

/** The first message of a transaction: ir, cr, kur or p10cr. */
export function buildRequest(transaction: CmpTransaction, nonces: Nonces, wish: CertificateWish, messageTime?: Date): Buffer {
  const generalInfo = [...(wish.implicitConfirm ? [implicitConfirmItem] : []), ...(wish.certProfile === undefined ? [] : [certProfileItem(wish.certProfile)])];
  const header = { ...(messageTime && { messageTime }), ...(generalInfo.length > 0 && { generalInfo }) };
  return buildMessage(transaction, nonces, requestBody(wish), header);
}

/** Any message of the transaction; `more` are header fields beyond the usual ones. */
export function buildMessage(transaction: CmpTransaction, nonces: Nonces, body: PkiBody, more: Partial<PkiHeader> = {}): Buffer {
  const { credential, transactionID, recipient, protector } = transaction;
  const header: PkiHeader = { pvno: 2, sender: senderOf(credential), recipient: asGeneralName(recipient), transactionID, ...nonces, ...more };
  const extraCerts = credential.kind === 'certificate' ? [credential.certificate, ...credential.chain].map((item) => item.der) : [];
  return encodePkiMessage({ header, body, extraCerts }, protector);
}

/** RFC 9483 section 3.1: the certificate's subject, or a commonName that holds the reference. */
function senderOf(credential: CmpCredential): GeneralName {
  return asGeneralName(credential.kind === 'certificate' ? credential.certificate.subject : buildName([[oids.commonName, credential.reference]]));
}

function asGeneralName(name: Name): GeneralName {
  return readGeneralName(new Cursor(encode(directoryName(name))));
}

function requestBody(wish: CertificateWish): PkiBody {
  const { type, newKey, subject, extensions = [] } = wish;
  if (type !== 'p10cr') return { type, messages: [certReqMsg(wish)] };
  const csr = parseCsr(signCsr({ subject, extensions }, newKey));
  if (!csr.ok) throw csr.error;
  return { type, csr: csr.value };
}

function certReqMsg(wish: CertificateWish): CertReqMsg {
  const { newKey, subject, extensions = [], notAfter, oldCertificate } = wish;
  const certReq = buildCertRequest({
    certReqId: 0,
    certTemplate: {
      ...(notAfter && { validity: { notAfter } }),
      subject,
      publicKey: newKey.publicKey.spki,
      ...(extensions.length > 0 && { extensions: encodeTemplateExtensions(extensions) }),
    },
    ...(oldCertificate && { controls: [oldCertIdControl({ issuer: asGeneralName(oldCertificate.issuer), serialNumber: oldCertificate.serial })] }),
  });
  return { certReq, popo: provePossession(certReq, newKey) };
}

export function buildCertConf(transaction: CmpTransaction, nonces: Nonces, status: CertStatus): Buffer {
  return buildMessage(transaction, nonces, { type: 'certConf', statuses: [status] });
}

export function buildPollReq(transaction: CmpTransaction, nonces: Nonces, certReqId: number): Buffer {
  return buildMessage(transaction, nonces, { type: 'pollReq', certReqIds: [certReqId] });
}
