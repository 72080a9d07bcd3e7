import type { Certificate } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import {
  type Attribute,
  addressEnvelope,
  decryptEnvelope,
  type EnvelopedData,
  type KeyUnwrapper,
  openPasswordEnvelope,
  readCertificatesOnly,
  readEnvelopedData,
  readSignedData,
  type SignedData,
  type SignerInfo,
  singleValue,
  verifySigner,
} from '../cms/index.js';
import { Cursor, decodeBer, guarded, oids, scepLimits } from '../der/index.js';
import { failInfos, messageTypes, type PkiStatus, pkiStatuses, type ScepFailInfo } from './message-type.js';

/** A CertRep whose signature was verified with the RA's key. */
export interface CertRep {
  readonly status: PkiStatus;
  readonly transactionId: Buffer;
  readonly senderNonce: Buffer | undefined;
  readonly recipientNonce: Buffer | undefined;
  readonly failInfo: ScepFailInfo | undefined;
  readonly failInfoText: string | undefined;
  /** eContent; undefined in FAILURE and PENDING. */
  readonly envelope: Buffer | undefined;
  readonly signedData: SignedData;
  readonly signerInfo: SignerInfo;
}

/** Reads and verifies a CertRep (RFC 8894 §3.3.2) signed by `ra`; the error says what is wrong with it. */
export function readCertRep(bytes: Buffer, ra: Certificate): Result<CertRep, string> {
  const decoded = decodeBer(bytes, scepLimits, readSignedData);
  if (!decoded.ok) return fail(`The answer is no SignedData. ${decoded.error.message}`);
  const signedData = decoded.value;
  const [signerInfo, ...more] = signedData.signers;
  if (signerInfo?.signedAttributes === undefined || more.length > 0) return fail('The answer does not have exactly one signer with signed attributes.');
  const verified = verifySigner(signedData, signerInfo, ra.publicKey);
  if (!verified.ok) return fail(`The answer is not signed by the expected RA certificate (${verified.error}).`);

  const { attributes } = signerInfo.signedAttributes;
  const text = (oid: string) => attributeValue(attributes, oid, (cursor) => cursor.text());
  const octets = (oid: string) => attributeValue(attributes, oid, (cursor) => cursor.octetString());
  const status = keyOf(pkiStatuses, text(oids.scepPkiStatus));
  const transactionId = text(oids.scepTransactionId);
  if (text(oids.scepMessageType) !== String(messageTypes.CertRep)) return fail('The answer is no CertRep.');
  if (status === undefined || transactionId === undefined) return fail('The answer has no pkiStatus or no transactionID.');
  return ok({
    status,
    transactionId: Buffer.from(transactionId, 'latin1'),
    senderNonce: octets(oids.scepSenderNonce),
    recipientNonce: octets(oids.scepRecipientNonce),
    failInfo: keyOf(failInfos, text(oids.scepFailInfo)),
    failInfoText: text(oids.scepFailInfoText),
    envelope: signedData.content,
    signedData,
    signerInfo,
  });
}

function attributeValue<T>(attributes: readonly Attribute[], oid: string, read: (cursor: Cursor) => T): T | undefined {
  const value = singleValue(attributes, oid);
  if (typeof value === 'string') return undefined;
  const result = guarded(() => read(new Cursor(value)));
  return result.ok ? result.value : undefined;
}

function keyOf<T extends string>(table: Readonly<Record<T, number>>, text: string | undefined): T | undefined {
  return (Object.keys(table) as T[]).find((key) => String(table[key]) === text);
}

/** What the envelope of a SUCCESS holds: certificates, the issued one first, or a CRL. */
export interface ReplyContent {
  readonly certificates: readonly Buffer[];
  readonly crls: readonly Buffer[];
}

/** How an answer is opened: with the key of the certificate that signed the request, or with the challenge of the request. */
export type ReplyKey = { readonly certificate: Certificate; readonly unwrapper: KeyUnwrapper } | { readonly password: Buffer };

export function openReply(reply: CertRep, key: ReplyKey): Result<ReplyContent, string> {
  if (reply.envelope === undefined) return fail('The answer carries no certificate.');
  const envelope = decodeBer(reply.envelope, scepLimits, readEnvelopedData);
  if (!envelope.ok) return fail(`The answer holds no EnvelopedData. ${envelope.error.message}`);
  const plain = 'password' in key ? openPasswordEnvelope(envelope.value, key.password) : openFor(key, envelope.value);
  if (!plain.ok) return fail(`The answer is not encrypted for the sender of the request (${plain.error}).`);
  const content = readCertificatesOnly(plain.value, scepLimits);
  return content.ok ? ok(content.value) : fail('The answer could not be decrypted.');
}

function openFor(key: Exclude<ReplyKey, { readonly password: Buffer }>, envelope: EnvelopedData): Result<Buffer, string> {
  const addressed = addressEnvelope(envelope, [{ certificate: key.certificate }]);
  if (!addressed.ok) return addressed;
  const { isPadded, content } = decryptEnvelope(addressed.value, key.unwrapper);
  return isPadded ? ok(content) : fail('undecryptable');
}

/** The certificates in the envelope of a SUCCESS, the issued one first; `certificate` is the one that signed the request. */
export function openCertRep(reply: CertRep, certificate: Certificate, unwrapper: KeyUnwrapper): Result<readonly Buffer[], string> {
  const opened = openReply(reply, { certificate, unwrapper });
  return opened.ok ? ok(opened.value.certificates) : opened;
}
