import { type Cursor, der, type Element, tag } from '../der/index.js';
import { encodeFreeText, encodePkiStatusInfo, type PkiStatusInfo, readFreeText, readPkiStatusInfo } from './status.js';

/** RFC 9810 section 5.3.21
 *  ErrorMsgContent ::= SEQUENCE {
 *    pKIStatusInfo  PKIStatusInfo,
 *    errorCode      INTEGER      OPTIONAL,
 *    errorDetails   PKIFreeText  OPTIONAL } */
export interface ErrorMsgContent {
  readonly pKIStatusInfo: PkiStatusInfo;
  /** Content octets of the INTEGER. */
  readonly errorCode?: Buffer;
  readonly errorDetails?: readonly string[];
}

/** Throws `DerError`. */
export function readErrorMsgContent(cursor: Cursor): ErrorMsgContent {
  const fields = cursor.sequence();
  const pKIStatusInfo = readPkiStatusInfo(fields);
  const errorCode = fields.at(tag.integer) ? fields.integer() : undefined;
  const errorDetails = fields.at(tag.sequence) ? readFreeText(fields) : undefined;
  fields.end();
  return { pKIStatusInfo, ...(errorCode && { errorCode }), ...(errorDetails && { errorDetails }) };
}

export function encodeErrorMsgContent(content: ErrorMsgContent): Element {
  return der.sequence(
    encodePkiStatusInfo(content.pKIStatusInfo),
    content.errorCode && der.integerContent(content.errorCode),
    content.errorDetails && encodeFreeText(content.errorDetails),
  );
}
