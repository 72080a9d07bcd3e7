import { randomBytes } from 'node:crypto';
import type { Certificate, Name } from '../pkix/index.js';
import { decodePkiBody, decodePkiMessage, encodeNestedContent, type PkiHeader, readNestedContent, signatureProtector } from '../protocol/cmp/index.js';
import { fail, ok } from '../runtime/result.js';
import { type CmpClientFault, invalid, refused, type Step } from './cmp-fault.js';
import { buildMessage, type CertificateCredential } from './cmp-messages.js';
import type { Observer, Transport } from './cmp-transport.js';
import { isSignedByTrusted } from './cmp-trust.js';

/** An RA that forwards what devices send: who it is, and how its messages go on. */
export interface Forwarder {
  readonly credential: CertificateCredential;
  readonly recipient: Name;
  /** Whom the signed answers to a batch must chain to. */
  readonly trusted: readonly Certificate[];
  readonly transport: Transport;
  readonly observe?: Observer;
}

/** Each message under the added protection of the RA (RFC 9483 section 5.2.2.1): transactionID and nonces are those of what is inside, and so is the answer. */
export function addingProtection(forwarder: Forwarder): Transport {
  return (message, deadline) => {
    const inside = decodePkiMessage(message);
    if (!inside.ok) throw inside.error;
    const { transactionID, senderNonce, recipNonce } = inside.value.header;
    forwarder.observe?.('sending', 'nested');
    return forwarder.transport(nestedMessage(forwarder, [message], { transactionID, senderNonce, recipNonce }), deadline);
  };
}

function nestedMessage(
  { credential, recipient }: Forwarder,
  messages: readonly Buffer[],
  ids: Pick<PkiHeader, 'transactionID' | 'senderNonce' | 'recipNonce'>,
): Buffer {
  const { transactionID = randomBytes(16), senderNonce = randomBytes(16), recipNonce } = ids;
  const transaction = { credential, recipient, transactionID, protector: signatureProtector(credential.signer, credential.certificate) };
  const body = { type: 'nested', content: encodeNestedContent(messages) } as const;
  return buildMessage(transaction, { senderNonce, ...(recipNonce && { recipNonce }) }, body, { messageTime: new Date() });
}

interface Waiting {
  readonly message: Buffer;
  readonly deadline: number;
  answer(result: Awaited<ReturnType<Transport>>): void;
}

/** Collects the messages of several conversations and sends them as one. */
export interface Batch {
  readonly transport: Transport;
  /** One conversation has ended: nobody needs to wait for its messages. */
  leave(): void;
}

/**
 * A batch (RFC 9483 section 5.2.2.2): a message goes once each of the `members` under way has something to say, in one nested message with
 * identifiers of its own, and each gets the answer with its transactionID. Those who got none learn so.
 */
export function createBatch(forwarder: Forwarder, members: number): Batch {
  const waiting: Waiting[] = [];
  let underWay = members;
  const flushIfComplete = (): void => {
    if (waiting.length === 0 || waiting.length < underWay) return;
    void deliver(forwarder, waiting.splice(0));
  };
  return {
    transport: (message, deadline) =>
      new Promise((answer) => {
        waiting.push({ message, deadline, answer });
        flushIfComplete();
      }),
    leave: () => {
      underWay -= 1;
      flushIfComplete();
    },
  };
}

async function deliver(forwarder: Forwarder, waiting: readonly Waiting[]): Promise<void> {
  const answers = await exchangeBatch(forwarder, waiting);
  for (const { message, answer } of waiting) {
    const own = answers.ok ? answers.value.get(transactionOf(message)) : undefined;
    if (own !== undefined) answer(ok(own));
    else answer(answers.ok ? invalid('The answer to the batch holds none to this message.') : fail<CmpClientFault>(answers.error));
  }
}

/** The answers by transactionID. */
async function exchangeBatch(forwarder: Forwarder, waiting: readonly Waiting[]): Step<ReadonlyMap<string, Buffer>> {
  const ids = { transactionID: randomBytes(16), senderNonce: randomBytes(16) };
  const batch = nestedMessage(
    forwarder,
    waiting.map(({ message }) => message),
    ids,
  );
  forwarder.observe?.('sending', 'nested');
  const received = await forwarder.transport(batch, Math.min(...waiting.map(({ deadline }) => deadline)));
  if (!received.ok) return received;
  const message = decodePkiMessage(received.value);
  const body = message.ok ? decodePkiBody(message.value) : message;
  if (!message.ok || !body.ok) return invalid('The answer to the batch cannot be read.');
  forwarder.observe?.('received', message.value.bodyType);
  const isVerified = isSignedByTrusted(message.value, forwarder.trusted) && message.value.header.recipNonce?.equals(ids.senderNonce) === true;
  if (body.value.type === 'error') return refused(body.value.content.pKIStatusInfo, isVerified);
  if (body.value.type !== 'nested' || !isVerified) return invalid('The answer to the batch could not be verified.');
  const inside = readNestedContent(body.value.content);
  return inside.ok ? ok(new Map(inside.value.map((bytes) => [transactionOf(bytes), bytes]))) : invalid(inside.error.message);
}

function transactionOf(bytes: Buffer): string {
  const message = decodePkiMessage(bytes);
  return message.ok ? (message.value.header.transactionID?.toString('hex') ?? '') : '';
}
