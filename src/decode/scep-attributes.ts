import { type Attribute, singleValue } from '../protocol/cms/index.js';
import { Cursor, guarded, oids } from '../protocol/der/index.js';
import { failInfos, messageTypes, pkiStatuses, type ScepFailInfo } from '../protocol/scep/index.js';
import { type Field, field, group, listed } from './field.js';
import { hexText, oidName, timeText, unshown } from './words.js';

type Shown = Omit<Field, 'name'>;
type Reader = (cursor: Cursor) => Shown;

const maxAttributes = 40;

/** RFC 8894 section 3.2.1.4. */
const failInfoWords: Readonly<Record<ScepFailInfo, string>> = {
  badAlg: 'unrecognised or unsupported algorithm',
  badMessageCheck: 'the signature of the CMS message did not verify',
  badRequest: 'transaction not permitted or supported',
  badTime: 'signingTime is not close enough to the time of the system',
  badCertId: 'no certificate matches the criteria',
};

/** A decimal number of a closed list, by its name there. */
function numbered(table: Readonly<Record<string, number>>, note: (name: string) => string | undefined = () => undefined): Reader {
  return (cursor) => {
    const text = cursor.text();
    const name = Object.keys(table).find((key) => String(table[key]) === text.trim());
    if (name === undefined) return { value: text, verdict: 'failed', note: 'not a registered number' };
    const words = note(name);
    return { value: `${text} (${name})`, ...(words !== undefined && { note: words }) };
  };
}

/** RFC 8894 section 3.2.1.5: 16 bytes; old iOS sends 8. */
const nonce: Reader = (cursor) => {
  const octets = cursor.octetString();
  if (octets.length < 8 || octets.length > 64) return { value: hexText(octets), verdict: 'failed', note: 'an impossible length; 16 bytes by the book' };
  return octets.length === 16 ? { value: hexText(octets) } : { value: hexText(octets), note: '16 bytes by the book' };
};

const text: Reader = (cursor) => {
  const value = cursor.text();
  return value === '' ? { value, verdict: 'failed', note: 'empty' } : { value };
};

/** RFC 8894 section 3.2.1 and RFC 5652 section 11, by the names there. */
const known: Readonly<Record<string, { readonly name: string; readonly read: Reader }>> = {
  [oids.scepMessageType]: { name: 'messageType', read: numbered(messageTypes) },
  [oids.scepPkiStatus]: { name: 'pkiStatus', read: numbered(pkiStatuses) },
  [oids.scepFailInfo]: { name: 'failInfo', read: numbered(failInfos, (name) => failInfoWords[name as ScepFailInfo]) },
  [oids.scepFailInfoText]: { name: 'failInfoText', read: text },
  [oids.scepTransactionId]: { name: 'transactionID', read: text },
  [oids.scepSenderNonce]: { name: 'senderNonce', read: nonce },
  [oids.scepRecipientNonce]: { name: 'recipientNonce', read: nonce },
  [oids.contentType]: { name: 'contentType', read: (cursor) => ({ value: oidName(cursor.oid()) }) },
  [oids.messageDigest]: { name: 'messageDigest', read: (cursor) => ({ value: hexText(cursor.octetString()) }) },
  [oids.signingTime]: { name: 'signingTime', read: (cursor) => ({ value: timeText(cursor.time()) }) },
};

/** Each signed attribute, and those that a message of this type must have and has not. */
export function attributesField(attributes: readonly Attribute[]): Field {
  const present = listed(attributes, maxAttributes, attributeField);
  return group('signedAttributes', attributes.length, [...present, ...missing(attributes)]);
}

function attributeField({ oid, values }: Attribute): Field {
  const row = known[oid];
  const [value] = values;
  if (row === undefined) return field(oidName(oid), unshown(Buffer.concat(values)));
  if (value === undefined || values.length !== 1) return field(row.name, `${values.length} values`, { verdict: 'failed', note: 'exactly one belongs here' });
  const read = guarded(() => row.read(new Cursor(value)));
  return read.ok ? { name: row.name, ...read.value } : field(row.name, unshown(value), { verdict: 'failed', note: 'malformed' });
}

/** RFC 8894 section 3.2.1, table 1. */
function missing(attributes: readonly Attribute[]): Field[] {
  const { isCertRep, isFailure } = situationOf(attributes);
  const wanted = [
    oids.scepTransactionId,
    oids.scepMessageType,
    oids.scepSenderNonce,
    ...(isCertRep ? [oids.scepPkiStatus, oids.scepRecipientNonce] : []),
    ...(isFailure ? [oids.scepFailInfo] : []),
  ];
  const absent = wanted.filter((oid) => attributes.every((attribute) => attribute.oid !== oid));
  return absent.map((oid) => field(known[oid]?.name ?? oid, 'absent', { verdict: 'failed', note: 'required here' }));
}

function situationOf(attributes: readonly Attribute[]): { readonly isCertRep: boolean; readonly isFailure: boolean } {
  const isCertRep = numberIn(attributes, oids.scepMessageType) === messageTypes.CertRep;
  return { isCertRep, isFailure: isCertRep && numberIn(attributes, oids.scepPkiStatus) === pkiStatuses.FAILURE };
}

/** The number of an attribute; undefined when absent, ambiguous or no number. */
export function numberIn(attributes: readonly Attribute[], oid: string): number | undefined {
  const value = singleValue(attributes, oid);
  if (typeof value === 'string') return undefined;
  const read = guarded(() => new Cursor(value).text().trim());
  return read.ok && /^\d{1,9}$/.test(read.value) ? Number(read.value) : undefined;
}
