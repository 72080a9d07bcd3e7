import type { KeyObject } from 'node:crypto';
import { type Certificate, parseCertificate } from '../pkix/index.js';
import { type CertResponse, type CertStatus, certHash, type PkiBody, responseTypes } from '../protocol/cmp/index.js';
import { oids } from '../protocol/der/index.js';
import { ok, type Result } from '../runtime/result.js';
import { buildRequest, type CertificateWish, pvnoOf, wishedKey } from './certificate-wish.js';
import { answerChallenge } from './cmp-challenge.js';
import { beginConversation, type CmpAnswer, type CmpServer, type Conversation, pollUntilFinal, send, withDemandedKem } from './cmp-conversation.js';
import { type CmpClientFault, invalid, refused, type Step } from './cmp-fault.js';
import { buildCertConf, type CmpCredential } from './cmp-messages.js';
import { type Opener, openEncryptedKey } from './encrypted-key.js';
import { readKeyPackage } from './key-package.js';

export { secretCredential } from './cmp-credentials.js';
export type { CmpClientFault } from './cmp-fault.js';

/** What the device says of the certificate it got: that it takes it, that it does not (RFC 9483 section 4.1.1), nothing. */
export const confirmations = ['accept', 'reject', 'none'] as const;
export type ConfirmationWord = (typeof confirmations)[number];

export interface CmpEnrolment extends CertificateWish, CmpServer {
  /** Opens a certificate that comes encrypted to the new key. */
  readonly opener?: Opener;
  /** `accept` by default. */
  readonly confirmation?: ConfirmationWord;
}

export interface CmpEnrolled {
  readonly certificate: Certificate;
  /** Made by the server, where it was asked to. */
  readonly privateKey?: KeyObject;
  readonly caPubs: readonly Buffer[];
  readonly extraCerts: readonly Buffer[];
  /** The CA changed something that was asked for. */
  readonly isModified: boolean;
  readonly polls: number;
}

/** One enrolment from request to confirmation (RFC 9483 section 4.1), with polling where the server asks for it. */
export function enrolByCmp(input: CmpEnrolment): Step<CmpEnrolled> {
  return withDemandedKem(input, enrolOnce);
}

async function enrolOnce(input: CmpEnrolment): Step<CmpEnrolled> {
  const begun = await beginConversation(input, pvnoOf(input));
  if (!begun.ok) return begun;
  const exchange = begun.value;
  const { transaction } = exchange;
  const first = await send(exchange, (senderNonce) => buildRequest(transaction, { senderNonce }, input, new Date()));
  if (!first.ok) return first;
  const proven = await answerChallenge(exchange, first.value, input.opener);
  if (!proven.ok) return proven;
  const final = await pollUntilFinal(exchange, proven.value, certReqIdOf(input));
  if (!final.ok) return final;
  const { answer, polls } = final.value;
  const issued = issuedIn(answer, input);
  if (!issued.ok) return issued;
  const confirmed = await confirm(exchange, input, answer, issued.value.certificate);
  return confirmed.ok ? ok({ ...issued.value, polls }) : confirmed;
}

const certReqIdOf = ({ type }: CertificateWish): number => (type === 'p10cr' ? -1 : 0);

function issuedIn(answer: CmpAnswer, input: CmpEnrolment): Result<Omit<CmpEnrolled, 'polls'>, CmpClientFault> {
  const { body, message, isVerified } = answer;
  const responses = responsesIn(body, input.type);
  if (responses === undefined) {
    return body.type === 'error' ? refused(body.content.pKIStatusInfo, isVerified) : invalid(`The answer to ${input.type} is ${body.type}.`);
  }
  const [response, ...further] = responses.response;
  if (response === undefined || further.length > 0) return invalid('There must be one CertResponse.');
  const taken = takeCertificate(response, input, isVerified);
  return taken.ok ? ok({ ...taken.value, caPubs: responses.caPubs ?? [], extraCerts: message.extraCerts }) : taken;
}

/** The CertRepMessage of an answer to such a request; undefined for every other. */
export function responsesIn(body: PkiBody, type: CertificateWish['type']) {
  if (body.type !== (type === 'ccr' ? 'ccp' : responseTypes[type])) return undefined;
  return 'content' in body && 'response' in body.content ? body.content : undefined;
}

export type Taken = Pick<CmpEnrolled, 'certificate' | 'privateKey' | 'isModified'>;

/** The certificate of one CertResponse, decrypted where it came so, for the key that was asked for, with its private key where the server made it. */
export function takeCertificate(response: CertResponse, input: CmpEnrolment, isVerified: boolean): Result<Taken, CmpClientFault> {
  const { status, certifiedKeyPair } = response;
  if (status.status !== 'accepted' && status.status !== 'grantedWithMods') return refused(status, isVerified);
  const der = certifiedKeyPair?.encryptedCert === undefined ? ok(certifiedKeyPair?.certificate) : decrypted(certifiedKeyPair.encryptedCert, input.opener);
  if (!der.ok) return der;
  const certificate = parseCertificate(der.value ?? Buffer.alloc(0));
  if (!certificate.ok) return invalid('The answer carries no certificate.');
  const isModified = status.status === 'grantedWithMods';
  const wished = wishedKey(input);
  if (wished === undefined) return withDeliveredKey(certificate.value, isModified, certifiedKeyPair?.privateKey, input);
  if (!certificate.value.publicKey.spki.equals(wished.spki)) return invalid('The certificate is for another key.');
  return ok({ certificate: certificate.value, isModified });
}

function decrypted(encryptedCert: Buffer, opener: Opener | undefined): Result<Buffer, CmpClientFault> {
  if (opener === undefined) return invalid('The certificate came encrypted, and this key does not decrypt.');
  const opened = openEncryptedKey(encryptedCert, opener);
  return opened.ok ? ok(opened.value.content) : invalid(opened.error);
}

function withDeliveredKey(certificate: Certificate, isModified: boolean, keyPackage: Buffer | undefined, input: CmpEnrolment): Result<Taken, CmpClientFault> {
  const opener = openerOf(input.credential);
  if (keyPackage === undefined || opener === undefined) return invalid('The answer carries no private key that could be opened.');
  const opened = openEncryptedKey(keyPackage, opener);
  if (!opened.ok) return invalid(opened.error);
  const privateKey = readKeyPackage(opened.value, certificate, input.trusted ?? []);
  return privateKey.ok ? ok({ certificate, isModified, privateKey: privateKey.value }) : invalid(privateKey.error);
}

function openerOf(credential: CmpCredential): Opener | undefined {
  return credential.kind === 'secret' ? { kind: 'secret', secret: credential.secret } : credential.opener;
}

/** certConf and pkiconf, unless implicit confirmation was granted (RFC 9483 section 4.1.1); ccp is not confirmed. */
async function confirm(exchange: Conversation, input: CmpEnrolment, answer: CmpAnswer, certificate: Certificate): Step<true> {
  if (input.confirmation === 'none' || input.type === 'ccr' || isImplicit(input, answer)) return ok(true);
  const status = statusFor(certificate, certReqIdOf(input), input.confirmation);
  return status.ok ? sendCertConf(exchange, answer, [status.value]) : status;
}

export function isImplicit({ implicitConfirm }: Pick<CertificateWish, 'implicitConfirm'>, { message }: CmpAnswer): boolean {
  return implicitConfirm === true && message.header.generalInfo?.some((item) => item.infoType === oids.implicitConfirm) === true;
}

/** What certConf says of one certificate; where its signature algorithm names no hash (ML-DSA), SHA-256 is named beside (RFC 9810 section 5.3.18). */
export function statusFor(certificate: Certificate, certReqId: number, word: ConfirmationWord = 'accept'): Result<CertStatus, CmpClientFault> {
  const plain = certHash(certificate);
  const hashAlg = plain.ok ? undefined : { oid: oids.sha256 };
  const hash = plain.ok ? plain : certHash(certificate, hashAlg);
  if (!hash.ok) return invalid('No hash for this signature algorithm.');
  const statusInfo = word === 'reject' ? { status: 'rejection' as const } : undefined;
  return ok({ certHash: hash.value, certReqId, ...(statusInfo && { statusInfo }), ...(hashAlg && { hashAlg }) });
}

export async function sendCertConf(exchange: Conversation, answer: CmpAnswer, statuses: readonly CertStatus[]): Step<true> {
  const recipNonce = answer.message.header.senderNonce;
  const transaction = statuses.some(({ hashAlg }) => hashAlg !== undefined) ? { ...exchange.transaction, pvno: 3 as const } : exchange.transaction;
  const first = await send(exchange, (senderNonce) => buildCertConf(transaction, { senderNonce, ...(recipNonce && { recipNonce }) }, ...statuses));
  if (!first.ok) return first;
  const final = await pollUntilFinal(exchange, first.value, -1);
  if (!final.ok) return final;
  const { body, isVerified } = final.value.answer;
  if (body.type === 'error') return refused(body.content.pKIStatusInfo, isVerified);
  return body.type === 'pkiconf' ? ok(true) : invalid(`The answer to certConf is ${body.type}.`);
}
