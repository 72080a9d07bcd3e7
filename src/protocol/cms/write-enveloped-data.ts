import { constants, type KeyObject, publicEncrypt } from 'node:crypto';
import { algorithmIdentifier, type Certificate } from '../../pkix/index.js';
import { randomOctets } from '../../runtime/random.js';
import { der, type Element, encode, oids } from '../der/index.js';
import { type ContentCipher, contentCipherAlgorithm, contentCiphers, encryptContent } from './content-cipher.js';
import { contentInfo } from './content-info.js';
import { issuerAndSerial, keyIdentifierOf } from './identifier.js';
import { type KeyTransport, keyTransportAlgorithm, pkcs1 } from './key-transport.js';
import { padOaep } from './oaep.js';
import { passwordRecipientInfo } from './password-recipient.js';

export interface EnvelopeOptions {
  readonly content: Buffer;
  readonly cipher: ContentCipher;
  /** The one recipient. */
  readonly recipient: Certificate;
  /** Its public key, imported. */
  readonly publicKey: KeyObject;
  readonly transport?: KeyTransport;
  /** How the recipient is named; issuerAndSerialNumber by default, which every client understands. */
  readonly identifiedBy?: 'issuerAndSerial' | 'subjectKeyIdentifier';
}

/** An EnvelopedData ContentInfo (RFC 5652 §6.1) for one RSA recipient with a fresh key and IV. */
export function encodeEnvelopedData(options: EnvelopeOptions): Buffer {
  const { content, cipher, recipient, publicKey, transport = pkcs1, identifiedBy = 'issuerAndSerial' } = options;
  const isBySerial = identifiedBy === 'issuerAndSerial';
  const version = isBySerial ? 0 : 2;
  return enveloped(content, cipher, version, (key) =>
    der.sequence(
      der.integer(version),
      isBySerial ? issuerAndSerial(recipient) : der.implicitPrimitive(0, keyIdentifierOf(recipient)),
      algorithmIdentifier(keyTransportAlgorithm(transport)),
      der.octetString(wrapKey(publicKey, transport, key)),
    ),
  );
}

export interface PasswordEnvelopeOptions {
  readonly content: Buffer;
  /** A CBC cipher; it encrypts the content and wraps the content key. */
  readonly cipher: ContentCipher;
  readonly password: Buffer;
}

/** As `encodeEnvelopedData`, for whoever knows the password; version 3, as a PasswordRecipientInfo demands. */
export function encodePasswordEnvelopedData({ content, cipher, password }: PasswordEnvelopeOptions): Buffer {
  return enveloped(content, cipher, 3, (key) => passwordRecipientInfo(password, cipher, key));
}

function enveloped(content: Buffer, cipher: ContentCipher, version: number, recipientInfo: (key: Buffer) => Element): Buffer {
  const { keyLength, blockLength } = contentCiphers[cipher];
  const random = randomOctets(keyLength + blockLength);
  const key = random.subarray(0, keyLength);
  const choice = { cipher, iv: random.subarray(keyLength) };
  const encryptedContentInfo = der.sequence(
    der.oid(oids.data),
    algorithmIdentifier(contentCipherAlgorithm(choice)),
    der.implicitPrimitive(0, encryptContent(choice, key, content)),
  );
  return encode(contentInfo(oids.envelopedData, der.sequence(der.integer(version), der.set(recipientInfo(key)), encryptedContentInfo)));
}

/** Where label and mask have different digests, as Java likes it, we pad ourselves: node:crypto knows one digest for both. */
function wrapKey(key: KeyObject, transport: KeyTransport, contentKey: Buffer): Buffer {
  if (transport.kind === 'pkcs1') return publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, contentKey);
  if (transport.digest !== transport.maskDigest) {
    const length = Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
    return publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, padOaep(transport, contentKey, length));
  }
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: transport.digest }, contentKey);
}
