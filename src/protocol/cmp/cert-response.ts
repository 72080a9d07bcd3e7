import { type Cursor, contextConstructed, DerError, der, type Element, tag } from '../der/index.js';
import { optionalExplicit } from './optional.js';
import { encodePkiStatusInfo, type PkiStatusInfo, readPkiStatusInfo } from './status.js';

/** RFC 9810 section 5.3.4
 *  CertRepMessage ::= SEQUENCE {
 *    caPubs   [1] SEQUENCE SIZE (1..MAX) OF CMPCertificate OPTIONAL,
 *    response     SEQUENCE OF CertResponse } */
export interface CertRepMessage {
  /** Certificates, DER. */
  readonly caPubs?: readonly Buffer[];
  readonly response: readonly CertResponse[];
}

/** RFC 9810 section 5.3.4
 *  CertResponse ::= SEQUENCE {
 *    certReqId         INTEGER,
 *    status            PKIStatusInfo,
 *    certifiedKeyPair  CertifiedKeyPair  OPTIONAL,
 *    rspInfo           OCTET STRING      OPTIONAL } */
export interface CertResponse {
  readonly certReqId: number;
  readonly status: PkiStatusInfo;
  readonly certifiedKeyPair?: CertifiedKeyPair;
  readonly rspInfo?: Buffer;
}

/** RFC 9810 section 5.3.4
 *  CertifiedKeyPair ::= SEQUENCE {
 *    certOrEncCert       CertOrEncCert,
 *    privateKey      [0] EncryptedKey        OPTIONAL,
 *    publicationInfo [1] PKIPublicationInfo  OPTIONAL }
 *  CertOrEncCert ::= CHOICE {
 *    certificate     [0] CMPCertificate,
 *    encryptedCert   [1] EncryptedKey } */
export interface CertifiedKeyPair {
  /** DER. */
  readonly certificate?: Buffer;
  /** EncryptedKey, DER: read, never written by us. */
  readonly encryptedCert?: Buffer;
  readonly privateKey?: Buffer;
  readonly publicationInfo?: Buffer;
}

const element = (cursor: Cursor): Buffer => cursor.element();

/** Throws `DerError`. */
export function readCertRepMessage(cursor: Cursor): CertRepMessage {
  const fields = cursor.sequence();
  const caPubs = optionalExplicit(fields, 1, (inside) => inside.sequence().each((item) => item.elementOf(tag.sequence)));
  const response = fields.sequence().each(readCertResponse);
  fields.end();
  return { response, ...(caPubs && { caPubs }) };
}

export function encodeCertRepMessage(message: CertRepMessage): Element {
  return der.sequence(message.caPubs && der.explicit(1, der.sequence(...message.caPubs)), der.sequence(...message.response.map(encodeCertResponse)));
}

function readCertResponse(cursor: Cursor): CertResponse {
  const fields = cursor.sequence();
  const certReqId = fields.smallInteger();
  const status = readPkiStatusInfo(fields);
  const certifiedKeyPair = fields.at(tag.sequence) ? readCertifiedKeyPair(fields) : undefined;
  const rspInfo = fields.at(tag.octetString) ? fields.octetString() : undefined;
  fields.end();
  return { certReqId, status, ...(certifiedKeyPair && { certifiedKeyPair }), ...(rspInfo && { rspInfo }) };
}

function encodeCertResponse(response: CertResponse): Element {
  return der.sequence(
    der.integer(response.certReqId),
    encodePkiStatusInfo(response.status),
    response.certifiedKeyPair && encodeCertifiedKeyPair(response.certifiedKeyPair),
    response.rspInfo && der.octetString(response.rspInfo),
  );
}

function readCertifiedKeyPair(cursor: Cursor): CertifiedKeyPair {
  const fields = cursor.sequence();
  const isCertificate = fields.at(contextConstructed(0));
  if (!isCertificate && !fields.at(contextConstructed(1))) throw new DerError('bad-tag', fields.position, 'CertOrEncCert.');
  const inside = fields.enter(contextConstructed(isCertificate ? 0 : 1));
  const content = isCertificate ? inside.elementOf(tag.sequence) : inside.element();
  inside.end();
  const privateKey = optionalExplicit(fields, 0, element);
  const publicationInfo = optionalExplicit(fields, 1, element);
  fields.end();
  return {
    ...(isCertificate ? { certificate: content } : { encryptedCert: content }),
    ...(privateKey && { privateKey }),
    ...(publicationInfo && { publicationInfo }),
  };
}

function encodeCertifiedKeyPair(pair: CertifiedKeyPair): Element {
  return der.sequence(
    pair.certificate && der.explicit(0, pair.certificate),
    pair.encryptedCert && der.explicit(1, pair.encryptedCert),
    pair.privateKey && der.explicit(0, pair.privateKey),
    pair.publicationInfo && der.explicit(1, pair.publicationInfo),
  );
}
