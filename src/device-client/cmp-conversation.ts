import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { buildChain, type Certificate, type Name, parseCertificate } from '../pkix/index.js';
import {
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
  verifyMac,
  verifySigned,
} from '../protocol/cmp/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { buildPollReq, type CmpCredential, type CmpTransaction, protectorOf } from './cmp-messages.js';

/** Whom to talk to, and as whom. */
export interface CmpServer {
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

/** One transaction with its server, from the first message to the last. */
export interface Conversation {
  readonly server: CmpServer;
  readonly transaction: CmpTransaction;
  readonly keys: ReturnType<typeof createMacKeys>;
  readonly deadline: number;
}

export interface CmpAnswer {
  readonly message: PkiMessage;
  readonly body: PkiBody;
  readonly isVerified: boolean;
}

export type Step<T> = Promise<Result<T, CmpClientFault>>;

export async function beginConversation(server: CmpServer): Promise<Conversation> {
  const { credential, recipient } = server;
  const keys = createMacKeys(4);
  const key = credential.kind === 'secret' ? await keys.keyFor(credential.parameters, credential.secret) : undefined;
  const transaction = { credential, recipient, protector: protectorOf(credential, key), transactionID: randomBytes(16) };
  return { server, transaction, keys, deadline: Date.now() + (server.timeoutMs ?? 60_000) };
}

/** Polls for as long as the answer is to wait (RFC 9483 section 4.4); `certReqId` is -1 for a whole message. */
export async function pollUntilFinal(exchange: Conversation, first: CmpAnswer, certReqId: number): Step<{ answer: CmpAnswer; polls: number }> {
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
function secondsToWait(answer: CmpAnswer): number | undefined {
  const { body } = answer;
  if (body.type === 'pollRep') return Math.max(0, body.entries[0]?.checkAfter ?? 1);
  if (body.type === 'error') return answer.isVerified && body.content.pKIStatusInfo.status === 'waiting' ? 0 : undefined;
  if (body.type !== 'ip' && body.type !== 'cp' && body.type !== 'kup') return undefined;
  return body.content.response[0]?.status.status === 'waiting' ? 0 : undefined;
}

/** A refusal in the words of the server. */
export function refused(status: PkiStatusInfo, isVerified: boolean): Result<never, CmpClientFault> {
  return fail({ kind: 'refused', failInfo: status.failInfo ?? [], text: status.statusString?.join(' ') ?? '', isVerified });
}

/** An answer that no sound server sends. */
export function invalid(text: string): Result<never, CmpClientFault> {
  return fail({ kind: 'invalid-answer', text });
}

/** Sends one message and verifies the answer: transactionID, recipNonce, protection. */
export async function send(exchange: Conversation, build: (senderNonce: Buffer) => Buffer): Step<CmpAnswer> {
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

async function post(exchange: Conversation, body: Buffer): Step<Buffer> {
  const left = Math.max(1, exchange.deadline - Date.now());
  try {
    const headers = { 'content-type': 'application/pkixcmp', 'user-agent': 'gatehouse' };
    const response = await fetch(exchange.server.url, {
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
async function isTrustworthy(exchange: Conversation, message: PkiMessage): Promise<boolean> {
  const { protectionAlg } = message.header;
  if (protectionAlg === undefined || message.protection === undefined) return false;
  const { credential } = exchange.transaction;
  if (credential.kind === 'secret') {
    const parameters = readMacParameters(protectionAlg, { hmacSha1: true, minIterations: 100, maxIterations: 100_000 });
    return parameters.ok && verifyMac(message, parameters.value, await exchange.keys.keyFor(parameters.value, credential.secret));
  }
  return protectionKindOf(protectionAlg) === 'signature' && isSignedByTrusted(message, exchange.server.trusted ?? []);
}

function isSignedByTrusted(message: PkiMessage, anchors: readonly Certificate[]): boolean {
  const certificates = message.extraCerts.map(parseCertificate).flatMap((item) => (item.ok ? [item.value] : []));
  const [leaf, ...intermediates] = certificates;
  if (leaf === undefined || !verifySigned(message, leaf.publicKey).ok) return false;
  return buildChain({ leaf, intermediates, anchors, at: new Date() }).ok;
}
