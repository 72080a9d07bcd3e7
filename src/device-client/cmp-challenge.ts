import { hash } from 'node:crypto';
import { hasNoParameters, readAlgorithmIdentifier } from '../pkix/index.js';
import { encodeDecryptionResponse } from '../protocol/cmp/index.js';
import { Cursor, contextConstructed, der, encode, guarded, oids } from '../protocol/der/index.js';
import { ok, type Result } from '../runtime/result.js';
import { type CmpAnswer, type Conversation, send } from './cmp-conversation.js';
import { type CmpClientFault, invalid, type Step } from './cmp-fault.js';
import { buildMessage } from './cmp-messages.js';
import { type Opener, openEncryptedKey } from './encrypted-key.js';

/** Answers a popdecc by the number in it, which only the holder of the new key can read (RFC 9810 section 5.2.8.3.3); every other answer stays what it is. */
export async function answerChallenge(exchange: Conversation, answer: CmpAnswer, opener: Opener | undefined): Step<CmpAnswer> {
  const { body, message } = answer;
  if (body.type !== 'popdecc') return ok(answer);
  if (opener === undefined) return invalid('A challenge came, and this key does not decrypt.');
  const number = numberIn(body.content, opener);
  if (!number.ok) return number;
  const recipNonce = message.header.senderNonce;
  const response = { type: 'popdecr', content: encodeDecryptionResponse([number.value]) } as const;
  return send(exchange, (senderNonce) => buildMessage(exchange.transaction, { senderNonce, ...(recipNonce && { recipNonce }) }, response));
}

function numberIn(content: Buffer, opener: Opener): Result<Buffer, CmpClientFault> {
  const challenge = guarded(() => readChallenge(content));
  if (!challenge.ok) return invalid(`The challenge cannot be read: ${challenge.error.message}`);
  const { owf, witness, encryptedRand } = challenge.value;
  const opened = openEncryptedKey(encode(der.retagged(contextConstructed(0), encryptedRand)), opener);
  if (!opened.ok) return invalid(opened.error);
  const int = guarded(() => new Cursor(opened.value.content).sequence().integer());
  if (!int.ok) return invalid('The challenge holds no number.');
  const isWitnessed = owf.oid === oids.sha256 && hasNoParameters(owf) && witness.equals(hash('sha256', int.value, 'buffer'));
  return isWitnessed ? ok(int.value) : invalid('The witness of the challenge is wrong.');
}

/** The one Challenge; throws `DerError`. */
function readChallenge(content: Buffer) {
  const list = new Cursor(content).sequence();
  const fields = list.sequence();
  list.end();
  const owf = readAlgorithmIdentifier(fields);
  const witness = fields.octetString();
  fields.octetString();
  const encryptedRand = fields.enter(contextConstructed(0)).element();
  fields.end();
  return { owf, witness, encryptedRand };
}
