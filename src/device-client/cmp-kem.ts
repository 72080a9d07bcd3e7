import { randomBytes } from 'node:crypto';
import { buildChain, type Certificate, encapsulate, type Name, parseCertificate, subjectKeyIdentifierOf } from '../pkix/index.js';
import {
  encodePkiMessage,
  type KemCiphertext,
  type KemMacParameters,
  kemCiphertextItem,
  kemCiphertextOf,
  kemMac,
  kemMacAlgorithm,
  kemMacKey,
  type PkiBody,
  type Protector,
} from '../protocol/cmp/index.js';
import { oids } from '../protocol/der/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { invalid, refused, type Step } from './cmp-fault.js';
import { asGeneralName, type KemCredential, type ServerEncapsulation } from './cmp-messages.js';
import { type Carried, type Carrier, carry } from './cmp-transport.js';

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

function cipherTextIn(body: PkiBody): KemCiphertext | undefined {
  const item = body.type === 'genp' ? body.items.find(({ infoType }) => infoType === oids.kemCiphertextInfo) : undefined;
  return item && kemCiphertextOf(item);
}

/** A fresh secret for the KEM certificate of an RA (RFC 9810 appendix E); a fault in words for a certificate of another kind. */
export function encapsulateFor({ publicKey, extensions }: Certificate): Result<ServerEncapsulation, string> {
  if (publicKey.type !== 'ml-kem' || !publicKey.isUsable) return fail('The encryption certificate is not one for ML-KEM.');
  const { oid } = publicKey.algorithm;
  const { cipherText, sharedSecret } = encapsulate(oid, publicKey.bits);
  const recipKID = subjectKeyIdentifierOf(extensions);
  return ok({ item: kemCiphertextItem(oid, cipherText), sharedSecret, ...(recipKID && { recipKID }) });
}

/** The KEM certificate in the one unprotected error that asks for a cipher text; only one that chains to a trusted certificate counts. */
export function demandedKem({ message, body }: Carried, anchors: readonly Certificate[]): Certificate | undefined {
  const isDemand = body.type === 'error' && message.protection === undefined && body.content.pKIStatusInfo.failInfo?.includes('wrongIntegrity') === true;
  if (!isDemand) return undefined;
  const [leaf, ...intermediates] = message.extraCerts.map(parseCertificate).flatMap((item) => (item.ok ? [item.value] : []));
  if (leaf?.publicKey.type !== 'ml-kem') return undefined;
  return buildChain({ leaf, intermediates, anchors, at: new Date() }).ok ? leaf : undefined;
}
