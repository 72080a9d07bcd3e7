import { type Cursor, DerError, der, type Element, tag } from '../der/index.js';

/** RFC 9810 section 5.2.3, PKIStatus ::= INTEGER; the place in the list is the number. */
export const pkiStatuses = ['accepted', 'grantedWithMods', 'rejection', 'waiting', 'revocationWarning', 'revocationNotification', 'keyUpdateWarning'] as const;
export type PkiStatus = (typeof pkiStatuses)[number];

/** RFC 9810 section 5.2.3, PKIFailureInfo ::= BIT STRING; the place in the list is the bit. */
export const failInfos = [
  'badAlg',
  'badMessageCheck',
  'badRequest',
  'badTime',
  'badCertId',
  'badDataFormat',
  'wrongAuthority',
  'incorrectData',
  'missingTimeStamp',
  'badPOP',
  'certRevoked',
  'certConfirmed',
  'wrongIntegrity',
  'badRecipientNonce',
  'timeNotAvailable',
  'unacceptedPolicy',
  'unacceptedExtension',
  'addInfoNotAvailable',
  'badSenderNonce',
  'badCertTemplate',
  'signerNotTrusted',
  'transactionIdInUse',
  'unsupportedVersion',
  'notAuthorized',
  'systemUnavail',
  'systemFailure',
  'duplicateCertReq',
] as const;
export type FailInfo = (typeof failInfos)[number];

/** RFC 9810 section 5.2.3
 *  PKIStatusInfo ::= SEQUENCE {
 *    status        PKIStatus,
 *    statusString  PKIFreeText     OPTIONAL,
 *    failInfo      PKIFailureInfo  OPTIONAL } */
export interface PkiStatusInfo {
  readonly status: PkiStatus;
  readonly statusString?: readonly string[];
  readonly failInfo?: readonly FailInfo[];
}

export function readPkiStatusInfo(cursor: Cursor): PkiStatusInfo {
  const fields = cursor.sequence();
  const status = readPkiStatus(fields);
  const statusString = fields.at(tag.sequence) ? readFreeText(fields) : undefined;
  const failInfo = fields.at(tag.bitString) ? readFailInfo(fields) : undefined;
  fields.end();
  return { status, ...(statusString && { statusString }), ...(failInfo && { failInfo }) };
}

export function encodePkiStatusInfo(info: PkiStatusInfo): Element {
  return der.sequence(
    der.integer(pkiStatuses.indexOf(info.status)),
    info.statusString && encodeFreeText(info.statusString),
    info.failInfo && der.namedBits(info.failInfo.map((name) => failInfos.indexOf(name))),
  );
}

function readPkiStatus(cursor: Cursor): PkiStatus {
  const offset = cursor.position;
  const status = pkiStatuses[cursor.smallInteger()];
  if (status === undefined) throw new DerError('bad-value', offset, 'PKIStatus.');
  return status;
}

/** Bits that are not in the table are passed over: more may be added (RFC 9810 section 5.2.3). */
function readFailInfo(cursor: Cursor): FailInfo[] {
  const { bytes } = cursor.bitString();
  return failInfos.filter((_, bit) => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0);
}

/** PKIFreeText ::= SEQUENCE SIZE (1..MAX) OF UTF8String */
export function readFreeText(cursor: Cursor): string[] {
  const offset = cursor.position;
  const texts = cursor.sequence().each((item) => {
    if (!item.at(tag.utf8String)) throw new DerError('bad-tag', item.position, 'PKIFreeText holds UTF8Strings.');
    return item.text();
  });
  if (texts.length === 0) throw new DerError('bad-value', offset, 'PKIFreeText is empty.');
  return texts;
}

export function encodeFreeText(texts: readonly string[]): Element {
  return der.sequence(...texts.map(der.utf8String));
}
