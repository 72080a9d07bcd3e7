import {
  basicConstraintsOf,
  commonNameOf,
  type Extension,
  extendedKeyUsageOf,
  type GeneralName,
  isSameName,
  keyUsageOf,
  type Name,
  type NameAttribute,
  type PublicKey,
  parseCertificate,
  subjectAltNames,
} from '../pkix/index.js';
import { oids } from '../protocol/der/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { Policy } from '../tenancy/policy.js';
import type { Profile, Protocol } from '../tenancy/profile.js';
import type { Grant } from './identify.js';
import { checkNameRules, isSubjectOf, type Names, subjectFor } from './name-rules.js';
import type { CertificateRequest } from './ports.js';
import { type Refusal, refusal } from './refusal.js';
import type { WantedCertificate } from './request.js';

/** What will be asked of the CA, after the policy had its say. */
export interface Checked {
  readonly request: CertificateRequest;
  readonly subject: Name;
  readonly sans: readonly GeneralName[];
  /** Something asked for was capped or left out. */
  readonly isModified: boolean;
}

const reservedPurposes: ReadonlySet<string> = new Set([oids.cmcCA, oids.cmcRA, oids.cmKGA]);

/** Key, names, extensions and validity against the profile; a renewal also against the certificate it renews. */
export function checkPolicy(wanted: WantedCertificate, grant: Grant, profile: Profile, now: Date): Result<Checked, Refusal> {
  const { policy } = profile;
  const key = checkKey(wanted.publicKey, policy, profile.protocol);
  if (!key.ok) return key;
  const extensions = checkExtensions(wanted.extensions);
  if (!extensions.ok) return extensions;
  const sans = subjectAltNames(wanted.extensions);
  if (!sans.ok) return fail(refusal('extension-malformed', 'subjectAltName'));
  const asked: Names = { subject: wanted.subject, sans: sans.value };
  const names = grant.operation === 'renewal' ? checkRenewal(asked, wanted, grant, policy, now) : checkNames(asked, grant, policy);
  if (!names.ok) return names;
  const allowed = checkNameRules(names.value, policy.names);
  return allowed.ok ? ok(complete(wanted, names.value, policy, now)) : allowed;
}

/** Type, size and soundness of the public key (rows SCEP-094, CMP-094). */
function checkKey(key: PublicKey, policy: Policy, protocol: Protocol): Result<true, Refusal> {
  const { rsaMinBits, rsaMaxBits, curves, ed25519 } = policy.keys;
  switch (key.type) {
    case 'rsa': {
      if (key.size < rsaMinBits || key.size > rsaMaxBits) return fail(refusal('key-size', key.name));
      const exponent = key.rsaExponent;
      if (exponent === undefined || exponent < 3 || exponent % 2 === 0 || !key.isRsaModulusOdd) return fail(refusal('key-malformed', key.name));
      break;
    }
    case 'ec':
      if (key.curve === undefined || !curves.includes(key.curve)) return fail(refusal('key-type', key.name));
      break;
    case 'ed25519':
      if (!ed25519 || protocol === 'scep') return fail(refusal('key-type', key.name));
      break;
    case 'ml-dsa':
    case 'ml-kem':
      if (!policy.keys.postQuantum || protocol === 'scep') return fail(refusal('key-type', key.name));
      break;
    default:
      return fail(refusal('key-type', key.name));
  }
  return key.isUsable ? ok(true) : fail(refusal('key-malformed', key.name));
}

/** Requests to become a CA or a registration authority are refused, not silently trimmed (rows AB-14, CMP-096, CMP-097). */
function checkExtensions(extensions: readonly Extension[]): Result<true, Refusal> {
  const constraints = basicConstraintsOf(extensions);
  const usage = keyUsageOf(extensions);
  const purposes = extendedKeyUsageOf(extensions);
  if (!constraints.ok || !usage.ok || !purposes.ok) return fail(refusal('extension-malformed'));
  if (constraints.value.ca || constraints.value.pathLength !== undefined) return fail(refusal('ca-certificate', 'basicConstraints'));
  if (usage.value?.includes('keyCertSign') || usage.value?.includes('cRLSign')) return fail(refusal('ca-certificate', 'keyUsage'));
  if (purposes.value?.some((purpose) => reservedPurposes.has(purpose))) return fail(refusal('reserved-purpose'));
  return ok(true);
}

function checkNames(asked: Names, grant: Grant, policy: Policy): Result<Names, Refusal> {
  if (asked.subject.rdns.length === 0 && asked.sans.length === 0) return fail(refusal('subject-missing'));
  if (!isCleanName(asked.subject)) return fail(refusal('name-malformed', 'subject'));
  const { subjectBinding } = policy.names;
  const sans = checkSans(asked.sans, policy);
  if (!sans.ok) return sans;
  if (subjectBinding === 'reference' && grant.reference !== undefined && commonNameOf(asked.subject) !== grant.reference) {
    return fail(refusal('subject-binding', 'reference'));
  }
  if (subjectBinding === 'signer' && grant.signer !== undefined && !isSameName(asked.subject, grant.signer.subject)) {
    return fail(refusal('subject-binding', 'signer'));
  }
  const subject = subjectFor(asked, grant, policy.names);
  return subject.ok ? ok({ subject: subject.value, sans: asked.sans }) : subject;
}

/** Same subject, no more names than before, in the window, with a new key where demanded (RFC 9483 section 4.1.3, row SCEP-114). */
function checkRenewal(asked: Names, wanted: WantedCertificate, grant: Grant, policy: Policy, now: Date): Result<Names, Refusal> {
  const renewed = grant.issued?.der ?? (grant.isAnchored === true ? grant.signer?.der : undefined);
  if (renewed === undefined) return fail(refusal('not-authorised', 'renewal of nothing'));
  const old = parseCertificate(renewed);
  if (!old.ok) throw old.error;
  const oldSans = subjectAltNames(old.value.extensions);
  if (!oldSans.ok) return fail(refusal('extension-malformed', 'subjectAltName of the certificate to be renewed'));
  const { windowDays } = policy.renewal;
  if (windowDays !== null && now.getTime() < old.value.notAfter.getTime() - windowDays * 86_400_000) return fail(refusal('renewal-too-early'));
  if (policy.keys.reuse === 'refuse' && wanted.publicKey.spki.equals(old.value.publicKey.spki)) return fail(refusal('key-reused'));
  const subject = asked.subject.rdns.length === 0 ? old.value.subject : asked.subject;
  if (!isSubjectOf(old.value.subject, { subject, sans: asked.sans }, grant, policy.names)) return fail(refusal('renewal-other-name', 'subject'));
  const isSubset = asked.sans.every((san) => oldSans.value.some((known) => isSameSan(known, san)));
  if (!isSubset) return fail(refusal('renewal-other-name', 'subjectAltName'));
  const names = { subject: isSameName(subject, old.value.subject) ? subject : old.value.subject, sans: asked.sans.length === 0 ? oldSans.value : asked.sans };
  return grant.isAnchored === true ? checkForeignNames(names, policy) : ok(names);
}

/** Another CA had other rules: its names are held against those of this profile as if they were asked for now. */
function checkForeignNames(names: Names, policy: Policy): Result<Names, Refusal> {
  if (names.subject.rdns.length === 0 && names.sans.length === 0) return fail(refusal('subject-missing'));
  if (!isCleanName(names.subject)) return fail(refusal('name-malformed', 'subject'));
  const sans = checkSans(names.sans, policy);
  return sans.ok ? ok(names) : sans;
}

function checkSans(sans: readonly GeneralName[], { names: { sanTypes, maxSans } }: Policy): Result<true, Refusal> {
  if (sans.length > maxSans) return fail(refusal('too-many-names', `${sans.length}, and ${maxSans} are allowed`));
  for (const san of sans) {
    if (!(sanTypes as readonly string[]).includes(san.type)) return fail(refusal('san-type', san.type));
    if (!isCleanSan(san)) return fail(refusal('name-malformed', san.type));
  }
  return ok(true);
}

function isSameSan(left: GeneralName, right: GeneralName): boolean {
  if (left.type === 'dns' && right.type === 'dns') return left.text.toLowerCase() === right.text.toLowerCase();
  return left.der.equals(right.der);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control and direction characters are what is looked for
const unclean = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

function isCleanName(name: Name): boolean {
  return (
    name.rdns.length <= 32 && name.rdns.flat().every((item) => isText(item) && item.text.length > 0 && item.text.length <= 256 && !unclean.test(item.text))
  );
}

/** False for values that are no character string, or none that can be read: OpenSSL does not even load a certificate with such a name. */
function isText({ text, value }: NameAttribute): boolean {
  return !text.startsWith('#') || text !== `#${value.toString('hex')}`;
}

function isCleanSan(san: GeneralName): boolean {
  if (san.type === 'dns')
    return /^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/.test(san.text) && san.text.length <= 253;
  return san.text.length > 0 && san.text.length <= 1024 && !unclean.test(san.text);
}

const signing: ReadonlySet<string> = new Set(['digitalSignature', 'nonRepudiation']);

/** What of the profile's keyUsage the key can do; for ML-DSA and ML-KEM the RFCs allow nothing else (RFC 9881 section 5, RFC 9935 section 5). */
function keyUsageFor({ type }: PublicKey, usages: Policy['certificate']['keyUsage']): Policy['certificate']['keyUsage'] {
  if (type === 'ml-kem') return ['keyEncipherment'];
  if (type === 'ml-dsa') return usages.filter((usage) => signing.has(usage));
  return type === 'rsa' ? usages : usages.filter((usage) => usage !== 'keyEncipherment');
}

function complete(wanted: WantedCertificate, names: Names, policy: Policy, now: Date): Checked {
  const { validityDays, backdateSeconds, extendedKeyUsage } = policy.certificate;
  const keyUsage = keyUsageFor(wanted.publicKey, policy.certificate.keyUsage);
  const most = validityDays * 86_400;
  const asked = wanted.notAfter === undefined ? most : Math.floor((wanted.notAfter.getTime() - now.getTime()) / 1000);
  const validitySeconds = Math.max(60, Math.min(most, asked));
  const purposes = extendedKeyUsage.map((purpose) => oids[purpose]);
  return {
    request: {
      publicKey: wanted.publicKey.spki,
      subject: names.subject.der,
      sans: names.sans.map((san) => san.der),
      keyUsage,
      extendedKeyUsage: purposes,
      validitySeconds,
      backdateSeconds,
      ...(wanted.pkcs10 !== undefined && { pkcs10: wanted.pkcs10 }),
    },
    subject: names.subject,
    sans: names.sans,
    isModified: validitySeconds !== asked || hasOtherSubject(wanted.subject, names.subject) || hasOtherExtensions(wanted.extensions, keyUsage, purposes),
  };
}

/** A subject left out leaves it to us. */
function hasOtherSubject(asked: Name, given: Name): boolean {
  return asked.rdns.length > 0 && !isSameName(asked, given);
}

/** Whether the certificate will differ from the extensions asked for, alternative names and the challenge aside. */
function hasOtherExtensions(extensions: readonly Extension[], keyUsage: readonly string[], purposes: readonly string[]): boolean {
  return extensions.some((item) => {
    if (item.oid === oids.subjectAltName || item.oid === oids.challengePassword) return false;
    if (item.oid === oids.keyUsage) return !isSameSet(listOf(keyUsageOf([item])), keyUsage);
    if (item.oid === oids.extKeyUsage) return !isSameSet(listOf(extendedKeyUsageOf([item])), purposes);
    return item.oid !== oids.basicConstraints && item.oid !== oids.subjectKeyIdentifier;
  });
}

function listOf(read: Result<readonly string[] | undefined, unknown>): readonly string[] {
  return read.ok ? (read.value ?? []) : [];
}

function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((item) => right.includes(item));
}
