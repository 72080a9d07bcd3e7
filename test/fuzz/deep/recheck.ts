import { createPublicKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Policy } from '../../../src/tenancy/policy.js';
import { pkijs } from '../../support/oracles.js';
import { must } from '../target.js';
import { seedTime } from '../world.js';

export interface Circumstances {
  readonly protocol: 'scep' | 'cmp';
  /** A renewal keeps the kinds and number of alternative names that its certificate had; the lists of names bind it all the same. */
  readonly isRenewal: boolean;
}

/**
 * The policy a second time, by other people's readers (pkijs, node:crypto) and in other words than src/enrolment: what stands in a
 * certificate that was issued. Throws `Broken`.
 */
export function recheckCertificate(der: Buffer, policy: Policy, { protocol, isRenewal }: Circumstances): void {
  const certificate = readCertificate(der);
  checkKey(new X509Certificate(der), policy, protocol);
  checkTimes(certificate, policy);
  checkUse(certificate, policy);
  const names = alternativeNames(certificate.extensions);
  const subject = attributesOf(certificate.subject);
  must(subject.length + names.length > 0, 'a certificate for nobody');
  if (!isRenewal) checkKinds(names, policy);
  checkNames(names, policy);
  checkSubject(subject, policy, isRenewal);
}

/** A key is the same however it was written: both are read and written anew by OpenSSL. */
export function recheckSameKey(certificate: Buffer, csr: pkijs.CertificationRequest): void {
  const asked = createPublicKey({ key: Buffer.from(csr.subjectPublicKeyInfo.toSchema().toBER()), format: 'der', type: 'spki' });
  const given = new X509Certificate(certificate).publicKey;
  must(given.equals(asked), 'a certificate has another key than its request');
}

export function readCertificate(der: Buffer): pkijs.Certificate {
  try {
    return pkijs.Certificate.fromBER(der);
  } catch (error) {
    must(false, `pkijs cannot read a certificate: ${String(error)}`);
    throw error;
  }
}

export function readRequest(der: Buffer): pkijs.CertificationRequest {
  try {
    return pkijs.CertificationRequest.fromBER(der);
  } catch (error) {
    must(false, `pkijs cannot read a request that was granted: ${String(error)}`);
    throw error;
  }
}

const curveNames: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };

function checkKey(certificate: X509Certificate, { keys }: Policy, protocol: 'scep' | 'cmp'): void {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = certificate.publicKey;
  if (type === 'rsa') {
    const { modulusLength = 0, publicExponent = 0n } = details;
    must(modulusLength >= keys.rsaMinBits && modulusLength <= keys.rsaMaxBits, `RSA of ${modulusLength} bits was certified`);
    must(publicExponent >= 3n && publicExponent % 2n === 1n, `RSA with the exponent ${publicExponent} was certified`);
  } else if (type === 'ec') {
    const curve = curveNames[details.namedCurve ?? ''];
    must(curve !== undefined && (keys.curves as readonly string[]).includes(curve), `the curve ${details.namedCurve} was certified`);
  } else must(type === 'ed25519' && keys.ed25519 && protocol === 'cmp', `a key of type ${type} was certified`);
}

function checkTimes({ notBefore, notAfter }: pkijs.Certificate, { certificate }: Policy): void {
  const [from, until] = [notBefore.value.getTime(), notAfter.value.getTime()];
  const now = seedTime.getTime();
  must(from >= now - certificate.backdateSeconds * 1000 - 1000 && from <= now, `notBefore ${notBefore.value.toISOString()}`);
  must(until > now && until <= now + certificate.validityDays * 86_400_000, `notAfter ${notAfter.value.toISOString()}`);
}

const usageBits = ['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'dataEncipherment', 'keyAgreement', 'keyCertSign', 'cRLSign'];
const purposeOids: Readonly<Record<string, string>> = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' };
const issuedExtensions = ['2.5.29.14', '2.5.29.15', '2.5.29.17', '2.5.29.19', '2.5.29.31', '2.5.29.35', '2.5.29.37', '1.3.6.1.5.5.7.1.1'];

/** No CA, no use beyond the profile's, no extension that only the device wanted. */
function checkUse({ extensions = [] }: pkijs.Certificate, { certificate }: Policy): void {
  const oids = extensions.map(({ extnID }) => extnID);
  must(new Set(oids).size === oids.length, 'an extension stands twice');
  for (const oid of oids) must(issuedExtensions.includes(oid), `the extension ${oid} was certified`);
  const find = (oid: string) => extensions.find(({ extnID }) => extnID === oid)?.parsedValue;
  must((find('2.5.29.19') as pkijs.BasicConstraints | undefined)?.cA !== true, 'a CA was certified');
  const bits = (find('2.5.29.15') as { valueBlock: { valueHexView: Uint8Array; unusedBits: number } } | undefined)?.valueBlock.valueHexView ?? new Uint8Array();
  const usages = usageBits.filter((_, bit) => (((bits[bit >> 3] ?? 0) << (bit & 7)) & 0x80) !== 0);
  for (const usage of usages) must((certificate.keyUsage as readonly string[]).includes(usage), `the key usage ${usage} was certified`);
  const purposes = (find('2.5.29.37') as pkijs.ExtKeyUsage | undefined)?.keyPurposes ?? [];
  const allowed = certificate.extendedKeyUsage.map((name) => purposeOids[name]);
  must(purposes.length === allowed.length && purposes.every((purpose) => allowed.includes(purpose)), `the purposes ${purposes} were certified`);
}

export interface AlternativeName {
  readonly type: string;
  readonly text: string;
}

const nameTypes = ['other', 'email', 'dns', 'x400', 'directory', 'ediParty', 'uri', 'ip', 'registeredId'];

export function alternativeNames(extensions: readonly pkijs.Extension[] = []): readonly AlternativeName[] {
  const value = extensions.find(({ extnID }) => extnID === '2.5.29.17')?.parsedValue as pkijs.AltName | undefined;
  return (value?.altNames ?? []).map((name) => {
    const type = nameTypes[name.type] ?? 'unknown';
    return {
      type,
      text: type === 'ip' ? addressText(Buffer.from(name.value.valueBlock.valueHexView)) : String(typeof name.value === 'string' ? name.value : ''),
    };
  });
}

function addressText(octets: Buffer): string {
  if (octets.length === 4) return octets.join('.');
  return Array.from({ length: octets.length / 2 }, (_, index) => octets.readUInt16BE(2 * index).toString(16)).join(':');
}

/** `*` as in a shell; the last word on whether a name may be certified. */
function isListed(patterns: readonly string[] | null, text: string): boolean {
  if (patterns === null) return true;
  const escaped = patterns.map((pattern) => pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*'));
  return escaped.some((pattern) => new RegExp(`^${pattern}$`, 'isu').test(text.normalize('NFKC')));
}

function checkKinds(names: readonly AlternativeName[], { names: rules }: Policy): void {
  must(names.length <= rules.maxSans, `${names.length} alternative names were certified`);
  for (const { type } of names) must((rules.sanTypes as readonly string[]).includes(type), `an alternative name of type ${type} was certified`);
}

function checkNames(names: readonly AlternativeName[], { names: rules }: Policy): void {
  for (const { type, text } of names) {
    if (type === 'dns') {
      must(/^[A-Za-z0-9_.*-]{1,253}$/.test(text) && !text.includes('..') && !text.slice(1).includes('*'), `the DNS name ${JSON.stringify(text)} was certified`);
      must(rules.sans.wildcards || !text.includes('*'), `the wildcard ${text} was certified`);
      must(isListed(rules.sans.dns, text.replace(/\.$/, '')), `the DNS name ${text} is not listed`);
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
    if (type === 'email' || type === 'uri') must(/^[^\u0000-\u001f\u007f]+$/.test(text) && isListed(rules.sans[type], text), `${type} ${JSON.stringify(text)}`);
    if (type === 'ip') must(rules.sans.ip === null || rules.sans.ip.some((range) => isInside(range, text)), `the address ${text} is not listed`);
  }
}

function bitsOf(address: string): string {
  if (isIP(address) === 4) {
    return address
      .split('.')
      .map((octet) => Number(octet).toString(2).padStart(8, '0'))
      .join('');
  }
  const [head = '', tail] = address.split('::');
  const groups = (part: string | undefined) => (part === undefined || part === '' ? [] : part.split(':'));
  const [left, right] = [groups(head), groups(tail)];
  const middle = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...middle, ...right].map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('');
}

function isInside(range: string, address: string): boolean {
  const [network = '', prefix] = range.split('/');
  const [wanted, given] = [bitsOf(network), bitsOf(address)];
  return wanted.length === given.length && given.startsWith(wanted.slice(0, Number(prefix ?? wanted.length)));
}

export interface SubjectAttribute {
  readonly type: string;
  readonly text: string;
}

export function attributesOf(name: pkijs.RelativeDistinguishedNames): readonly SubjectAttribute[] {
  return name.typesAndValues.map(({ type, value }) => ({ type, text: String((value.valueBlock as { value?: unknown }).value ?? '') }));
}

const attributeOids: Readonly<Record<string, string>> = { CN: '2.5.4.3', O: '2.5.4.10' };

function checkSubject(attributes: readonly SubjectAttribute[], { names }: Policy, isRenewal: boolean): void {
  const { allow, template } = names.subject;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
  for (const { text } of attributes) must(/^[^\u0000-\u001f\u007f\u202a-\u202e]+$/.test(text), `the subject says ${JSON.stringify(text)}`);
  if (allow !== null) {
    for (const { type, text } of attributes) {
      const [short] = Object.entries(attributeOids).find(([, oid]) => oid === type) ?? [];
      const patterns = short === undefined ? undefined : (allow as Readonly<Record<string, readonly string[]>>)[short];
      must(patterns !== undefined && isListed(patterns, text), `the subject has ${type}=${text}`);
    }
  }
  // The one template there is among the places: CN={CN},O=Acme. A renewal keeps the subject of its certificate.
  if (template !== null && !isRenewal) {
    const types = attributes.map(({ type }) => type).sort();
    must(types.join() === [attributeOids.CN, attributeOids.O].sort().join(), `the template made ${types}`);
    must(
      attributes.some(({ type, text }) => type === attributeOids.O && text.toLowerCase() === 'acme'),
      'the template was left out',
    );
  }
}
