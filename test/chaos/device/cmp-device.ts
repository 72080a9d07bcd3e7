/** A CMP device under a shared secret that does not give up. Each message of a transaction is sent again byte for byte until it is answered. */
import { randomBytes } from 'node:crypto';
import { buildName, emptyName } from '../../../src/pkix/index.js';
import { type Element, oids } from '../../../src/protocol/der/index.js';
import type { TransactionHistory } from '../history.js';
import { certConfBody, encodeCmp, irBody, type Protection, pollReqBody, readCmpAnswer } from './cmp-message.js';
import { type Conversation, exchange, exchangeOften, type Fleet, persist, type Verdict } from './fleet.js';
import { p256Key } from './keys.js';

/** One transaction with what the device has learnt of it. */
class CmpTransaction {
  certificate: Buffer | undefined;
  isConfirmed = false;
  readonly history: TransactionHistory;
  readonly #fleet: Fleet;
  readonly #protection: Protection;
  readonly #transactionId = randomBytes(16);
  readonly #implicitConfirm: boolean;
  #recipNonce: Buffer | undefined;

  constructor(fleet: Fleet, commonName: string) {
    const { reference, secret } = fleet.cmp;
    this.#fleet = fleet;
    this.#protection = { kind: 'mac', reference, secret, salt: randomBytes(16), iterations: 500 };
    this.#implicitConfirm = fleet.random.chance(0.5);
    this.history = fleet.history.begin('cmp', this.#transactionId.toString('hex'), commonName);
  }

  /** A message with a fresh senderNonce and, but for the first, the server's last one as recipNonce. */
  write(body: Element): Buffer {
    const nonces = { senderNonce: randomBytes(16), ...(this.#recipNonce && { recipNonce: this.#recipNonce }) };
    const header = { transactionId: this.#transactionId, recipient: emptyName, implicitConfirm: this.#implicitConfirm, ...nonces };
    return encodeCmp(header, body, this.#protection);
  }

  read(bytes: Buffer): Verdict {
    const answer = readCmpAnswer(bytes);
    // The shared secret itself could not be read: the RA signs, and the device only learns that it should come again.
    if (answer.body === 'unavailable') return 'again';
    if (!answer.isProtectedBy(this.#fleet.cmp.secret)) throw new Error(`The ${answer.body} is not protected by the secret: ${answer.detail}`);
    this.#recipNonce = answer.senderNonce;
    switch (answer.body) {
      case 'pkiconf':
        return 'done';
      case 'waiting':
      case 'pollRep':
        this.history.notePending();
        return 'pending';
      case 'issued':
        this.certificate = answer.certificate ?? Buffer.alloc(0);
        this.isConfirmed = answer.isImplicitlyConfirmed;
        this.history.noteIssued(this.certificate);
        return 'done';
      default:
        this.history.noteRefused(`${answer.body} ${answer.detail}`);
        return 'refused';
    }
  }
}

export async function enrolCmp(fleet: Fleet, commonName: string): Promise<void> {
  const key = p256Key(commonName);
  const transaction = new CmpTransaction(fleet, commonName);
  const read = (bytes: Buffer) => transaction.read(bytes);
  const conversation: Conversation = { fleet, history: transaction.history, path: fleet.cmp.path, contentType: 'application/pkixcmp', read };
  const request = transaction.write(irBody(buildName([[oids.commonName, commonName]]), key.spki, key.privateKey));
  let message = request;
  let verdict = await persist(fleet, (before) => {
    if (before === 'pending') message = transaction.write(pollReqBody());
    // Polls go out one at a time: two at once would each get another nonce to continue with.
    return message === request ? exchangeOften(conversation, message) : exchange(conversation, message);
  });
  if (verdict === 'done' && fleet.random.chance(0.2) && message === request) await exchange(conversation, request);
  if (verdict === 'done' && !transaction.isConfirmed && transaction.certificate !== undefined) {
    const confirmation = transaction.write(certConfBody(transaction.certificate));
    verdict = await persist(fleet, () => exchangeOften(conversation, confirmation));
  }
  transaction.history.isFinished = verdict === 'done';
}
