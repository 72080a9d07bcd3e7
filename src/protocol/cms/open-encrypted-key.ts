import { createPublicKey, diffieHellman, type KeyObject, pbkdf2Sync } from 'node:crypto';
import { readAlgorithmIdentifier } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { Cursor, contextConstructed, contextPrimitive, DerError, der, type Element, encode, guarded, oids, tag } from '../der/index.js';
import { contentCiphers, decryptContent, readContentCipher } from './content-cipher.js';
import { readKeyTransport } from './key-transport.js';
import { keyWrapOf, unwrapKeyAes } from './key-wrap-aes.js';
import { unwrapOaep } from './oaep.js';
import { agreedKey, kemKey } from './recipient-info.js';
import { createKeyUnwrapper } from './unwrap.js';

/** What opens an EncryptedKey that is addressed to us. */
export type Opener =
  /** RSA decrypts, EC agrees. */
  | { readonly kind: 'key'; readonly privateKey: KeyObject }
  | { readonly kind: 'kem'; decapsulate(cipherText: Buffer): Buffer }
  | { readonly kind: 'secret'; readonly secret: Buffer };

/** What was in it, and of which type that is said to be. */
export interface Opened {
  readonly contentType: string;
  readonly content: Buffer;
  /** localKeyId (RFC 2985 section 5.5.2) among the unprotected attributes: what its sender calls what is inside. */
  readonly localKeyId?: Buffer;
}

/** Who encrypts may make us compute so much and no more; nobody but a device opens by a secret. */
const maxIterations = 1_000_000;

/**
 * RFC 4211 section 2.1: EncryptedKey ::= CHOICE { encryptedValue EncryptedValue, -- deprecated: refused  envelopedData [0] EnvelopedData },
 * with one recipient of the kinds of RFC 9483 section 4.1.6: key transport, key agreement, password, or a KEM (RFC 9629).
 */
export function openEncryptedKey(encryptedKey: Buffer, opener: Opener): Result<Opened, string> {
  const read = guarded(() => readEnvelope(encryptedKey));
  if (!read.ok) return fail(`What is encrypted cannot be read: ${read.error.message}`);
  const { recipient, contentType, choice, content, localKeyId } = read.value;
  if (!choice.ok) return fail('What is encrypted is so by an unknown cipher.');
  const contentKey = contentKeyOf(recipient, opener, contentCiphers[choice.value.cipher].keyLength);
  if (contentKey === undefined) return fail('What is encrypted is not for this key.');
  const decrypted = decryptContent(choice.value, contentKey, content);
  return decrypted.isPadded
    ? ok({ contentType, content: decrypted.content, ...(localKeyId && { localKeyId }) })
    : fail('What is encrypted cannot be decrypted.');
}

/** Throws `DerError`. */
function readEnvelope(encryptedKey: Buffer) {
  const whole = new Cursor(encryptedKey);
  const fields = whole.enter(contextConstructed(0));
  whole.end();
  fields.smallInteger();
  const recipients = fields.set();
  const recipient = recipients.element();
  recipients.end();
  const encrypted = fields.sequence();
  const contentType = encrypted.oid();
  const choice = readContentCipher(readAlgorithmIdentifier(encrypted));
  const content = encrypted.content(contextPrimitive(0));
  return { recipient, contentType, choice, content, localKeyId: localKeyIdIn(fields) };
}

/** unprotectedAttrs [1] IMPLICIT SET OF Attribute (RFC 5652 section 6.1); those that nobody asks for are passed over. Throws `DerError`. */
function localKeyIdIn(fields: Cursor): Buffer | undefined {
  const attributes = fields.at(contextConstructed(1)) ? fields.enter(contextConstructed(1)).each(readAttribute) : [];
  fields.end();
  return attributes.find(({ type }) => type === oids.localKeyId)?.value;
}

function readAttribute(item: Cursor): { readonly type: string; readonly value: Buffer | undefined } {
  const fields = item.sequence();
  const type = fields.oid();
  const values = fields.set();
  const value = values.at(tag.octetString) ? values.octetString() : undefined;
  return { type, value };
}

/** localKeyId as an attribute. */
export function localKeyIdAttribute(id: Buffer): Element {
  return der.sequence(der.oid(oids.localKeyId), der.set(der.octetString(id)));
}

/** Undefined where it is for somebody else, or cannot be read. */
function contentKeyOf(recipient: Buffer, opener: Opener, length: number): Buffer | undefined {
  const read = guarded(() => {
    const info = new Cursor(recipient);
    if (opener.kind === 'secret') return byPassword(info.enter(contextConstructed(3)), opener.secret);
    if (opener.kind === 'kem') return encapsulated(info.enter(contextConstructed(4)), opener);
    return info.at(tag.sequence) ? transported(info.sequence(), opener.privateKey, length) : agreed(info.enter(contextConstructed(1)), opener.privateKey);
  });
  return read.ok && read.value?.length === length ? read.value : undefined;
}

/** KeyTransRecipientInfo (RFC 5652 section 6.2.1) for an RSA key. */
function transported(info: Cursor, privateKey: KeyObject, length: number): Buffer | undefined {
  info.smallInteger();
  info.skip();
  const transport = readKeyTransport(readAlgorithmIdentifier(info));
  if (!transport.ok || privateKey.asymmetricKeyType !== 'rsa') return undefined;
  const unwrapper = createKeyUnwrapper(privateKey);
  const encrypted = info.octetString();
  return transport.value.kind === 'pkcs1' ? unwrapper.pkcs1(encrypted, length) : unwrapOaep(unwrapper, transport.value, encrypted, length);
}

/** KeyAgreeRecipientInfo (RFC 5753 section 3.1) with a fresh key of the server. */
function agreed(info: Cursor, privateKey: KeyObject): Buffer | undefined {
  info.smallInteger();
  const originator = info.enter(contextConstructed(0)).enter(contextConstructed(1));
  const spki = encode(der.sequence(originator.element(), originator.element()));
  const ukm = info.explicit(1)?.octetString();
  const { oid, parameters } = readAlgorithmIdentifier(info);
  const wrap = keyWrapOf(readAlgorithmIdentifier(new Cursor(parameters ?? Buffer.alloc(0))));
  const entry = info.sequence().sequence();
  entry.skip();
  const wrapped = entry.octetString();
  if (oid !== oids.stdDhSha256Kdf || wrap === undefined || privateKey.asymmetricKeyType !== 'ec') return undefined;
  return unwrapKeyAes(wrap, agreedKey(sharedPoint(privateKey, spki), ukm, wrap), wrapped);
}

function sharedPoint(privateKey: KeyObject, spki: Buffer): Buffer {
  try {
    return diffieHellman({ privateKey, publicKey: createPublicKey({ key: spki, format: 'der', type: 'spki' }) });
  } catch {
    throw new DerError('bad-value', 0, 'OriginatorPublicKey.');
  }
}

/** PasswordRecipientInfo by PBKDF2 and AES key wrap (RFC 9483 section 4.1.6.3). */
function byPassword(info: Cursor, secret: Buffer): Buffer | undefined {
  info.smallInteger();
  const derivation = readAlgorithmIdentifier(info, contextConstructed(0));
  const wrap = keyWrapOf(readAlgorithmIdentifier(info));
  const wrapped = info.octetString();
  const parameters = new Cursor(derivation.parameters ?? Buffer.alloc(0)).sequence();
  const salt = parameters.octetString();
  const iterations = parameters.smallInteger();
  const length = parameters.at(tag.integer) ? parameters.smallInteger() : 32;
  const isServed = derivation.oid === oids.pbkdf2 && iterations > 0 && iterations <= maxIterations && length <= 32;
  return isServed && wrap !== undefined ? unwrapKeyAes(wrap, pbkdf2Sync(secret, salt, iterations, length, 'sha256'), wrapped) : undefined;
}

/** KEMRecipientInfo (RFC 9629 section 3) with HKDF-SHA256 and no user keying material. */
function encapsulated(info: Cursor, { decapsulate }: Extract<Opener, { kind: 'kem' }>): Buffer | undefined {
  if (info.oid() !== oids.oriKem) return undefined;
  const fields = info.sequence();
  fields.smallInteger();
  fields.skip();
  fields.skip();
  const cipherText = fields.octetString();
  const kdf = readAlgorithmIdentifier(fields);
  fields.smallInteger();
  const wrap = keyWrapOf(readAlgorithmIdentifier(fields));
  const wrapped = fields.octetString();
  if (kdf.oid !== oids.hkdfWithSha256 || wrap === undefined) return undefined;
  return unwrapKeyAes(wrap, kemKey(secretIn(cipherText, decapsulate), wrap), wrapped);
}

function secretIn(cipherText: Buffer, decapsulate: (cipherText: Buffer) => Buffer): Buffer {
  try {
    return decapsulate(cipherText);
  } catch {
    throw new DerError('bad-value', 0, 'kemct.');
  }
}
