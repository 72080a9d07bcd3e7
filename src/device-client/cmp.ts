import { type Certificate, parseCertificate } from '../pkix/index.js';
import { type CertRepMessage, certHash, responseTypes } from '../protocol/cmp/index.js';
import { ok, type Result } from '../runtime/result.js';
import {
  beginConversation,
  type CmpAnswer,
  type CmpClientFault,
  type CmpServer,
  type Conversation,
  invalid,
  pollUntilFinal,
  refused,
  type Step,
  send,
} from './cmp-conversation.js';
import { buildCertConf, buildRequest, type CertificateWish } from './cmp-messages.js';

export { type CmpClientFault, secretCredential } from './cmp-conversation.js';

export interface CmpEnrolment extends CertificateWish, CmpServer {}

export interface CmpEnrolled {
  readonly certificate: Certificate;
  readonly caPubs: readonly Buffer[];
  readonly extraCerts: readonly Buffer[];
  /** The CA changed something that was asked for. */
  readonly isModified: boolean;
  readonly polls: number;
}

/** One enrolment from request to confirmation (RFC 9483 section 4.1), with polling where the server asks for it. */
export async function enrolByCmp(input: CmpEnrolment): Step<CmpEnrolled> {
  const exchange = await beginConversation(input);
  const { transaction } = exchange;
  const first = await send(exchange, (senderNonce) => buildRequest(transaction, { senderNonce }, input, new Date()));
  if (!first.ok) return first;
  const final = await pollUntilFinal(exchange, first.value, input.type === 'p10cr' ? -1 : 0);
  if (!final.ok) return final;
  const issued = issuedIn(final.value.answer, input);
  if (!issued.ok) return issued;
  const confirmed = await confirm(exchange, input, final.value.answer, issued.value.certificate);
  return confirmed.ok ? ok({ ...issued.value, polls: final.value.polls }) : confirmed;
}

function issuedIn(answer: CmpAnswer, input: CmpEnrolment): Result<Omit<CmpEnrolled, 'polls'>, CmpClientFault> {
  const { body, message, isVerified } = answer;
  if (body.type === 'error') return refused(body.content.pKIStatusInfo, isVerified);
  if (body.type !== responseTypes[input.type]) return invalid(`The answer to ${input.type} is ${body.type}.`);
  const { content } = body as { content: CertRepMessage };
  const response = content.response[0];
  if (response === undefined || content.response.length !== 1) return invalid('There must be one CertResponse.');
  if (response.status.status !== 'accepted' && response.status.status !== 'grantedWithMods') return refused(response.status, isVerified);
  const certificate = parseCertificate(response.certifiedKeyPair?.certificate ?? Buffer.alloc(0));
  if (!certificate.ok) return invalid('The answer carries no certificate.');
  if (!certificate.value.publicKey.spki.equals(input.newKey.publicKey.spki)) return invalid('The certificate is for another key.');
  const isModified = response.status.status === 'grantedWithMods';
  return ok({ certificate: certificate.value, caPubs: content.caPubs ?? [], extraCerts: message.extraCerts, isModified });
}

/** certConf and pkiconf, unless implicit confirmation was granted (RFC 9483 section 4.1.1). */
async function confirm(exchange: Conversation, input: CmpEnrolment, answer: CmpAnswer, certificate: Certificate): Step<true> {
  const { header } = answer.message;
  const isImplicit = input.implicitConfirm === true && header.generalInfo?.some((item) => item.infoType === '1.3.6.1.5.5.7.4.13');
  if (isImplicit) return ok(true);
  const hash = certHash(certificate);
  if (!hash.ok) return invalid('No hash for this signature algorithm.');
  const certReqId = input.type === 'p10cr' ? -1 : 0;
  const status = { certHash: hash.value, certReqId };
  const sent = await send(exchange, (senderNonce) =>
    buildCertConf(exchange.transaction, { senderNonce, ...(header.senderNonce && { recipNonce: header.senderNonce }) }, status),
  );
  if (!sent.ok) return sent;
  const { body, isVerified } = sent.value;
  if (body.type === 'error') return refused(body.content.pKIStatusInfo, isVerified);
  return body.type === 'pkiconf' ? ok(true) : invalid(`The answer to certConf is ${body.type}.`);
}
