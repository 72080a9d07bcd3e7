import { fail, ok, type Result } from '../../runtime/result.js';
import { Cursor, DerError, der, type Element, encode, generalizedTime, guarded, oids, tag } from '../der/index.js';

/** RFC 9810 section 5.1.1
 *  InfoTypeAndValue ::= SEQUENCE {
 *    infoType   OBJECT IDENTIFIER,
 *    infoValue  ANY DEFINED BY infoType OPTIONAL } */
export interface InfoTypeAndValue {
  readonly infoType: string;
  /** The whole encoding of infoValue. */
  readonly infoValue?: Buffer;
}

export function readInfoTypeAndValue(cursor: Cursor): InfoTypeAndValue {
  const fields = cursor.sequence();
  const infoType = fields.oid();
  if (fields.isEmpty) return { infoType };
  const infoValue = fields.element();
  fields.end();
  return { infoType, infoValue };
}

export function encodeInfoTypeAndValue(item: InfoTypeAndValue): Element {
  return der.sequence(der.oid(item.infoType), item.infoValue);
}

/** RFC 9810 section 5.1.1.1: ImplicitConfirmValue ::= NULL */
export const implicitConfirmItem: InfoTypeAndValue = { infoType: oids.implicitConfirm, infoValue: der.nullValue() };

/** RFC 9810 section 5.1.1.2: ConfirmWaitTimeValue ::= GeneralizedTime */
export function confirmWaitTimeItem(until: Date): InfoTypeAndValue {
  return { infoType: oids.confirmWaitTime, infoValue: generalizedTime(until) };
}

/** RFC 9810 section 5.1.1.4: CertProfileValue ::= SEQUENCE SIZE (1..MAX) OF UTF8String */
export function certProfileItem(name: string): InfoTypeAndValue {
  return { infoType: oids.certProfile, infoValue: encode(der.sequence(der.utf8String(name))) };
}

/** What of generalInfo a server acts on; unknown items are ignored (RFC 9483 section 3.5). */
export interface KnownGeneralInfo {
  readonly implicitConfirm: boolean;
  /** The one name in certProfile; undefined when absent or the empty string. */
  readonly certProfile?: string;
}

export type GeneralInfoFault = 'malformed' | 'contradictory';

/**
 * `malformed`: a value of another type, or certProfile with more than one name (RFC 9483 section 3.1: "MUST contain exactly
 * one"); `contradictory`: implicitConfirm and confirmWaitTime together, which exclude each other there.
 */
export function knownGeneralInfo(items: readonly InfoTypeAndValue[]): Result<KnownGeneralInfo, GeneralInfoFault> {
  const implicitConfirm = items.find((item) => item.infoType === oids.implicitConfirm);
  const confirmWaitTime = items.find((item) => item.infoType === oids.confirmWaitTime);
  const certProfile = items.find((item) => item.infoType === oids.certProfile);
  const read = guarded(() => {
    if (implicitConfirm !== undefined) infoCursor(implicitConfirm).null();
    if (confirmWaitTime !== undefined) infoCursor(confirmWaitTime).generalizedTime();
    return certProfile === undefined ? undefined : readCertProfile(infoCursor(certProfile));
  });
  if (!read.ok) return fail('malformed');
  if (implicitConfirm !== undefined && confirmWaitTime !== undefined) return fail('contradictory');
  const known = { implicitConfirm: implicitConfirm !== undefined };
  return ok(read.value === undefined || read.value === '' ? known : { ...known, certProfile: read.value });
}

function infoCursor(item: InfoTypeAndValue): Cursor {
  return new Cursor(item.infoValue ?? Buffer.alloc(0));
}

function readCertProfile(value: Cursor): string {
  const names = value.sequence().each((item) => {
    if (!item.at(tag.utf8String)) throw new DerError('bad-tag', item.position, 'certProfile.');
    return item.text();
  });
  if (names.length !== 1) throw new DerError('bad-value', 0, 'certProfile holds one name.');
  return names[0] as string;
}
