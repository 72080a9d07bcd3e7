import { type Extension, encodeExtension, readExtension } from '../../pkix/index.js';
import type { Result } from '../../runtime/result.js';
import { type Cursor, Cursor as DerCursor, DerError, der, type Element, encode, guarded, oids, tag } from '../der/index.js';
import { type CertId, encodeCertId, readCertId } from './cert-id.js';
import { type CertTemplate, encodeCertTemplate, readCertTemplate } from './cert-template.js';
import { encodePkiStatusInfo, type PkiStatusInfo, readPkiStatusInfo } from './status.js';

/** RFC 9810 section 5.3.9
 *  RevReqContent ::= SEQUENCE OF RevDetails
 *  RevDetails ::= SEQUENCE {
 *    certDetails      CertTemplate,
 *    crlEntryDetails  Extensions OPTIONAL } */
export interface RevDetails {
  readonly certDetails: CertTemplate;
  /** Extensions, DER: undecoded, so that a bad one is answered in the rp and is no fault of the message. */
  readonly crlEntryDetails?: Buffer;
}

/** Throws `DerError`. */
export function readRevReqContent(cursor: Cursor): RevDetails[] {
  const offset = cursor.position;
  const details = cursor.sequence().each((item) => {
    const fields = item.sequence();
    const certDetails = readCertTemplate(fields);
    const crlEntryDetails = fields.at(tag.sequence) ? fields.element() : undefined;
    fields.end();
    return { certDetails, ...(crlEntryDetails && { crlEntryDetails }) };
  });
  if (details.length === 0) throw new DerError('bad-value', offset, 'RevReqContent is empty.');
  return details;
}

export function encodeRevReqContent(details: readonly RevDetails[]): Element {
  return der.sequence(...details.map((item) => der.sequence(encodeCertTemplate(item.certDetails), item.crlEntryDetails)));
}

/** The entry extensions asked for, also those that stand twice; none when the field is absent. */
export function crlEntryExtensions({ crlEntryDetails }: RevDetails): Result<readonly Extension[], DerError> {
  return guarded(() => (crlEntryDetails === undefined ? [] : new DerCursor(crlEntryDetails).sequence().each(readExtension)));
}

/** crlEntryDetails with a CRLReason number (RFC 5280 section 5.3.1). */
export function crlReasonDetails(reason: number): Buffer {
  const value = encode(der.integer(reason, tag.enumerated));
  return encode(der.sequence(encodeExtension({ oid: oids.reasonCode, critical: false, value })));
}

/** RFC 9810 section 5.3.10
 *  RevRepContent ::= SEQUENCE {
 *    status        SEQUENCE SIZE (1..MAX) OF PKIStatusInfo,
 *    revCerts  [0] SEQUENCE SIZE (1..MAX) OF CertId OPTIONAL,
 *    crls      [1] SEQUENCE SIZE (1..MAX) OF CertificateList OPTIONAL } */
export interface RevRepContent {
  /** In the order of the request. */
  readonly status: readonly PkiStatusInfo[];
  readonly revCerts?: readonly CertId[];
  /** DER. */
  readonly crls?: readonly Buffer[];
}

/** Throws `DerError`. */
export function readRevRepContent(cursor: Cursor): RevRepContent {
  const fields = cursor.sequence();
  const status = fields.sequence().each(readPkiStatusInfo);
  const revCerts = fields.explicit(0)?.sequence().each(readCertId);
  const crls = fields
    .explicit(1)
    ?.sequence()
    .each((item) => item.elementOf(tag.sequence));
  fields.end();
  return { status, ...(revCerts && { revCerts }), ...(crls && { crls }) };
}

export function encodeRevRepContent(content: RevRepContent): Element {
  return der.sequence(
    der.sequence(...content.status.map(encodePkiStatusInfo)),
    content.revCerts && der.explicit(0, der.sequence(...content.revCerts.map(encodeCertId))),
    content.crls && der.explicit(1, der.sequence(...content.crls)),
  );
}
