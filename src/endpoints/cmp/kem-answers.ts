import { hash } from 'node:crypto';
import { type KemCiphertext, kemCiphertextItem, kemCiphertextOf } from '../../protocol/cmp/index.js';
import { oids } from '../../protocol/der/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { LoadedEncryptionKey } from '../../tenancy/encryption-key.js';
import { addressedKeys, certificatesOf, kemAnswer } from './answer-key.js';
import { type GivenCipherText, type Peer, requesterOf } from './authenticate.js';
import { activeEncryptionKeys } from './encryption-keys.js';
import { type CmpReply, errorBody, note, refuse, send, type VerifiedExchange } from './exchange.js';
import { type Fault, fault, situations } from './fault.js';
import type { CmpSession } from './session.js';

/**
 * The peer whose answers stand under KemBasedMac, where its message brings a cipher text for the KEM key of the RA (RFC 9810 appendix E), or an
 * earlier one of the transaction did; the same peer where there is none and none is demanded. Who shares a secret or agreed on a key with
 * us knows us by that.
 */
export async function answeringPeer(exchange: VerifiedExchange): Promise<Result<Peer, Fault | 'demanded'>> {
  const { endpoint, peer, header } = exchange;
  const given = await cipherTextOf(exchange);
  if (given === undefined) return isDemanded(exchange) ? fail('demanded') : ok(peer);
  const keys = kemKeysOf(exchange);
  const own = keys.find(({ id }) => id === given.keyId) ?? addressedKeys(keys, exchange.message)[0];
  if (own === undefined) return fail(fault('unavailable', 'the KEM key of the RA has no certificate yet'));
  const sharedSecret = decapsulated(own, given);
  if (sharedSecret === undefined) return fail(fault('kem-cipher-text', given.kem));
  const transaction = `${endpoint.profile.id} ${header.transactionID.toString('hex')} ${requesterOf(peer).toString('hex')}`;
  if (exchange.deps.cipherTexts?.isFirstSeenIn(transaction, given.ct) === false) return fail(fault('kem-cipher-text', 'used before'));
  return ok({ ...peer, answer: kemAnswer(own, sharedSecret, header.transactionID), kemCiphertext: { ...given, keyId: own.id } });
}

function kemKeysOf({ endpoint }: VerifiedExchange): readonly LoadedEncryptionKey[] {
  return (endpoint.encryptionKeys ?? []).filter(({ secret }) => secret.kind === 'kem');
}

function isDemanded({ endpoint, peer }: VerifiedExchange): boolean {
  return endpoint.profile.policy.cmp.kemAnswers === 'demanded' && peer.kind === 'signature' && peer.answer === undefined;
}

/** In the header (RFC 9810 section 5.1.1.5); later messages may leave it out. */
async function cipherTextOf({ endpoint, header, deps }: VerifiedExchange): Promise<GivenCipherText | undefined> {
  const item = header.generalInfo?.find(({ infoType }) => infoType === oids.kemCiphertextInfo);
  if (item !== undefined) return kemCiphertextOf(item);
  if (header.recipNonce === undefined) return undefined;
  const session = await deps.enrolment.findSession(endpoint.profile, header.transactionID.toString('hex'));
  return typeof session?.kemCiphertext === 'string' ? fromSession(session.kemCiphertext) : undefined;
}

function fromSession(stored: string): GivenCipherText | undefined {
  const [keyId = '', infoValue = ''] = stored.split(' ');
  const given = kemCiphertextOf({ infoType: oids.kemCiphertextInfo, infoValue: Buffer.from(infoValue, 'base64') });
  return given && { ...given, keyId };
}

/** What the session of a transaction keeps of it: the key it is for, and KemCiphertextInfo. */
export function kemSession(peer: Peer): Pick<CmpSession, 'kemCiphertext'> {
  if (peer.kemCiphertext === undefined) return {};
  const { kem, ct, keyId = '' } = peer.kemCiphertext;
  return { kemCiphertext: `${keyId} ${kemCiphertextItem(kem, ct).infoValue?.toString('base64') ?? ''}` };
}

/** Undefined for a cipher text of another algorithm or length; one for another key gives a secret that nobody has. */
function decapsulated({ secret }: LoadedEncryptionKey, { kem, ct }: KemCiphertext): Buffer | undefined {
  if (secret.kind !== 'kem' || secret.kem !== kem) return undefined;
  try {
    return secret.decapsulate(ct);
  } catch {
    return undefined;
  }
}

/** RFC 9810 appendix E: an unprotected error with wrongIntegrity, and the KEM certificate in extraCerts, which the device validates. */
export function demandCipherText(exchange: VerifiedExchange): CmpReply {
  const keys = activeEncryptionKeys(exchange.endpoint).filter(({ secret }) => secret.kind === 'kem');
  if (keys.length === 0) return refuse(exchange, exchange.peer, fault('unavailable', 'the KEM key of the RA has no certificate yet'));
  note(exchange, fault('kem-cipher-text-missing'));
  const { failInfo, says } = situations['kem-cipher-text-missing'];
  return send(exchange, undefined, { body: errorBody(failInfo, says), isUnprotected: true, extraCerts: keys.flatMap(certificatesOf) });
}

/** Cipher texts of the transactions of late: "never the same one twice" (RFC 9810 section 5.1.3.4). It belongs to one process. */
export interface CipherTextMemory {
  /** False where another transaction brought it. */
  isFirstSeenIn(transaction: string, cipherText: Buffer): boolean;
}

export function createCipherTextMemory(limit = 10_000): CipherTextMemory {
  const seen = new Map<string, string>();
  return {
    isFirstSeenIn(transaction, cipherText) {
      const name = hash('sha256', cipherText, 'base64');
      const before = seen.get(name);
      if (before === undefined) seen.set(name, transaction);
      if (seen.size > limit) seen.delete(seen.keys().next().value as string);
      return before === undefined || before === transaction;
    },
  };
}
