import { hash } from 'node:crypto';
import { type Certificate, canonicalName, certificateFingerprint, nameToText, parseCertificate, serialHex, subjectAltNames } from '../pkix/index.js';
import { uuidv7 } from '../runtime/ids.js';
import type { Profile } from '../tenancy/profile.js';
import type { Grant } from './identify.js';
import type { Checked } from './policy.js';
import type { CertificateRecord, CertificateRequest, NewOrder } from './ports.js';
import type { EnrolmentRequest } from './request.js';
import type { TransactionQuery } from './service.js';

/** One digest over all parts, each ended by a zero octet. */
function sha256(...parts: readonly (Buffer | string)[]): Buffer {
  let length = parts.length;
  for (const part of parts) length += typeof part === 'string' ? Buffer.byteLength(part) : part.length;
  const joined = Buffer.allocUnsafe(length);
  let at = 0;
  for (const part of parts) {
    at += typeof part === 'string' ? joined.write(part, at) : part.copy(joined, at);
    joined[at] = 0;
    at += 1;
  }
  return hash('sha256', joined, 'buffer');
}

/**
 * One order per (profile, protocol, transactionID, requester) for SCEP, where several devices may use one transactionID
 * (RFC 8894 section 3.2.1.1); per (profile, protocol, transactionID) for CMP, where it is unique (RFC 9483 section 3.1) and a
 * second requester must learn that it is taken.
 */
export function dedupeKeyOf(profileId: string, query: TransactionQuery): Buffer {
  const { protocol, transactionId, requester } = query;
  return protocol === 'scep' ? sha256(profileId, protocol, transactionId, requester) : sha256(profileId, protocol, transactionId);
}

/** Tells a retransmission from another request: what is asked for, and by whom. */
export function contentHashOf(request: EnrolmentRequest): Buffer {
  return sha256(request.content, request.requester);
}

/** The order as it will be recorded, once the request is authorised and checked. */
export function newOrder(request: EnrolmentRequest, profile: Profile, grant: Grant, checked: Checked, now: Date): NewOrder {
  const subject = nameToText(checked.subject);
  return {
    id: uuidv7(now.getTime()),
    profileId: profile.id,
    connectorId: profile.connectorId,
    protocol: request.protocol,
    accountIdentity: accountIdentity(profile, grant, checked),
    accountLabel: grant.challenge?.deviceId ?? (subject || checked.sans.map((san) => san.text).join(', ')),
    transactionId: request.transactionId,
    dedupeKey: dedupeKeyOf(profile.id, request),
    contentHash: contentHashOf(request),
    operation: grant.operation,
    subject,
    facts: request.facts,
    credential: grant.credential,
    session: { requester: request.requester.toString('hex'), modified: checked.isModified, ...request.session },
    request: isRenewedBySigner(grant) ? { renews: grant.signer.der, ...checked.request } : checked.request,
    renews: grant.operation === 'renewal' ? (grant.issued?.id ?? null) : null,
    deadline: new Date(now.getTime() + profile.policy.approval.maxPendingHours * 3_600_000),
    receivedAt: now,
    ...(grant.operation === 'renewal' && grant.issued?.accountId !== undefined && { accountId: grant.issued.accountId }),
    ...(grant.challenge && { challengeId: grant.challenge.id }),
    ...(grant.unproven === 'intune' && request.wanted.pkcs10 !== undefined && { notice: request.wanted.pkcs10 }),
    ...(isExclusive(profile, grant) && { isExclusive: true as const }),
  };
}

/** The CA may know the device from before it came here, by the certificate that it now renews. */
function isRenewedBySigner(grant: Grant): grant is Grant & { readonly signer: Certificate } {
  return grant.operation === 'renewal' && grant.signer !== undefined;
}

/** Refused and manual duplicates alike must first be found out; renewals of our own certificates are none. */
function isExclusive({ policy }: Profile, grant: Grant): boolean {
  return grant.issued === undefined && (policy.duplicates === 'refuse' || policy.duplicates === 'manual');
}

/** A request that the policy refused still becomes an order; it carries what was asked for. */
export function refusedOrder(request: EnrolmentRequest, profile: Profile, grant: Grant, now: Date): NewOrder {
  const { wanted } = request;
  const asked: CertificateRequest = {
    publicKey: wanted.publicKey.spki,
    subject: wanted.subject.der,
    sans: [],
    keyUsage: [],
    extendedKeyUsage: [],
    validitySeconds: 0,
    backdateSeconds: 0,
  };
  return newOrder(request, profile, grant, { request: asked, subject: wanted.subject, sans: [], isModified: false }, now);
}

/** The device identity that was authorised: the id its challenge was minted for; else its names; the key where there are none. */
function accountIdentity(profile: Profile, grant: Grant, checked: Checked): Buffer {
  const deviceId = grant.challenge?.deviceId;
  if (deviceId !== undefined && deviceId !== null) return sha256(profile.id, 'device', deviceId);
  const { subject, sans } = grant.isAnchored === true && grant.signer !== undefined ? namesOf(grant.signer) : checked;
  const names = [canonicalName(subject), ...sans.map((san) => `${san.type}:${san.text.toLowerCase()}`).sort()];
  const isNamed = subject.rdns.length > 0 || sans.length > 0;
  return isNamed ? sha256(profile.id, ...names) : sha256(profile.id, 'key', checked.request.publicKey);
}

/** A device that moves here may leave names behind; it is the one that its certificate names all the same. */
function namesOf({ subject, extensions }: Certificate): Pick<Checked, 'subject' | 'sans'> {
  const sans = subjectAltNames(extensions);
  return { subject, sans: sans.ok ? sans.value : [] };
}

/** The facts of an issued certificate, read from its DER. Throws when the bytes are no certificate. */
export function certificateRecord(der: Buffer): CertificateRecord {
  const parsed = parseCertificate(der);
  if (!parsed.ok) throw parsed.error;
  const { value: certificate } = parsed;
  const sans = subjectAltNames(certificate.extensions);
  return {
    id: uuidv7(),
    der,
    sha256: certificateFingerprint(der),
    issuerHash: hash('sha256', certificate.issuer.der, 'buffer'),
    issuer: nameToText(certificate.issuer),
    serial: serialHex(certificate.serial),
    subject: nameToText(certificate.subject),
    sans: sans.ok ? sans.value.map((san) => `${san.type}:${san.text}`) : [],
    keyHash: certificate.publicKey.fingerprint,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
  };
}
