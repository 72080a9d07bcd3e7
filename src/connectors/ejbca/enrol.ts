import { randomBytes } from 'node:crypto';
import type { CertificateRequest } from '../../enrolment/ports.js';
import { isSameName, parseCertificate, parseCsr, parseName, subjectAltNames, toPem, verifyCertificate } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { EjbcaClient, EjbcaOutcome } from './client.js';
import type { EjbcaFault } from './faults.js';
import { altNamesForEjbca, nameForEjbca } from './names.js';
import { faultOfOutcome } from './search.js';
import { operation, textOf } from './soap.js';
import { certificateIn, enrolAnswer, readJson } from './wire.js';

/** Where in EJBCA a request goes. */
export interface EnrolPlace {
  readonly caName: string;
  readonly endEntityProfile: string;
  readonly certificateProfile: string;
}

export interface Enrolled {
  readonly certificate: Buffer;
  /** Issuing CA first; empty where EJBCA sent none. */
  readonly chain: readonly Buffer[];
}

/**
 * EJBCA takes the names from the device's PKCS#10. Where there is none (CRMF), or its names are not those that the order was granted, the
 * web service does: there the names are ours to say.
 */
export function isByPkcs10(request: CertificateRequest): boolean {
  if (request.pkcs10 === undefined) return false;
  const csr = parseCsr(request.pkcs10);
  const subject = parseName(request.subject);
  if (!csr.ok || !subject.ok || !isSameName(csr.value.subject, subject.value)) return false;
  const sans = subjectAltNames(csr.value.extensions);
  const isSame = sans.ok && sans.value.length === request.sans.length;
  return isSame && sans.value.every((san) => request.sans.some((wanted) => wanted.equals(san.der)));
}

/** One call that edits the end entity and issues for it, in one transaction of EJBCA. */
export async function enrolByPkcs10(
  client: EjbcaClient,
  place: EnrolPlace,
  username: string,
  pkcs10: Buffer,
  deadline: AbortSignal,
): Promise<Result<Enrolled, EjbcaFault>> {
  const body = {
    certificate_request: toPem('CERTIFICATE REQUEST', pkcs10),
    certificate_profile_name: place.certificateProfile,
    end_entity_profile_name: place.endEntityProfile,
    certificate_authority_name: place.caName,
    username,
    password: freshPassword(),
    include_chain: true,
  };
  const answer = await client.rest({ method: 'POST', path: 'v1/certificate/pkcs10enroll', body }, deadline);
  if (answer.kind !== 'answered' || (answer.status !== 201 && answer.status !== 200)) return fail(faultOfOutcome(answer));
  const read = readJson(enrolAnswer, answer.body);
  return accepted(certificateIn(read?.certificate ?? ''), read?.certificate_chain ?? []);
}

/** `certificateRequest` of the web service with the bare public key: for requests without a PKCS#10, whose possession of the key has been proved here. */
export async function enrolByPublicKey(
  client: EjbcaClient,
  place: EnrolPlace,
  username: string,
  request: CertificateRequest,
  deadline: AbortSignal,
): Promise<Result<Enrolled, EjbcaFault>> {
  const user = userData(place, username, request);
  if (!user.ok) return fail({ code: 'policy-violation', verdict: 'refused', reason: user.error });
  const call = operation('certificateRequest', user.value, toPem('PUBLIC KEY', request.publicKey), publicKeyRequest, '', 'CERTIFICATE');
  const answer: EjbcaOutcome = await client.soap('certificateRequest', call, deadline);
  const text = answer.kind === 'answered' && answer.status === 200 ? answer.body.toString('utf8') : '';
  if (!text.includes('certificateRequestResponse')) return fail(faultOfOutcome(answer));
  return accepted(certificateIn(textOf(text, 'data') ?? ''), []);
}

/** `CERT_REQ_TYPE_PUBLICKEY` of the web service. */
const publicKeyRequest = '3';
/** `STATUS_NEW` of an end entity. */
const statusNew = '10';

function userData(place: EnrolPlace, username: string, request: CertificateRequest): Result<Record<string, string>, string> {
  const subject = parseName(request.subject);
  const sans = altNamesForEjbca(request.sans);
  if (!subject.ok) return fail('The subject is malformed.');
  if (!sans.ok) return sans;
  return ok({
    caName: place.caName,
    certificateProfileName: place.certificateProfile,
    clearPwd: 'false',
    endEntityProfileName: place.endEntityProfile,
    keyRecoverable: 'false',
    password: freshPassword(),
    sendNotification: 'false',
    status: statusNew,
    ...(sans.value !== '' && { subjectAltName: sans.value }),
    subjectDN: nameForEjbca(subject.value),
    tokenType: 'USERGENERATED',
    username,
  });
}

/** Of an end entity that nobody ever logs in as; never kept. */
function freshPassword(): string {
  return randomBytes(24).toString('base64url');
}

/** A certificate that the CA beside it did not sign is no answer to go by. */
function accepted(certificate: Buffer | undefined, chainTexts: readonly string[]): Result<Enrolled, EjbcaFault> {
  if (certificate === undefined) return fail({ code: 'internal', verdict: 'uncertain', reason: 'EJBCA sent no readable certificate.' });
  const chain = chainTexts.map(certificateIn).filter((der) => der !== undefined);
  const [issuer] = chain;
  if (issuer !== undefined && !isIssuedBy(certificate, issuer))
    return fail({ code: 'internal', verdict: 'uncertain', reason: 'EJBCA sent a certificate that its own CA did not sign.' });
  return ok({ certificate, chain });
}

export function isIssuedBy(certificate: Buffer, issuer: Buffer): boolean {
  const [leaf, ca] = [parseCertificate(certificate), parseCertificate(issuer)];
  if (!leaf.ok || !ca.ok || !isSameName(leaf.value.issuer, ca.value.subject)) return false;
  return verifyCertificate(leaf.value, ca.value.publicKey).ok;
}
