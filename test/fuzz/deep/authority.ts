import type { IssuedCertificate } from '../../../src/enrolment/ports.js';
import type { pkijs } from '../../support/oracles.js';
import type { Issue } from '../core.js';
import { must } from '../target.js';
import { seedTime } from '../world.js';
import type { CmpPlace, Place } from './places.js';
import { alternativeNames, attributesOf, readCertificate, readRequest, recheckCertificate, recheckSameKey, type SubjectAttribute } from './recheck.js';

const challengePassword = '1.2.840.113549.1.9.7';
const extensionRequests = ['1.2.840.113549.1.9.14', '1.3.6.1.4.1.311.2.1.14'];

/** Holds a certificate against its request and the place it was asked at: policy, key, and by what right. Throws `Broken`. */
export async function recheckIssue({ credential, certificate, request }: Issue, place: Place): Promise<void> {
  const { policy } = place.endpoint.profile;
  must(policy.approval.mode === 'automatic', 'a certificate was issued without approval');
  const isRenewal = credential.startsWith('certificate:');
  recheckCertificate(certificate, policy, { protocol: 'scep', isRenewal });
  const csr = readRequest(request.content);
  recheckSameKey(certificate, csr);
  if (isRenewal) recheckRenewal(credential.slice('certificate:'.length), certificate, place);
  else recheckChallenge(credential, csr, certificate, place);
  if ((certificate.at(-1) ?? 0) % 8 === 0) must(await csr.verify(), 'a request was granted whose signature pkijs does not verify');
}

/** Every challenge of a request, wherever it stands. */
function challengesOf(csr: pkijs.CertificationRequest): readonly string[] {
  // pkijs leaves `values` out where the SET is empty.
  const attributes = (csr.attributes ?? []).map(({ type, values }) => ({ type, values: (values as readonly unknown[] | undefined) ?? [] }));
  const direct = attributes.filter(({ type }) => type === challengePassword).flatMap(({ values }) => values.map(textOf));
  const extensions = attributes.filter(({ type }) => extensionRequests.includes(type)).flatMap(({ values }) => values.flatMap(childrenOf));
  const nested = extensions.filter((item) => textOf(childrenOf(item)[0]) === challengePassword).map((item) => textOf(insideOf(childrenOf(item).at(-1))));
  return [...direct, ...nested];
}

interface Element {
  readonly valueBlock: { readonly value?: unknown };
}
const childrenOf = (element: unknown): readonly Element[] => {
  const { value } = (element as Element).valueBlock;
  return Array.isArray(value) ? (value as readonly Element[]) : [];
};
/** What an OCTET STRING holds. */
const insideOf = (element: unknown): unknown => childrenOf(element)[0];
const textOf = (element: unknown): string =>
  element === undefined ? '' : String((element as { getValue?(): string }).getValue?.() ?? (element as Element).valueBlock.value ?? '');

function recheckChallenge(credential: string, csr: pkijs.CertificationRequest, certificate: Buffer, place: Place): void {
  if (credential === 'challenge:none') {
    must(place.endpoint.profile.challengeMode === 'none', 'nobody was let in where a challenge is asked for');
    return;
  }
  const given = challengesOf(csr);
  must(given.length === 1, `a request with ${given.length} challenges was granted`);
  if (credential === 'challenge:static') {
    must(place.challenge !== undefined && given[0] === place.challenge, `the challenge ${given[0]} was taken`);
    return;
  }
  const minted = place.minted.find(({ row }) => credential === `challenge:${row.id}`);
  must(minted !== undefined && minted.text === given[0], `the challenge ${given[0]} was taken for ${credential}`);
  if (minted === undefined) return;
  must(minted.row.expiresAt > seedTime, 'an expired challenge was taken');
  if (minted.row.subject !== null) recheckBinding(certificate);
}

/** The binding of the one bound challenge: CN=dev-*,O=Acme, which RFC 4514 writes last first, with dns:dev-1.plant.example and ip:192.0.2.1. */
function recheckBinding(certificate: Buffer): void {
  const read = readCertificate(certificate);
  const subject = attributesOf(read.subject).map(({ type, text }) => `${type}=${text.trim().toLowerCase()}`);
  must(subject.length === 2 && subject[0] === '2.5.4.10=acme' && subject[1]?.startsWith('2.5.4.3=dev-') === true, `a bound challenge certified ${subject}`);
  for (const { type, text } of alternativeNames(read.extensions)) {
    must(['dns:dev-1.plant.example', 'ip:192.0.2.1'].includes(`${type}:${text.toLowerCase()}`), `a bound challenge certified ${type}:${text}`);
  }
}

const sameText = (text: string): string => text.trim().replace(/\s+/g, ' ').toLowerCase();
const nameOf = (attributes: readonly SubjectAttribute[]): string => attributes.map(({ type, text }) => `${type}=${sameText(text)}`).join();

/** A renewal by the certificate of this serial number: in force, of this profile, with its names, in its time. */
export function recheckRenewal(serial: string, certificate: Buffer, place: Place | CmpPlace): void {
  const { policy } = place.endpoint.profile;
  const old: IssuedCertificate | undefined = place.issuedBefore.find((item) => item.serial === serial);
  // A certificate that this core itself issued before is renewed in other tests: its serial is random here.
  if (old === undefined) return;
  must(old.status === 'valid' && old.profileId === place.endpoint.profile.id, `a certificate that is ${old.status} was renewed`);
  const [before, after] = [readCertificate(old.der), readCertificate(certificate)];
  must(nameOf(attributesOf(before.subject)) === nameOf(attributesOf(after.subject)), 'a renewal changed the subject');
  const known = alternativeNames(before.extensions).map(({ type, text }) => `${type}:${text.toLowerCase()}`);
  for (const { type, text } of alternativeNames(after.extensions)) must(known.includes(`${type}:${text.toLowerCase()}`), `a renewal added ${type}:${text}`);
  const { windowDays } = policy.renewal;
  must(windowDays === null || before.notAfter.value.getTime() - seedTime.getTime() <= windowDays * 86_400_000, 'a renewal came too early');
  const isReused = Buffer.from(before.subjectPublicKeyInfo.toSchema().toBER()).equals(Buffer.from(after.subjectPublicKeyInfo.toSchema().toBER()));
  must(policy.keys.reuse === 'allow' || !isReused, 'a renewal kept its key');
}
