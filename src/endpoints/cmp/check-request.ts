import { type Certificate, type Extension, emptyName, isSameName, type Name, type PublicKey, parsePublicKey, verifyCsr } from '../../pkix/index.js';
import {
  type CertReqMsg,
  type CertRequest,
  isSoundPublicationInfo,
  oldCertIdOf,
  type PkiBody,
  type RegistrationControls,
  registrationControlsOf,
  templateExtensions,
  verifyPossession,
} from '../../protocol/cmp/index.js';
import { oids } from '../../protocol/der/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { Peer } from './authenticate.js';
import type { CheckedHeader } from './check-header.js';
import type { VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';

/** What a sound request asks for, its proof of possession verified. */
export interface CheckedRequest {
  readonly publicKey: PublicKey;
  readonly subject: Name;
  readonly extensions: readonly Extension[];
  readonly notAfter?: Date;
  readonly pkcs10?: Buffer;
  /** What stood in the controls. */
  readonly registration?: RegistrationControls;
}

/** Judges the proof of possession of a checked key, where it is not a plain signature by it. */
export type JudgePossession = (publicKey: PublicKey) => Result<true, Fault>;

/** What a request may do beyond what any may. */
export interface Allowances {
  /** The peer is an RA whose raVerified counts. */
  readonly mayVouch: boolean;
  /** 3GPP TS 33.310 clause 9.5.4.2: the name is suggested "if known"; without one it is that of the signer. */
  readonly mayOmitSubject: boolean;
  /** Fields that only the CA may set are passed over, as some older clients fill them in. */
  readonly mayFillReserved: boolean;
  /** ML-DSA and ML-KEM keys. */
  readonly postQuantum: boolean;
  readonly judgePossession?: JudgePossession;
}

/** By the profile; `mayVouch` by who asks. */
export function allowances({ endpoint }: VerifiedExchange, mayVouch: boolean): Allowances {
  const { cmp, keys } = endpoint.profile.policy;
  return { mayVouch, mayOmitSubject: cmp.conduct === '3gpp', mayFillReserved: cmp.conduct === 'compat', postQuantum: keys.postQuantum };
}

export type RequestBody = Extract<PkiBody, { type: 'ir' | 'cr' | 'kur' | 'p10cr' }>;

/** RFC 9483 sections 4.1.1 to 4.1.4; `issuer` is the CA of the profile where it is known. */
export function checkRequest(
  body: RequestBody,
  header: CheckedHeader,
  peer: Peer,
  issuer: Name | undefined,
  allowed: Allowances,
): Result<CheckedRequest, Fault> {
  if (body.type === 'p10cr') return checkP10cr(body, peer, allowed);
  const [message, ...further] = body.messages;
  if (message === undefined || further.length > 0) return fail(fault('several-requests', `${body.messages.length}`));
  if (message.certReq.certReqId !== 0) return fail(fault('cert-req-id', String(message.certReq.certReqId)));
  return checkCertReqMsg(message, body.type, header, peer, issuer, allowed);
}

/** One request of a message, its certReqId aside. */
export function checkCertReqMsg(
  message: CertReqMsg,
  type: RequestBody['type'],
  header: CheckedHeader,
  peer: Peer,
  issuer: Name | undefined,
  allowed: Allowances,
): Result<CheckedRequest, Fault> {
  const fields = checkTemplate(message.certReq, peer, issuer, allowed);
  if (!fields.ok) return fields;
  const controls = checkControls(message.certReq);
  if (!controls.ok) return controls;
  if (type === 'kur') {
    const old = checkOldCertificate(message.certReq, peer);
    if (!old.ok) return old;
  }
  const { mayVouch, judgePossession } = allowed;
  const request = controls.value === undefined ? fields.value : { registration: controls.value, ...fields.value };
  if (judgePossession === undefined) return checkPossession(message, request, header, mayVouch && type !== 'kur');
  const judged = judgePossession(request.publicKey);
  return judged.ok ? ok(request) : judged;
}

function checkTemplate(request: CertRequest, peer: Peer, issuer: Name | undefined, allowed: Allowances): Result<CheckedRequest, Fault> {
  const template = request.certTemplate;
  if (template.version !== undefined && template.version !== 2) return fail(fault('template-version', String(template.version)));
  // RFC 4211 section 5: serialNumber, signingAlg and the unique identifiers "MUST be omitted".
  const reserved = (['serialNumber', 'signingAlg', 'issuerUID', 'subjectUID'] as const).find((name) => template[name] !== undefined);
  if (reserved !== undefined && !allowed.mayFillReserved) return fail(fault('template-field', reserved));
  if (!isIssuerServed(template.issuer, peer, issuer)) return fail(fault('issuer'));
  const subject = template.subject ?? (allowed.mayOmitSubject ? nameOf(peer) : undefined);
  if (subject === undefined) return fail(fault('template-subject'));
  const publicKey = checkPublicKey(template.publicKey, peer, allowed.postQuantum);
  if (!publicKey.ok) return publicKey;
  const extensions = templateExtensions(template);
  if (!extensions.ok) return fail(fault('template-extensions', extensions.error.message));
  const notAfter = template.validity?.notAfter;
  return ok({ publicKey: publicKey.value, subject, extensions: extensions.value, ...(notAfter && { notAfter }) });
}

/** Nothing is known of who only shares a secret. */
function nameOf(peer: Peer): Name {
  return peer.kind === 'signature' ? peer.certificate.subject : emptyName;
}

/**
 * The CA of the profile, or nothing in particular. OpenSSL fills in the issuer of the certificate that signs, also when that is
 * a vendor's and means nothing here (fixture ir-vendor-ir): that asks for no other CA.
 */
function isIssuerServed(asked: Name | undefined, peer: Peer, issuer: Name | undefined): boolean {
  if (asked === undefined || issuer === undefined || isSameName(asked, issuer)) return true;
  return peer.kind === 'signature' && isSameName(asked, peer.certificate.issuer);
}

/** Absent or empty means central key generation (RFC 9483 section 4.1.6), which is not served; a point off its curve is no key. */
function checkPublicKey(spki: Buffer | undefined, peer: Peer, postQuantum: boolean): Result<PublicKey, Fault> {
  if (spki === undefined) return fail(fault('template-key', 'absent'));
  const known = keyOfSigner(spki, peer);
  const key = known === undefined ? parsePublicKey(spki) : ok(known);
  if (!key.ok) return fail(fault('template-key', key.error.message));
  if (!isServed(key.value, postQuantum)) return fail(fault('key-type', key.value.name));
  if (isTooLarge(key.value)) return fail(fault('template-key', key.value.name));
  return key.value.isUsable ? key : fail(fault('template-key', key.value.name));
}

function isServed({ type }: PublicKey, postQuantum: boolean): boolean {
  return type === 'ml-dsa' || type === 'ml-kem' ? postQuantum : type !== 'other';
}

/** The largest that any profile certifies: a proof by a larger one is not worth its verification. */
const maxRsaBits = 8_192;

function isTooLarge({ type, size }: PublicKey): boolean {
  return type === 'rsa' && size > maxRsaBits;
}

/** A device that keeps its key signs with the key it asks for; as one instance it is imported once (70 microseconds for P-256). */
function keyOfSigner(spki: Buffer, peer: Peer): PublicKey | undefined {
  if (peer.kind !== 'signature') return undefined;
  const { publicKey } = peer.certificate;
  return publicKey.spki.equals(spki) ? publicKey : undefined;
}

/** RFC 4211 section 6. Controls that ask for nothing we could get wrong are passed over. */
function checkControls(request: CertRequest): Result<RegistrationControls | undefined, Fault> {
  if (request.controls === undefined) return ok(undefined);
  for (const control of request.controls) {
    if (control.type === oids.pkiArchiveOptions) return fail(fault('key-archival'));
    if (control.type === oids.altCertTemplate) return fail(fault('alternative-template'));
    if (control.type === oids.pkiPublicationInfo && !isSoundPublicationInfo(control.value)) return fail(fault('publication-info'));
  }
  const registration = registrationControlsOf(request.controls);
  return registration.ok ? registration : fail(fault('malformed', `controls: ${registration.error.message}`));
}

/** RFC 9483 section 4.1.3: oldCertID, if present, names the certificate that protects the request. */
function checkOldCertificate(request: CertRequest, peer: Peer): Result<true, Fault> {
  const old = oldCertIdOf(request);
  if (!old.ok) return fail(fault('malformed', 'oldCertID'));
  if (old.value === undefined) return ok(true);
  const signer = peer.kind === 'signature' ? peer.certificate : undefined;
  return signer !== undefined && isCertificateOf(old.value, signer) ? ok(true) : fail(fault('old-certificate'));
}

function isCertificateOf(certId: { issuer: { name?: Name }; serialNumber: Buffer }, certificate: Certificate): boolean {
  const { name } = certId.issuer;
  return name !== undefined && isSameName(name, certificate.issuer) && certId.serialNumber.equals(certificate.serial);
}

/** A registration authority may vouch for possession, but never in kur, whose protection must be that of the device (RFC 9483 section 5.2.3). */
function checkPossession(message: CertReqMsg, request: CheckedRequest, header: CheckedHeader, mayVouch: boolean): Result<CheckedRequest, Fault> {
  const proof = verifyPossession(message, request.publicKey, header.sender);
  if (proof.ok) return ok(request);
  if (proof.error === 'ra-verified' && mayVouch) return ok(request);
  return fail(proof.error === 'ra-verified' ? fault('ra-verified') : fault('possession', proof.error));
}

/** RFC 9483 section 4.1.4: the self-signature of the PKCS#10 is the proof of possession. */
function checkP10cr(body: Extract<RequestBody, { type: 'p10cr' }>, peer: Peer, allowed: Allowances): Result<CheckedRequest, Fault> {
  const known = keyOfSigner(body.csr.publicKey.spki, peer);
  const csr = known === undefined ? body.csr : { ...body.csr, publicKey: known };
  if (csr.version !== 0) return fail(fault('template-version', `PKCS#10 ${csr.version}`));
  if (!isServed(csr.publicKey, allowed.postQuantum)) return fail(fault('key-type', csr.publicKey.name));
  if (isTooLarge(csr.publicKey)) return fail(fault('template-key', csr.publicKey.name));
  if (!csr.publicKey.isUsable) return fail(fault('template-key', csr.publicKey.name));
  const proof = verifyCsr(csr);
  if (!proof.ok) return fail(fault('possession', proof.error));
  return ok({ publicKey: csr.publicKey, subject: csr.subject, extensions: csr.extensions, pkcs10: csr.der });
}
