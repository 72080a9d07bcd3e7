import { Cursor, contextConstructed, der, type Element, encode, tag } from '../der/index.js';

/** RFC 5652 §5.3
 *  Attribute ::= SEQUENCE {
 *    attrType    OBJECT IDENTIFIER,
 *    attrValues  SET OF AttributeValue } */
export interface Attribute {
  readonly oid: string;
  /** The whole encodings of the values. */
  readonly values: readonly Buffer[];
}

/** `signedAttrs [0] IMPLICIT SignedAttributes`, with the element as received. */
export interface SignedAttributes {
  readonly received: Buffer;
  readonly attributes: readonly Attribute[];
}

/** Throws `DerError`. */
export function readSignedAttributes(cursor: Cursor): SignedAttributes {
  const received = cursor.elementOf(contextConstructed(0));
  return { received, attributes: new Cursor(received).enter(contextConstructed(0)).each(readAttribute) };
}

function readAttribute(cursor: Cursor): Attribute {
  const fields = cursor.sequence();
  const oid = fields.oid();
  const values = fields.set().each((value) => value.element());
  fields.end();
  return { oid, values };
}

export function attribute(oid: string, value: Element): Element {
  return der.sequence(der.oid(oid), der.set(value));
}

/** The value of an attribute that stands once with one value; `absent`, or `ambiguous` for anything else. */
export function singleValue(attributes: readonly Attribute[], oid: string): Buffer | 'absent' | 'ambiguous' {
  let found: Attribute | undefined;
  for (const item of attributes) {
    if (item.oid !== oid) continue;
    if (found !== undefined) return 'ambiguous';
    found = item;
  }
  if (found === undefined) return 'absent';
  return found.values.length === 1 ? (found.values[0] as Buffer) : 'ambiguous';
}

/** True when no attribute stands twice and each has exactly one value. */
export function areSingleValued(attributes: readonly Attribute[]): boolean {
  return new Set(attributes.map((item) => item.oid)).size === attributes.length && attributes.every((item) => item.values.length === 1);
}

/** The bytes a signature covers: the attributes under the SET OF tag (RFC 5652 §5.4: "a separate encoding ... with an EXPLICIT SET OF tag"), in the order received. */
export function asReceived(attributes: SignedAttributes): Buffer {
  return der.retagged(tag.set, attributes.received);
}

/** As `asReceived` in DER order; undefined when they are in that order already. */
export function inDerOrder(attributes: SignedAttributes): Buffer | undefined {
  const parts = new Cursor(attributes.received).enter(contextConstructed(0)).each((item) => item.element());
  const isSorted = parts.every((part, index) => index === 0 || Buffer.compare(parts[index - 1] as Buffer, part) <= 0);
  return isSorted ? undefined : encode(der.setOf(parts));
}
