import { type AlgorithmIdentifier, type Certificate, parseCertificate, readAlgorithmIdentifier } from '../../pkix/index.js';
import { type Cursor, contextConstructed, oids, tag } from '../der/index.js';
import { readContentInfo } from './content-info.js';
import { type Identifier, identifies, peekIssuerAndSerial, readIdentifier } from './identifier.js';
import { readSignedAttributes, type SignedAttributes } from './signed-attributes.js';

export interface SignerInfo {
  readonly version: number;
  readonly sid: Identifier;
  readonly digestAlgorithm: AlgorithmIdentifier;
  readonly signedAttributes: SignedAttributes | undefined;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Buffer;
}

export interface SignedData {
  readonly version: number;
  readonly contentType: string;
  /** Octets of eContent; undefined when it is absent. */
  readonly content: Buffer | undefined;
  /** Encodings in the order received; unread, because a strange certificate beside the signer's is no reason to refuse. */
  readonly certificates: readonly Buffer[];
  readonly crls: readonly Buffer[];
  readonly signers: readonly SignerInfo[];
}

/** RFC 5652 §5.1
 *  SignedData ::= SEQUENCE {
 *    version              CMSVersion,
 *    digestAlgorithms     SET OF DigestAlgorithmIdentifier,
 *    encapContentInfo     EncapsulatedContentInfo,
 *    certificates     [0] IMPLICIT CertificateSet OPTIONAL,
 *    crls             [1] IMPLICIT RevocationInfoChoices OPTIONAL,
 *    signerInfos          SET OF SignerInfo }
 *  EncapsulatedContentInfo ::= SEQUENCE {
 *    eContentType         ContentType,
 *    eContent         [0] EXPLICIT OCTET STRING OPTIONAL }
 *  Reads the ContentInfo around it too; throws `DerError`. */
export function readSignedData(cursor: Cursor): SignedData {
  return readContentInfo(cursor, oids.signedData, (content) => {
    const fields = content.sequence();
    const version = fields.smallInteger();
    fields.set();
    const encapsulated = fields.sequence();
    const contentType = encapsulated.oid();
    const octets = encapsulated.explicit(0)?.octetString();
    encapsulated.end();
    const certificates = fields.enterOptional(contextConstructed(0))?.each((item) => item.element()) ?? [];
    const crls = fields.enterOptional(contextConstructed(1))?.each((item) => item.element()) ?? [];
    const signers = fields.set().each(readSignerInfo);
    fields.end();
    return { version, contentType, content: octets, certificates: certificates.filter(isX509), crls, signers };
  });
}

/** CertificateChoices has tagged forms (attribute certificates and the like) that no one here needs. */
function isX509(certificate: Buffer): boolean {
  return certificate[0] === tag.sequence;
}

/** RFC 5652 §5.3
 *  SignerInfo ::= SEQUENCE {
 *    version             CMSVersion,
 *    sid                 SignerIdentifier,
 *    digestAlgorithm     DigestAlgorithmIdentifier,
 *    signedAttrs     [0] IMPLICIT SignedAttributes OPTIONAL,
 *    signatureAlgorithm  SignatureAlgorithmIdentifier,
 *    signature           OCTET STRING,
 *    unsignedAttrs   [1] IMPLICIT UnsignedAttributes OPTIONAL } */
function readSignerInfo(cursor: Cursor): SignerInfo {
  const fields = cursor.sequence();
  const version = fields.smallInteger();
  const sid = readIdentifier(fields);
  const digestAlgorithm = readAlgorithmIdentifier(fields);
  const signedAttributes = fields.at(contextConstructed(0)) ? readSignedAttributes(fields) : undefined;
  const signatureAlgorithm = readAlgorithmIdentifier(fields);
  const signature = fields.octetString();
  fields.enterOptional(contextConstructed(1));
  fields.end();
  return { version, sid, digestAlgorithm, signedAttributes, signatureAlgorithm, signature };
}

/**
 * The certificate that `sid` names, wherever it stands in the set; undefined when none does or it cannot be read.
 * "The first certificate" is never an answer: the set has no order, and clients add their chain (RFC 8894 §2.3).
 */
export function findSigner(signedData: SignedData, sid: Identifier): Certificate | undefined {
  for (const bytes of signedData.certificates) {
    if (sid.kind === 'issuerAndSerial') {
      const names = peekIssuerAndSerial(bytes);
      if (!names.ok || !names.value.serial.equals(sid.serial)) continue;
    }
    const certificate = parseCertificate(bytes);
    if (certificate.ok && identifies(sid, certificate.value)) return certificate.value;
  }
  return undefined;
}

const maxOthers = 20;

/** The readable certificates beside `signer`, at most 20. */
export function otherCertificates(signedData: SignedData, signer: Certificate): readonly Certificate[] {
  const others: Certificate[] = [];
  for (const bytes of signedData.certificates.slice(0, maxOthers + 1)) {
    if (bytes.equals(signer.der)) continue;
    const certificate = parseCertificate(bytes);
    if (certificate.ok && others.length < maxOthers) others.push(certificate.value);
  }
  return others;
}
