import { type Extension, readAlgorithmIdentifier, readExtensions } from '../../pkix/index.js';
import { type Cursor, DerError, decode, type Limits, tag } from '../../protocol/der/index.js';
import type { Result } from '../../runtime/result.js';
import { ocspOids } from './oids.js';

/** RFC 6960 section 4.1.1
 *  CertID ::= SEQUENCE {
 *    hashAlgorithm   AlgorithmIdentifier,
 *    issuerNameHash  OCTET STRING,
 *    issuerKeyHash   OCTET STRING,
 *    serialNumber    CertificateSerialNumber } */
export interface CertId {
  /** The whole encoding, as it goes into the answer. */
  readonly der: Buffer;
  readonly hashAlgorithm: string;
  readonly issuerNameHash: Buffer;
  readonly issuerKeyHash: Buffer;
  /** Lower-case hexadecimal. */
  readonly serial: string;
}

export interface OcspRequest {
  readonly certIds: readonly CertId[];
  /** The extension's value, which goes back as it came. */
  readonly nonce: Buffer | undefined;
}

const requestLimits: Limits = { maxBytes: 16 * 1024, maxDepth: 16, maxNodes: 1_000 };
/** Clients ask for one certificate, or for those of one chain. */
const mostCertIds = 16;
/** RFC 9654 section 2.1: 1 to 128 octets. */
const mostNonceOctets = 128;

/**
 * OCSPRequest ::= SEQUENCE { tbsRequest TBSRequest, optionalSignature [0] EXPLICIT Signature OPTIONAL }. A signature is passed over: anyone
 * may ask.
 */
export function parseOcspRequest(bytes: Buffer): Result<OcspRequest, DerError> {
  return decode(bytes, requestLimits, (outer) => {
    const fields = outer.sequence();
    const request = readTbs(fields.sequence());
    if (fields.at(0xa0)) fields.skip();
    fields.end();
    return request;
  });
}

/** TBSRequest ::= SEQUENCE { version [0], requestorName [1] OPTIONAL, requestList SEQUENCE OF Request, requestExtensions [2] OPTIONAL } */
function readTbs(tbs: Cursor): OcspRequest {
  const version = tbs.explicit(0)?.smallInteger() ?? 0;
  if (version !== 0) throw new DerError('bad-value', 0, 'The version is not v1.');
  if (tbs.at(0xa1)) tbs.skip();
  const certIds = tbs.sequence().each(readRequest);
  if (certIds.length === 0 || certIds.length > mostCertIds) throw new DerError('bad-value', 0, 'No CertID, or too many.');
  const extensions = readOptionalExtensions(tbs);
  tbs.end();
  const nonce = extensions.find(({ oid }) => oid === ocspOids.nonce)?.value;
  if (nonce !== undefined && !isNonce(nonce)) throw new DerError('bad-value', 0, 'The nonce is empty or too long.');
  return { certIds, nonce };
}

function readOptionalExtensions(tbs: Cursor): readonly Extension[] {
  const inner = tbs.explicit(2);
  const extensions = inner === undefined ? [] : readExtensions(inner.sequence());
  inner?.end();
  return extensions;
}

/** Request ::= SEQUENCE { reqCert CertID, singleRequestExtensions [0] EXPLICIT OPTIONAL } */
function readRequest(list: Cursor): CertId {
  const fields = list.sequence();
  const der = fields.elementOf(tag.sequence);
  if (fields.at(0xa0)) fields.skip();
  fields.end();
  return readCertId(der);
}

function readCertId(der: Buffer): CertId {
  const id = decode(der, requestLimits, (outer) => {
    const fields = outer.sequence();
    const { oid: hashAlgorithm } = readAlgorithmIdentifier(fields);
    const [issuerNameHash, issuerKeyHash] = [fields.octetString(), fields.octetString()];
    const serial = fields.integer();
    fields.end();
    return { hashAlgorithm, issuerNameHash, issuerKeyHash, serial: serialText(serial) };
  });
  if (!id.ok) throw id.error;
  return { der, ...id.value };
}

function serialText(content: Buffer): string {
  return (content.length > 1 && content[0] === 0 ? content.subarray(1) : content).toString('hex');
}

/** Nonce ::= OCTET STRING (SIZE(1..128)); old clients put the octets into the extension without that. */
function isNonce(value: Buffer): boolean {
  const [elementTag, length = 0] = value;
  const content = elementTag === tag.octetString && length === value.length - 2 ? length : value.length;
  const isLong = elementTag === tag.octetString && length === 0x81 && value[2] === value.length - 3;
  return (isLong ? value.length - 3 : content) >= 1 && (isLong ? value.length - 3 : content) <= mostNonceOctets;
}
