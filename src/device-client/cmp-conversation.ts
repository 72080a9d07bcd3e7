import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Certificate, Name } from '../pkix/index.js';
import { createMacKeys, type MacKeys, type PkiBody, type PkiMessage } from '../protocol/cmp/index.js';
import { fail, ok } from '../runtime/result.js';
import { invalid, type Step } from './cmp-fault.js';
import { demandedKem, encapsulateFor, kemProtectorFor } from './cmp-kem.js';
import { buildPollReq, type CmpCredential, type CmpTransaction, protectorOf } from './cmp-messages.js';
import { carry, httpTransport, type Observer, type Transport } from './cmp-transport.js';
import { isTrustworthy } from './cmp-trust.js';

/** Whom to talk to, and as whom. */
export interface CmpServer {
  /** `http://host:port/cmp/<endpointPath>` */
  readonly url: string;
  readonly credential: CmpCredential;
  /** The CA's name; the empty name where unknown. */
  readonly recipient: Name;
  /** Whom signed answers must chain to. */
  readonly trusted?: readonly Certificate[];
  /** The certificate of the RA's KEM key: answers must prove that they come from its holder. */
  readonly kemCertificate?: Certificate;
  /** Longest time for the whole transaction, polling included. */
  readonly timeoutMs?: number;
  /** In place of HTTP: an RA that forwards, for one. */
  readonly transport?: Transport;
  /** Told of every message, and of every answer that could be read. */
  readonly observe?: Observer;
}

/** One transaction with its server, from the first message to the last. */
export interface Conversation {
  readonly server: CmpServer;
  readonly transaction: CmpTransaction;
  readonly keys: MacKeys;
  readonly transport: Transport;
  readonly deadline: number;
}

export interface CmpAnswer {
  readonly message: PkiMessage;
  readonly body: PkiBody;
  readonly isVerified: boolean;
}

/** A new transaction; for a key that only decapsulates it asks the server for a cipher text first. `pvno` 3 for what RFC 9810 section 7 lists. */
export async function beginConversation(server: CmpServer, pvno: 2 | 3 = 2): Step<Conversation> {
  const { credential, recipient } = server;
  const [keys, transport] = [createMacKeys(4), server.transport ?? httpTransport(server.url)];
  const deadline = Date.now() + (server.timeoutMs ?? 60_000);
  const encapsulation = server.kemCertificate === undefined ? undefined : encapsulateFor(server.kemCertificate);
  if (encapsulation?.ok === false) return invalid(encapsulation.error);
  const now = () => new Date();
  const base = { credential, recipient, transactionID: randomBytes(16), now, ...(encapsulation && { encapsulation: encapsulation.value }) };
  if (credential.kind === 'kem') {
    const protector = await kemProtectorFor(credential, { ...base, transport, deadline, ...observing(server) });
    return protector.ok ? ok({ server, transaction: { ...base, pvno: 3, protector: protector.value }, keys, transport, deadline }) : protector;
  }
  const key = credential.kind === 'secret' ? await keys.keyFor(credential.parameters, credential.secret) : undefined;
  return ok({ server, transaction: { ...base, pvno, protector: protectorOf(credential, key) }, keys, transport, deadline });
}

const observing = ({ observe }: CmpServer) => (observe === undefined ? {} : { observe });

/** Polls for as long as the answer is to wait (RFC 9483 section 4.4); `certReqId` is -1 for a whole message. */
export async function pollUntilFinal(exchange: Conversation, first: CmpAnswer, certReqId: number): Step<{ answer: CmpAnswer; polls: number }> {
  let answer = first;
  for (let polls = 0; ; polls += 1) {
    const wait = secondsToWait(answer);
    if (wait === undefined) return ok({ answer, polls });
    const next = await pollAfter(exchange, answer, wait, [certReqId]);
    if (!next.ok) return next;
    answer = next.value;
  }
}

/** One pollReq, `seconds` after the answer before it. */
export async function pollAfter(exchange: Conversation, { message }: CmpAnswer, seconds: number, certReqIds: readonly number[]): Step<CmpAnswer> {
  if (Date.now() + seconds * 1000 > exchange.deadline) return fail({ kind: 'timeout' });
  await setTimeout(seconds * 1000);
  const recipNonce = message.header.senderNonce;
  return send(exchange, (senderNonce) => buildPollReq(exchange.transaction, { senderNonce, ...(recipNonce && { recipNonce }) }, ...certReqIds));
}

/** Undefined when the answer is final. */
function secondsToWait(answer: CmpAnswer): number | undefined {
  const { body } = answer;
  if (body.type === 'pollRep') return Math.max(0, body.entries[0]?.checkAfter ?? 1);
  if (body.type === 'error') return answer.isVerified && body.content.pKIStatusInfo.status === 'waiting' ? 0 : undefined;
  if (body.type !== 'ip' && body.type !== 'cp' && body.type !== 'kup' && body.type !== 'ccp') return undefined;
  return body.content.response[0]?.status.status === 'waiting' ? 0 : undefined;
}

/** Sends one message and verifies the answer: transactionID, recipNonce, protection. */
export async function send(exchange: Conversation, build: (senderNonce: Buffer) => Buffer): Step<CmpAnswer> {
  const { server, transaction, keys } = exchange;
  const senderNonce = randomBytes(16);
  const received = await carry({ ...exchange, ...observing(server) }, build(senderNonce));
  if (!received.ok) return received;
  const { message, body } = received.value;
  const { header } = message;
  const demanded = transaction.encapsulation === undefined ? demandedKem(received.value, server.trusted ?? []) : undefined;
  if (demanded !== undefined) return fail({ kind: 'kem-demanded', certificate: demanded });
  const { credential, encapsulation } = transaction;
  const isVerified = await isTrustworthy({ credential, keys, anchors: server.trusted ?? [], ...(encapsulation && { encapsulation }) }, message);
  const isOurs = header.transactionID?.equals(transaction.transactionID) === true && header.recipNonce?.equals(senderNonce) === true;
  if (body.type !== 'error' && !(isVerified && isOurs)) return invalid('The answer could not be verified.');
  return ok({ message, body, isVerified: isVerified && isOurs });
}

/** Does it again, once, for a server that wants a cipher text for its KEM key first; its certificate came with the demand. */
export async function withDemandedKem<S extends CmpServer, T>(server: S, work: (server: S) => Step<T>): Step<T> {
  const done = await work(server);
  if (done.ok || done.error.kind !== 'kem-demanded' || server.kemCertificate !== undefined) return done;
  return work({ ...server, kemCertificate: done.error.certificate });
}
