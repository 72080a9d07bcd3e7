import { randomBytes } from 'node:crypto';
import { type AlgorithmIdentifier, type Name, readAlgorithmIdentifier, subjectKeyIdentifierOf } from '../pkix/index.js';
import {
  encodePkiMessage,
  infoValueOf,
  type KemMacParameters,
  kemMac,
  kemMacAlgorithm,
  kemMacKey,
  type PkiBody,
  type Protector,
} from '../protocol/cmp/index.js';
import { guarded, oids } from '../protocol/der/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { invalid, refused, type Step } from './cmp-fault.js';
import { asGeneralName, type KemCredential } from './cmp-messages.js';
import { type Carrier, carry } from './cmp-transport.js';

interface Beginning extends Carrier {
  readonly transactionID: Buffer;
  readonly recipient: Name;
}

const parameters: KemMacParameters = { len: 32, mac: 'sha256' };

/**
 * KemBasedMac (RFC 9810 section 5.1.3.4): asks the server, unprotected, for a cipher text to our key in this transaction, and protects what
 * follows by the secret in it. A cipher text of another only makes a MAC that nobody accepts.
 */
export async function kemProtectorFor(credential: KemCredential, beginning: Beginning): Step<Protector> {
  const { certificate, chain, decapsulate } = credential;
  const { transactionID, recipient } = beginning;
  const body: PkiBody = { type: 'genm', items: [{ infoType: oids.kemCiphertextInfo }] };
  const header = { pvno: 3, sender: asGeneralName(certificate.subject), recipient: asGeneralName(recipient), transactionID, senderNonce: randomBytes(16) };
  const question = encodePkiMessage({ header, body, extraCerts: [certificate, ...chain].map((item) => item.der) });
  const answer = await carry(beginning, question);
  if (!answer.ok) return answer;
  const given = cipherTextIn(answer.value.body);
  if (given === undefined) return noCipherText(answer.value.body);
  const sharedSecret = opened(() => decapsulate(given.ct));
  if (!sharedSecret.ok) return sharedSecret;
  const key = kemMacKey(sharedSecret.value, transactionID, parameters);
  const senderKID = subjectKeyIdentifierOf(certificate.extensions);
  const protection = { protectionAlg: kemMacAlgorithm(parameters), ...(senderKID && { senderKID }) };
  return ok({ header: protection, protect: (part) => kemMac(key, parameters, part) });
}

function noCipherText(body: PkiBody) {
  return body.type === 'error' ? refused(body.content.pKIStatusInfo, false) : invalid('The server gave no cipher text.');
}

function opened(work: () => Buffer): Result<Buffer, { readonly kind: 'invalid-answer'; readonly text: string }> {
  try {
    return ok(work());
  } catch {
    return fail({ kind: 'invalid-answer', text: 'The cipher text has a wrong length.' });
  }
}

interface CipherText {
  readonly kem: AlgorithmIdentifier;
  readonly ct: Buffer;
}

function cipherTextIn(body: PkiBody): CipherText | undefined {
  const item = body.type === 'genp' ? body.items.find(({ infoType }) => infoType === oids.kemCiphertextInfo) : undefined;
  if (item === undefined) return undefined;
  const read = guarded(() =>
    infoValueOf(item, (cursor) => {
      const fields = cursor.sequence();
      const kem = readAlgorithmIdentifier(fields);
      const ct = fields.octetString();
      fields.end();
      return { kem, ct };
    }),
  );
  return read.ok ? read.value : undefined;
}
