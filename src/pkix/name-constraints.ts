import { type Cursor, contextConstructed, contextPrimitive, Cursor as DerCursor, DerError, guarded, oids } from '../protocol/der/index.js';
import type { Result } from '../runtime/result.js';
import type { Certificate } from './certificate.js';
import { type Extension, subjectAltNames } from './extension.js';
import { type GeneralName, type GeneralNameType, generalNameTypes } from './general-name.js';
import { canonicalRdns, type Name, readName } from './name.js';

/** RFC 5280 section 4.2.1.10
 *  NameConstraints ::= SEQUENCE {
 *    permittedSubtrees  [0] GeneralSubtrees OPTIONAL,
 *    excludedSubtrees   [1] GeneralSubtrees OPTIONAL }
 *  GeneralSubtree ::= SEQUENCE {
 *    base         GeneralName,
 *    minimum  [0] BaseDistance DEFAULT 0,
 *    maximum  [1] BaseDistance OPTIONAL }
 *  "minimum MUST be zero, and maximum MUST be absent": anything else is `bad-value`. */
export interface NameConstraints {
  readonly permitted: readonly Subtree[];
  readonly excluded: readonly Subtree[];
}

interface Subtree {
  readonly type: GeneralNameType;
  /** The content of the base; of a directoryName its Name. */
  readonly content: Buffer;
  readonly name?: Name;
}

/** The constraints of a certificate; undefined when it has none. */
export function nameConstraintsOf(extensions: readonly Extension[]): Result<NameConstraints | undefined, DerError> {
  const found = extensions.find((item) => item.oid === oids.nameConstraints);
  return guarded(() => {
    if (found === undefined) return undefined;
    const cursor = new DerCursor(found.value);
    const fields = cursor.sequence();
    const permitted = readSubtrees(fields, 0);
    const excluded = readSubtrees(fields, 1);
    fields.end();
    cursor.end();
    if (permitted.length + excluded.length === 0) throw new DerError('bad-value', 0, 'NameConstraints is empty.');
    return { permitted, excluded };
  });
}

function readSubtrees(fields: Cursor, n: number): readonly Subtree[] {
  return fields.enterOptional(contextConstructed(n))?.each(readSubtree) ?? [];
}

function readSubtree(cursor: Cursor): Subtree {
  const fields = cursor.sequence();
  const subtree = readBase(fields);
  if (!fields.isEmpty) throw new DerError('bad-value', fields.position, 'minimum and maximum of a GeneralSubtree.');
  return subtree;
}

/** The base is written as a GeneralName, but an address carries its mask and a name may be empty or begin with a dot. */
function readBase(cursor: Cursor): Subtree {
  const number = cursor.peekTag() & 0x1f;
  const type = generalNameTypes[number];
  if (type === undefined) throw new DerError('bad-tag', cursor.position, 'GeneralName.');
  if (type === 'directory') {
    const choice = cursor.enter(contextConstructed(number));
    const name = readName(choice);
    choice.end();
    return { type, content: name.der, name };
  }
  const isConstructed = type === 'other' || type === 'x400' || type === 'ediParty';
  return { type, content: isConstructed ? cursor.element() : cursor.content(contextPrimitive(number)) };
}

/** Comparisons that one path may cost; a certificate of ten thousand names under ten thousand constraints is an attack. */
export interface NameWork {
  left: number;
}

/** True when subject and alternative names of a certificate keep within the constraints (RFC 5280 section 6.1.3 b, c). */
export function areNamesWithin(certificate: Certificate, constraints: NameConstraints, work: NameWork): boolean {
  const names = constrainedNames(certificate);
  if (names === undefined) return false;
  return names.every((name) => isWithin(name, constraints, work));
}

type ConstrainedName = Pick<GeneralName, 'type' | 'text'> & { readonly content: Buffer; readonly name?: Name };

function constrainedNames(certificate: Certificate): readonly ConstrainedName[] | undefined {
  const sans = subjectAltNames(certificate.extensions);
  if (!sans.ok) return undefined;
  const alternative = sans.value.map(({ type, text, der, name }) => ({ type, text, content: contentOf(der), ...(name && { name }) }));
  const { subject } = certificate;
  const directory: ConstrainedName[] = subject.rdns.length === 0 ? [] : [{ type: 'directory', text: '', content: subject.der, name: subject }];
  return [...directory, ...alternative, ...(certificate.extensions.some((item) => item.oid === oids.subjectAltName) ? [] : mailOf(subject))];
}

/** "When a constraint is imposed on the rfc822Name name form, but the certificate does not include a subject alternative name" (section 4.2.1.10). */
function mailOf(subject: Name): readonly ConstrainedName[] {
  const found = subject.rdns.flat().filter((attribute) => attribute.type === oids.emailAddress);
  return found.map(({ text }) => ({ type: 'email', text, content: Buffer.from(text, 'utf8') }));
}

function contentOf(element: Buffer): Buffer {
  return new DerCursor(element).content(element[0] as number);
}

function isWithin(name: ConstrainedName, { permitted, excluded }: NameConstraints, work: NameWork): boolean {
  const matches = (subtree: Subtree): boolean => {
    work.left -= 1;
    return isInSubtree(name, subtree);
  };
  const ofType = (list: readonly Subtree[]) => list.filter((subtree) => subtree.type === name.type);
  const [inside, outside] = [ofType(permitted), ofType(excluded)];
  work.left -= permitted.length + excluded.length;
  if (work.left < 0) return false;
  // Kinds of name that cannot be compared may not be there at all.
  if (inside.length + outside.length > 0 && !comparable.has(name.type)) return false;
  return !outside.some(matches) && (inside.length === 0 || inside.some(matches)) && work.left >= 0;
}

const comparable: ReadonlySet<GeneralNameType> = new Set(['directory', 'dns', 'email', 'uri', 'ip']);

function isInSubtree(name: ConstrainedName, subtree: Subtree): boolean {
  const base = subtree.content.toString('latin1').toLowerCase();
  switch (name.type) {
    case 'directory':
      return name.name !== undefined && subtree.name !== undefined && isBelow(name.name, subtree.name);
    case 'dns':
      return isInDomain(name.text.toLowerCase(), base);
    case 'email':
      return isMailWithin(name.text, subtree.content.toString('latin1'));
    case 'uri':
      return isUriWithin(name.text, base);
    case 'ip':
      return isInNetwork(name.content, subtree.content);
    default:
      return false;
  }
}

function isBelow(name: Name, base: Name): boolean {
  const [inside, outside] = [canonicalRdns(name), canonicalRdns(base)];
  return outside.every((rdn, index) => inside[index] === rdn);
}

/** "zero or more labels to the left-hand side"; a leading dot, which RFC 5280 does not know for DNS, means at least one. */
function isInDomain(host: string, base: string): boolean {
  if (base.startsWith('.')) return host.endsWith(base) && host.length > base.length;
  return base === '' || host === base || host.endsWith(`.${base}`);
}

/** A mailbox, all mailboxes of a host, or of all hosts below a domain. */
function isMailWithin(mail: string, base: string): boolean {
  const at = mail.lastIndexOf('@');
  const host = mail.slice(at + 1).toLowerCase();
  const wanted = base.lastIndexOf('@');
  if (wanted >= 0) return mail.slice(0, at) === base.slice(0, wanted) && host === base.slice(wanted + 1).toLowerCase();
  return isHostWithin(host, base.toLowerCase());
}

/** "The constraint ... applies to the host part of the name"; a URI without a host name is within nothing. */
function isUriWithin(uri: string, base: string): boolean {
  const host = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#:@[\]]+)/i.exec(uri)?.[1]?.toLowerCase();
  return host !== undefined && !/^[\d.]+$/.test(host) && isHostWithin(host, base);
}

/** With a leading dot "one or more labels" before it, else exactly this host. */
function isHostWithin(host: string, base: string): boolean {
  return base.startsWith('.') ? host.endsWith(base) && host.length > base.length : host === base;
}

/** The base of an address is address and mask (RFC 4632). */
function isInNetwork(address: Buffer, base: Buffer): boolean {
  if (base.length !== address.length * 2) return false;
  return address.every((octet, index) => {
    const mask = base[address.length + index] as number;
    return (octet & mask) === ((base[index] as number) & mask);
  });
}
