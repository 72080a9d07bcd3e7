import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { buildChain, type Certificate, type Name, parseCertificate } from '../pkix/index.js';
import {
  type CertRepMessage,
  certHash,
  createMacKeys,
  decodePkiBody,
  decodePkiMessage,
  type FailInfo,
  type PkiBody,
  type PkiMessage,
  type PkiStatusInfo,
  pbmParameters,
  protectionKindOf,
  readMacParameters,
  responseTypes,
  verifyMac,
  verifySigned,
} from '../protocol/cmp/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { buildCertConf, buildPollReq, buildRequest, type CertificateWish, type CmpCredential, type CmpTransaction, protectorOf } from './cmp-messages.js';

export interface CmpEnrolment extends CertificateWish {
  /** `http://host:port/cmp/<endpointPath>` */
  readonly url: string;
  readonly credential: CmpCredential;
  /** The CA's name; the empty name where unknown. */
  readonly recipient: Name;
  /** Whom signed answers must chain to. */
  readonly trusted?: readonly Certificate[];
  /** Longest time for the whole transaction, polling included. */
  readonly timeoutMs?: number;
}

export interface CmpEnrolled {
  readonly certificate: Certificate;
  readonly caPubs: readonly Buffer[];
  readonly extraCerts: readonly Buffer[];
  /** The CA changed something that was asked for. */
  readonly isModified: boolean;
  readonly polls: number;
}

export type CmpClientFault =
  /** The server refused, in a message whose protection was verified or not. */
  | { readonly kind: 'refused'; readonly failInfo: readonly FailInfo[]; readonly text: string; readonly isVerified: boolean }
  | { readonly kind: 'unreachable'; readonly text: string }
  | { readonly kind: 'http'; readonly status: number }
  /** An answer that no sound server sends, or one that could not be verified. */
  | { readonly kind: 'invalid-answer'; readonly text: string }
  | { readonly kind: 'timeout' };

/** A credential from reference and secret with PasswordBasedMac as OpenSSL sends it by default, but HMAC-SHA256. */
export function secretCredential(reference: string, secret: Buffer): CmpCredential {
  const parameters = pbmParameters({ salt: randomBytes(16), owf: 'sha256', iterationCount: 500, mac: 'sha256' });
  return { kind: 'secret', reference, secret, parameters };
}

interface Exchange {
  readonly input: CmpEnrolment;
  readonly transaction: CmpTransaction;
  readonly keys: ReturnType<typeof createMacKeys>;
  readonly deadline: number;
}

interface Answer {
  readonly message: PkiMessage;
  readonly body: PkiBody;
  readonly isVerified: boolean;
}

type Step<T> = Promise<Result<T, CmpClientFault>>;

/** One enrolment from request to confirmation (RFC 9483 section 4.1), with polling where the server asks for it. */
export async function enrolByCmp(input: CmpEnrolment): Step<CmpEnrolled> {
  const exchange = await begin(input);
  const { transaction } = exchange;
  const first = await send(exchange, (senderNonce) => buildRequest(transaction, { senderNonce }, input, new Date()));
  if (!first.ok) return first;
  const final = await pollUntilFinal(exchange, first.value);
  if (!final.ok) return final;
  const issued = issuedIn(final.value.answer, input);
  if (!issued.ok) return issued;
  const confirmed = await confirm(exchange, final.value.answer, issued.value.certificate);
  return confirmed.ok ? ok({ ...issued.value, polls: final.value.polls }) : confirmed;
}

async function begin(input: CmpEnrolment): Promise<Exchange> {
  const { credential, recipient } = input;
  const keys = createMacKeys(4);
  const key = credential.kind === 'secret' ? await keys.keyFor(credential.parameters, credential.secret) : undefined;
  const transaction = { credential, recipient, protector: protectorOf(credential, key), transactionID: randomBytes(16) };
  return { input, transaction, keys, deadline: Date.now() + (input.timeoutMs ?? 60_000) };
}

async function pollUntilFinal(exchange: Exchange, first: Answer): Step<{ answer: Answer; polls: number }> {
  const certReqId = exchange.input.type === 'p10cr' ? -1 : 0;
  let answer = first;
  for (let polls = 0; ; polls += 1) {
    const wait = secondsToWait(answer);
    if (wait === undefined) return ok({ answer, polls });
    if (Date.now() + wait * 1000 > exchange.deadline) return fail({ kind: 'timeout' });
    await setTimeout(wait * 1000);
    const recipNonce = answer.message.header.senderNonce;
    const next = await send(exchange, (senderNonce) => buildPollReq(exchange.transaction, { senderNonce, ...(recipNonce && { recipNonce }) }, certReqId));
    if (!next.ok) return next;
    answer = next.value;
  }
}

/** Undefined when the answer is final. */
function secondsToWait(answer: Answer): number | undefined {
  const { body } = answer;
  if (body.type === 'pollRep') return Math.max(0, body.entries[0]?.checkAfter ?? 1);
  if (body.type !== 'ip' && body.type !== 'cp' && body.type !== 'kup') return undefined;
  return body.content.response[0]?.status.status === 'waiting' ? 0 : undefined;
}

function issuedIn(answer: Answer, input: CmpEnrolment): Result<Omit<CmpEnrolled, 'polls'>, CmpClientFault> {
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

function refused(status: PkiStatusInfo, isVerified: boolean): Result<never, CmpClientFault> {
  return fail({ kind: 'refused', failInfo: status.failInfo ?? [], text: status.statusString?.join(' ') ?? '', isVerified });
}

function invalid(text: string): Result<never, CmpClientFault> {
  return fail({ kind: 'invalid-answer', text });
}

/** certConf and pkiconf, unless implicit confirmation was granted (RFC 9483 section 4.1.1). */
async function confirm(exchange: Exchange, answer: Answer, certificate: Certificate): Step<true> {
  const { header } = answer.message;
  const isImplicit = exchange.input.implicitConfirm === true && header.generalInfo?.some((item) => item.infoType === '1.3.6.1.5.5.7.4.13');
  if (isImplicit) return ok(true);
  const hash = certHash(certificate);
  if (!hash.ok) return invalid('No hash for this signature algorithm.');
  const certReqId = exchange.input.type === 'p10cr' ? -1 : 0;
  const status = { certHash: hash.value, certReqId };
  const sent = await send(exchange, (senderNonce) =>
    buildCertConf(exchange.transaction, { senderNonce, ...(header.senderNonce && { recipNonce: header.senderNonce }) }, status),
  );
  if (!sent.ok) return sent;
  const { body, isVerified } = sent.value;
  if (body.type === 'error') return refused(body.content.pKIStatusInfo, isVerified);
  return body.type === 'pkiconf' ? ok(true) : invalid(`The answer to certConf is ${body.type}.`);
}

/** Sends one message and verifies the answer: transactionID, recipNonce, protection. */
async function send(exchange: Exchange, build: (senderNonce: Buffer) => Buffer): Step<Answer> {
  const senderNonce = randomBytes(16);
  const received = await post(exchange, build(senderNonce));
  if (!received.ok) return received;
  const message = decodePkiMessage(received.value);
  if (!message.ok) return invalid(message.error.message);
  const body = decodePkiBody(message.value);
  if (!body.ok) return invalid(body.error.message);
  const { header } = message.value;
  const isVerified = await isTrustworthy(exchange, message.value);
  const isOurs = header.transactionID?.equals(exchange.transaction.transactionID) === true && header.recipNonce?.equals(senderNonce) === true;
  if (body.value.type !== 'error' && !(isVerified && isOurs)) return invalid('The answer could not be verified.');
  return ok({ message: message.value, body: body.value, isVerified: isVerified && isOurs });
}

async function post(exchange: Exchange, body: Buffer): Step<Buffer> {
  const left = Math.max(1, exchange.deadline - Date.now());
  try {
    const headers = { 'content-type': 'application/pkixcmp', 'user-agent': 'gatehouse' };
    const response = await fetch(exchange.input.url, {
      method: 'POST',
      body: new Uint8Array(body),
      headers,
      redirect: 'error',
      signal: AbortSignal.timeout(left),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    return response.status === 200 ? ok(bytes) : fail({ kind: 'http', status: response.status });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError') return fail({ kind: 'timeout' });
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return fail({ kind: 'unreachable', text: cause });
  }
}

/** The same kind of protection as ours: the MAC of our secret, or a signature that chains to a trusted certificate. */
async function isTrustworthy(exchange: Exchange, message: PkiMessage): Promise<boolean> {
  const { protectionAlg } = message.header;
  if (protectionAlg === undefined || message.protection === undefined) return false;
  const { credential } = exchange.transaction;
  if (credential.kind === 'secret') {
    const parameters = readMacParameters(protectionAlg, { hmacSha1: true, minIterations: 100, maxIterations: 100_000 });
    return parameters.ok && verifyMac(message, parameters.value, await exchange.keys.keyFor(parameters.value, credential.secret));
  }
  return protectionKindOf(protectionAlg) === 'signature' && isSignedByTrusted(message, exchange.input.trusted ?? []);
}

function isSignedByTrusted(message: PkiMessage, anchors: readonly Certificate[]): boolean {
  const certificates = message.extraCerts.map(parseCertificate).flatMap((item) => (item.ok ? [item.value] : []));
  const [leaf, ...intermediates] = certificates;
  if (leaf === undefined || !verifySigned(message, leaf.publicKey).ok) return false;
  return buildChain({ leaf, intermediates, anchors, at: new Date() }).ok;
}
