import { createHash, hash } from 'node:crypto';
import { type AlgorithmIdentifier, algorithmIdentifier, type Certificate, digestOf, digestOids, readAlgorithmIdentifier } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { type Cursor, der, type Element, oids, tag } from '../der/index.js';
import { optionalExplicit } from './optional.js';
import { encodePkiStatusInfo, type PkiStatusInfo, readPkiStatusInfo } from './status.js';

/** RFC 9810 section 5.3.18
 *  CertConfirmContent ::= SEQUENCE OF CertStatus
 *  CertStatus ::= SEQUENCE {
 *    certHash    OCTET STRING,
 *    certReqId   INTEGER,
 *    statusInfo  PKIStatusInfo OPTIONAL,
 *    hashAlg [0] AlgorithmIdentifier OPTIONAL } */
export interface CertStatus {
  readonly certHash: Buffer;
  readonly certReqId: number;
  readonly statusInfo?: PkiStatusInfo;
  readonly hashAlg?: AlgorithmIdentifier;
}

/** Throws `DerError`; an empty list is sound and refuses everything. */
export function readCertConfirmContent(cursor: Cursor): CertStatus[] {
  return cursor.sequence().each(readCertStatus);
}

export function encodeCertConfirmContent(statuses: readonly CertStatus[]): Element {
  return der.sequence(...statuses.map(encodeCertStatus));
}

function readCertStatus(cursor: Cursor): CertStatus {
  const fields = cursor.sequence();
  const certHash = fields.octetString();
  const certReqId = fields.smallInteger();
  const statusInfo = fields.at(tag.sequence) ? readPkiStatusInfo(fields) : undefined;
  const hashAlg = optionalExplicit(fields, 0, readAlgorithmIdentifier);
  fields.end();
  return { certHash, certReqId, ...(statusInfo && { statusInfo }), ...(hashAlg && { hashAlg }) };
}

function encodeCertStatus(status: CertStatus): Element {
  return der.sequence(
    der.octetString(status.certHash),
    der.integer(status.certReqId),
    status.statusInfo && encodePkiStatusInfo(status.statusInfo),
    status.hashAlg && der.explicit(0, algorithmIdentifier(status.hashAlg)),
  );
}

/**
 * certHash of a certificate: by `hashAlg` where given, else by the hash of the certificate's signature algorithm; Ed25519
 * counts as SHA-512, Ed448 as SHAKE256 with 512 bits (RFC 9481 section 3.3). `unknown` when neither names a hash.
 */
export function certHash(certificate: Certificate, hashAlg?: AlgorithmIdentifier): Result<Buffer, 'unknown'> {
  if (hashAlg !== undefined) {
    const digest = digestOids[hashAlg.oid];
    return digest === undefined ? fail('unknown') : ok(hash(digest, certificate.der, 'buffer'));
  }
  const { signatureAlgorithm } = certificate;
  if (signatureAlgorithm.oid === oids.ed25519) return ok(hash('sha512', certificate.der, 'buffer'));
  if (signatureAlgorithm.oid === oids.ed448) return ok(shake256(certificate.der));
  const digest = digestOf(signatureAlgorithm);
  return digest === undefined || digest === 'none' ? fail('unknown') : ok(hash(digest, certificate.der, 'buffer'));
}

function shake256(bytes: Buffer): Buffer {
  return createHash('shake256', { outputLength: 64 }).update(bytes).digest();
}
