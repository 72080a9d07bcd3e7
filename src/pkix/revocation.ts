import { setImmediate } from 'node:timers/promises';
import { contextConstructed, contextPrimitive, Cursor as DerCursor, guarded, oids, tag } from '../protocol/der/index.js';
import type { Certificate } from './certificate.js';
import { type CertificateList, verifyCrl } from './crl.js';
import { basicConstraintsOf, keyUsageOf } from './extension.js';
import { isSameName } from './name.js';

/** `unknown`: no list that is in force and speaks of the certificate. */
export type Revocation = 'good' | 'revoked' | 'unknown';

/**
 * Whether one of the lists revokes `certificate` (RFC 5280 section 6.3). `issuers`: certificates of its issuer whose own paths are
 * valid; two, while the issuer changes its key. Counted are lists of that issuer, in force at `at`, complete as to reasons,
 * neither delta nor indirect; one limited by its issuingDistributionPoint only for what it covers. Nothing is fetched.
 */
export function revocationOf(certificate: Certificate, issuers: readonly Certificate[], lists: readonly CertificateList[], at: Date): Revocation {
  let found: Revocation = 'unknown';
  for (const list of lists) {
    if (!isInForce(list, certificate, at) || !covers(list, certificate) || !issuers.some((issuer) => isSignedBy(list, issuer))) continue;
    const serials = serialsOf(list);
    if (serials === undefined) continue;
    if (serials.has(nameOfSerial(certificate.serial))) return 'revoked';
    found = 'good';
  }
  return found;
}

/** The worst verdict over a path, leaf first and anchor last; `issuer` names whose list was missing. */
export function pathRevocation(
  path: readonly Certificate[],
  lists: readonly CertificateList[],
  at: Date,
): { readonly verdict: Revocation; readonly at?: Certificate } {
  let unknown: Certificate | undefined;
  for (const [index, certificate] of path.slice(0, -1).entries()) {
    const issuers = path.filter((item, place) => place !== index && isSameName(item.subject, certificate.issuer));
    const verdict = revocationOf(certificate, issuers, lists, at);
    if (verdict === 'revoked') return { verdict, at: certificate };
    if (verdict === 'unknown') unknown ??= certificate;
  }
  return unknown === undefined ? { verdict: 'good' } : { verdict: 'unknown', at: unknown };
}

function isInForce(list: CertificateList, { issuer }: Certificate, at: Date): boolean {
  return isSameName(list.issuer, issuer) && list.thisUpdate <= at && list.nextUpdate !== undefined && list.nextUpdate > at;
}

const verifiedBy = new WeakMap<CertificateList, { readonly key: Buffer; readonly isGood: boolean }>();

/** The issuer's key with cRLSign; remembered, as a list is asked about many certificates. */
function isSignedBy(list: CertificateList, issuer: Certificate): boolean {
  const usage = keyUsageOf(issuer.extensions);
  if (!usage.ok || (usage.value !== undefined && !usage.value.includes('cRLSign'))) return false;
  const known = verifiedBy.get(list);
  if (known?.key.equals(issuer.publicKey.fingerprint)) return known.isGood;
  const isGood = verifyCrl(list, issuer.publicKey).ok;
  verifiedBy.set(list, { key: issuer.publicKey.fingerprint, isGood });
  return isGood;
}

/** Prepares a long list for `revocationOf`, in turns: the first certificate that is asked about would pay for all its entries. */
export async function prepareRevocations(list: CertificateList): Promise<void> {
  const serials = new Set<string>();
  for (const [index, entry] of list.revoked.entries()) {
    if (entry.isBeyondUs === true) return void serialSets.set(list, undefined);
    serials.add(nameOfSerial(entry.serial));
    if (index % serialsPerTurn === serialsPerTurn - 1) await setImmediate();
  }
  serialSets.set(list, serials);
}

const serialsPerTurn = 1_000;
const nameOfSerial = (serial: Buffer): string => serial.toString('latin1');

const serialSets = new WeakMap<CertificateList, ReadonlySet<string> | undefined>();

/** The serials on a list; undefined when an entry says something critical that we do not understand (RFC 5280 section 5.3). */
function serialsOf(list: CertificateList): ReadonlySet<string> | undefined {
  if (serialSets.has(list)) return serialSets.get(list);
  const isReadable = list.revoked.every((entry) => entry.isBeyondUs !== true);
  const serials = isReadable ? new Set(list.revoked.map((entry) => nameOfSerial(entry.serial))) : undefined;
  serialSets.set(list, serials);
  return serials;
}

/** RFC 5280 section 5.2: critical extensions other than issuingDistributionPoint end it, deltaCRLIndicator among them. */
function covers(list: CertificateList, certificate: Certificate): boolean {
  if (list.extensions.some((item) => item.critical && item.oid !== oids.issuingDistributionPoint)) return false;
  const point = list.extensions.find((item) => item.oid === oids.issuingDistributionPoint);
  if (point === undefined) return true;
  const read = guarded(() => readDistributionPoint(point.value));
  if (!read.ok) return false;
  const { name, onlyUsers, onlyCas, isLimited } = read.value;
  const constraints = basicConstraintsOf(certificate.extensions);
  const isCa = constraints.ok && constraints.value.ca;
  if (isLimited || (onlyUsers && isCa) || (onlyCas && !isCa)) return false;
  const points = certificate.extensions.find((item) => item.oid === oids.cRLDistributionPoints);
  return name === undefined || points?.value.includes(name) === true;
}

/** RFC 5280 section 5.2.5
 *  IssuingDistributionPoint ::= SEQUENCE {
 *    distributionPoint           [0] DistributionPointName OPTIONAL,
 *    onlyContainsUserCerts       [1] BOOLEAN DEFAULT FALSE,
 *    onlyContainsCACerts         [2] BOOLEAN DEFAULT FALSE,
 *    onlySomeReasons             [3] ReasonFlags OPTIONAL,
 *    indirectCRL                 [4] BOOLEAN DEFAULT FALSE,
 *    onlyContainsAttributeCerts  [5] BOOLEAN DEFAULT FALSE } */
function readDistributionPoint(value: Buffer) {
  const cursor = new DerCursor(value);
  const fields = cursor.sequence();
  const isSet = (n: number): boolean => fields.at(contextPrimitive(n)) && fields.content(contextPrimitive(n))[0] !== 0;
  const name = fields.explicit(0)?.element();
  const onlyUsers = isSet(1);
  const onlyCas = isSet(2);
  const hasReasons = fields.at(contextPrimitive(3));
  if (hasReasons) fields.skip();
  const isLimited = [hasReasons, isSet(4), isSet(5)].includes(true);
  fields.end();
  cursor.end();
  return { name: name && firstFullName(name), onlyUsers, onlyCas, isLimited };
}

/** The first GeneralName of fullName as it stands in a cRLDistributionPoints; a name relative to the issuer is matched as it is. */
function firstFullName(name: Buffer): Buffer {
  if (name[0] !== contextConstructed(0)) return name;
  const names = new DerCursor(name).enter(contextConstructed(0));
  return names.at(tag.sequence) ? name : names.element();
}
