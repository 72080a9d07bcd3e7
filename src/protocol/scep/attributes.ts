import { type Attribute, attribute, singleValue } from '../cms/index.js';
import { Cursor, der, type Element, guarded, oids, tag } from '../der/index.js';

/** The SCEP attributes of a request as far as they can be read (RFC 8894 §3.2.1). */
export interface RequestAttributes {
  /** Content octets of the string, to be echoed byte for byte; undefined when absent or empty. */
  readonly transactionId: Buffer | undefined;
  readonly senderNonce: Buffer | undefined;
  /** Undefined when absent or no number. */
  readonly messageType: number | undefined;
  /** One of the three stands twice, or without exactly one value. */
  readonly isAmbiguous: boolean;
}

const maxTransactionId = 256;

/** Takes character strings of any type where RFC 8894 says PrintableString: clients send UTF8String and IA5String too. */
export function readRequestAttributes(attributes: readonly Attribute[]): RequestAttributes {
  const values = [oids.scepTransactionId, oids.scepMessageType, oids.scepSenderNonce].map((oid) => singleValue(attributes, oid));
  const [transactionId, messageType, senderNonce] = values as [Found, Found, Found];
  return {
    transactionId: readTransactionId(transactionId === 'ambiguous' ? firstValue(attributes, oids.scepTransactionId) : transactionId),
    messageType: readNumber(messageType),
    senderNonce: readOctets(senderNonce),
    isAmbiguous: values.includes('ambiguous'),
  };
}

type Found = Buffer | 'absent' | 'ambiguous';

/** Good enough to tell a client that its transactionID stands twice. */
function firstValue(attributes: readonly Attribute[], oid: string): Found {
  return attributes.find((item) => item.oid === oid)?.values[0] ?? 'absent';
}

const stringTags: readonly number[] = [tag.printableString, tag.utf8String, tag.ia5String, tag.teletexString, tag.visibleString, tag.numericString];

function stringContent(value: Buffer): Buffer | undefined {
  const cursor = new Cursor(value);
  const type = cursor.peekTag();
  const read = guarded(() => cursor.content(type));
  return read.ok && stringTags.includes(type) ? read.value : undefined;
}

function readTransactionId(value: Found): Buffer | undefined {
  const content = typeof value === 'string' ? undefined : stringContent(value);
  return content === undefined || content.length === 0 || content.length > maxTransactionId ? undefined : content;
}

/** Decimal text; leading zeros and spaces are seen in the field. */
function readNumber(value: Found): number | undefined {
  const text = typeof value === 'string' ? undefined : stringContent(value)?.toString('latin1').trim();
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function readOctets(value: Found): Buffer | undefined {
  if (typeof value === 'string') return undefined;
  const read = guarded(() => new Cursor(value).octetString());
  return read.ok ? read.value : undefined;
}

/** A transactionID as operators see it: printable ASCII as it is, anything else in hexadecimal. */
export function transactionIdText(transactionId: Buffer): string {
  const text = transactionId.toString('latin1');
  return /^[\x20-\x7e]*$/.test(text) ? text : `hex:${transactionId.toString('hex')}`;
}

/** PrintableString from content octets, whatever string type they came in (RFC 8894 §3.2.1.1). */
export function transactionIdAttribute(transactionId: Buffer): Element {
  return attribute(oids.scepTransactionId, der.primitive(tag.printableString, transactionId));
}

/** "numbers ... as PrintableString decimal text" (RFC 8894 §3.2). */
export function numberAttribute(oid: string, value: number): Element {
  return attribute(oid, der.printableString(String(value)));
}

export function nonceAttribute(oid: string, nonce: Buffer): Element {
  return attribute(oid, der.octetString(nonce));
}
