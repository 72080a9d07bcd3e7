import { BlockList, isIP } from 'node:net';
import { buildRdns, type GeneralName, isSameName, type Name, nameFromText, shortNames } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { Policy } from '../tenancy/policy.js';
import type { Grant } from './identify.js';
import { type Refusal, refusal } from './refusal.js';

export interface Names {
  readonly subject: Name;
  readonly sans: readonly GeneralName[];
}

type Rules = Policy['names'];

/** The subject that goes into the certificate: the requested one, or the one the profile's template makes of what is known of the device. */
export function subjectFor(asked: Names, grant: Grant, rules: Rules): Result<Name, Refusal> {
  const { template } = rules.subject;
  if (template === null) return ok(asked.subject);
  const parsed = nameFromText(template);
  if (!parsed.ok) throw new Error(parsed.error);
  const missing = new Set<string>();
  const fill = (text: string): string => text.replace(/\{(\w+)\}/g, (_, source: string) => sourceValue(source, asked, grant) ?? note(missing, source));
  const rdns = parsed.value.rdns.map((rdn) => rdn.map(({ type, text }) => [type, fill(text)] as const));
  if (missing.size > 0) return fail(refusal('subject-incomplete', [...missing].join(', ')));
  return ok(buildRdns(rdns));
}

function note(missing: Set<string>, source: string): string {
  missing.add(source);
  return '';
}

/** Values are put in after the template was taken apart, so that a comma in one is no new attribute. */
function sourceValue(source: string, { subject, sans }: Names, grant: Grant): string | undefined {
  if (source === 'reference') return grant.reference;
  if (source === 'deviceId') return grant.challenge?.deviceId ?? undefined;
  if (source === 'dns' || source === 'ip' || source === 'email') return sans.find(({ type }) => type === source)?.text;
  return subject.rdns.flat().find(({ type }) => shortNames[type] === source)?.text;
}

/** A renewal may come with the subject of its certificate, or with that which the template once made it of. */
export function isSubjectOf(certified: Name, asked: Names, grant: Grant, rules: Rules): boolean {
  if (isSameName(asked.subject, certified)) return true;
  const made = subjectFor(asked, grant, rules);
  return made.ok && isSameName(made.value, certified);
}

/** Holds names that are to be certified against the profile's lists (RFC 9483 section 5.1.1); lists that are not set allow everything. */
export function checkNameRules({ subject, sans }: Names, rules: Rules): Result<true, Refusal> {
  const attribute = subject.rdns.flat().find(({ type, text }) => !isAttributeAllowed(shortNames[type] ?? type, text, rules));
  if (attribute !== undefined) return fail(refusal('subject-not-allowed', `${shortNames[attribute.type] ?? attribute.type}=${attribute.text}`));
  const san = sans.find((item) => !isSanAllowed(item, rules));
  return san === undefined ? ok(true) : fail(refusal('san-not-allowed', `${san.type}:${san.text}`));
}

function isAttributeAllowed(name: string, text: string, { subject }: Rules): boolean {
  const { allow } = subject;
  if (allow === null) return true;
  return (allow as Readonly<Record<string, readonly string[]>>)[name]?.some((pattern) => matches(pattern, text)) ?? false;
}

function isSanAllowed({ type, text }: GeneralName, { sans }: Rules): boolean {
  switch (type) {
    case 'dns':
      if (!sans.wildcards && text.startsWith('*')) return false;
      return isListed(sans.dns, (pattern) => matches(pattern, text.replace(/\.$/, '')));
    case 'email':
    case 'uri':
      return isListed(sans[type], (pattern) => matches(pattern, text));
    case 'ip':
      return isListed(sans.ip, (range) => isWithin(range, text));
    default:
      return true;
  }
}

function isListed(list: readonly string[] | null, isMatch: (item: string) => boolean): boolean {
  return list === null || list.some(isMatch);
}

const folded = (text: string): string => text.normalize('NFKC').toLowerCase();

/** `*` stands for any text, everything else for itself; case does not count. Linear in the length of the text for each star. */
export function matches(pattern: string, text: string): boolean {
  const [first = '', ...rest] = folded(pattern).split('*');
  const subject = folded(text);
  const last = rest.pop();
  if (last === undefined) return subject === first;
  if (!subject.startsWith(first) || !subject.endsWith(last) || subject.length < first.length + last.length) return false;
  const end = subject.length - last.length;
  let at = first.length;
  for (const part of rest) {
    const found = subject.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

function isWithin(range: string, address: string): boolean {
  const [network = '', prefix] = range.split('/');
  const family = isIP(network) === 4 ? 'ipv4' : 'ipv6';
  if (isIP(address) === 0 || isIP(network) !== isIP(address)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(prefix ?? (family === 'ipv4' ? 32 : 128)), family);
  return list.check(address, family);
}
