import { type CertificationRequest, type Name, readCsr, readName } from '../../pkix/index.js';
import { readIssuerAndSerial } from '../cms/index.js';
import { type Cursor, der, type Element } from '../der/index.js';
import type { RequestType } from './message-type.js';

/** The decrypted messageData, by what its message type requires (RFC 8894 §3.3). */
export type MessageData =
  | { readonly kind: 'csr'; readonly csr: CertificationRequest }
  | { readonly kind: 'issuerAndSubject'; readonly issuer: Name; readonly subject: Name }
  | { readonly kind: 'issuerAndSerial'; readonly issuer: Buffer; readonly serial: Buffer };

/** Throws `DerError` when the data is not what the type requires. */
export function readMessageData(type: RequestType, cursor: Cursor): MessageData {
  switch (type) {
    case 'PKCSReq':
    case 'RenewalReq':
      return { kind: 'csr', csr: readCsr(cursor) };
    case 'CertPoll':
      return { kind: 'issuerAndSubject', ...readIssuerAndSubject(cursor) };
    case 'GetCert':
    case 'GetCRL':
      return { kind: 'issuerAndSerial', ...readIssuerAndSerial(cursor) };
  }
}

/** RFC 8894 §3.3.3
 *  issuerAndSubject ::= SEQUENCE {
 *    issuer   Name,
 *    subject  Name } */
function readIssuerAndSubject(cursor: Cursor): { readonly issuer: Name; readonly subject: Name } {
  const fields = cursor.sequence();
  const issuer = readName(fields);
  const subject = readName(fields);
  fields.end();
  return { issuer, subject };
}

export function issuerAndSubject(issuer: Name, subject: Name): Element {
  return der.sequence(issuer.der, subject.der);
}
