import { type GeneralName, readGeneralName } from '../../pkix/index.js';
import { type Cursor, der, type Element } from '../der/index.js';

/** RFC 4211 section 6.5: CertId ::= SEQUENCE { issuer GeneralName, serialNumber INTEGER } */
export interface CertId {
  readonly issuer: GeneralName;
  /** Content octets. */
  readonly serialNumber: Buffer;
}

/** Throws `DerError`. */
export function readCertId(cursor: Cursor): CertId {
  const fields = cursor.sequence();
  const issuer = readGeneralName(fields);
  const serialNumber = fields.integer();
  fields.end();
  return { issuer, serialNumber };
}

export function encodeCertId(certId: CertId): Element {
  return der.sequence(certId.issuer.der, der.integerContent(certId.serialNumber));
}
