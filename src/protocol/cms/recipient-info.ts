import { constants, createHash, diffieHellman, generateKeyPairSync, hkdfSync, type KeyObject, publicEncrypt } from 'node:crypto';
import { type AlgorithmIdentifier, algorithmIdentifier, encapsulate, type PublicKey, publicKeyOf } from '../../pkix/index.js';
import { randomOctets } from '../../runtime/random.js';
import { contextConstructed, der, type Element, encode, oids } from '../der/index.js';
import { keyTransportAlgorithm } from './key-transport.js';
import { type KeyWrap, keyWrapAlgorithm, keyWraps, wrapKeyAes } from './key-wrap-aes.js';

/** One recipient of an envelope as CMP writes them: how it wraps a content key, and the version of the EnvelopedData around it. */
export interface Recipient {
  readonly version: number;
  recipientInfo(contentKey: Buffer): Element;
}

/**
 * RFC 5652 section 6.2.1, RSAES-OAEP with SHA-256: the key is named by its identifier. Throws on keys that are no RSA keys.
 */
export function keyTransportRecipient(publicKey: KeyObject, keyIdentifier: Buffer): Recipient {
  const transport = { kind: 'oaep', digest: 'sha256', maskDigest: 'sha256', label: Buffer.alloc(0) } as const;
  const padding = { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: transport.digest };
  return {
    version: 2,
    recipientInfo: (contentKey) =>
      der.sequence(
        der.integer(2),
        der.implicitPrimitive(0, keyIdentifier),
        algorithmIdentifier(keyTransportAlgorithm(transport)),
        der.octetString(publicEncrypt(padding, contentKey)),
      ),
  };
}

/**
 * RFC 5753 section 3.1: dhSinglePass-stdDH-sha256kdf with a fresh key of the recipient's curve and fresh user keying material
 *  KeyAgreeRecipientInfo ::= [1] SEQUENCE {
 *    version                    CMSVersion,  -- always 3
 *    originator             [0] EXPLICIT OriginatorIdentifierOrKey,
 *    ukm                    [1] EXPLICIT UserKeyingMaterial OPTIONAL,
 *    keyEncryptionAlgorithm     KeyEncryptionAlgorithmIdentifier,
 *    recipientEncryptedKeys     SEQUENCE OF SEQUENCE { rid KeyAgreeRecipientIdentifier, encryptedKey EncryptedKey } }
 */
export function keyAgreementRecipient(publicKey: PublicKey, keyObject: KeyObject, keyIdentifier: Buffer, wrap: KeyWrap = 'aes256'): Recipient {
  return {
    version: 2,
    recipientInfo(contentKey) {
      const ephemeral = generateKeyPairSync('ec', { namedCurve: publicKey.curve ?? 'P-256' });
      const ukm = randomOctets(16);
      const secret = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: keyObject });
      const own = publicKeyOf(ephemeral.publicKey);
      return der.constructed(
        contextConstructed(1),
        der.integer(3),
        der.explicit(0, der.constructed(contextConstructed(1), algorithmIdentifier(own.algorithm), der.bitString(own.bits))),
        der.explicit(1, der.octetString(ukm)),
        algorithmIdentifier({ oid: oids.stdDhSha256Kdf, parameters: encode(keyWrapAlgorithm(wrap)) }),
        der.sequence(
          der.sequence(
            der.constructed(contextConstructed(0), der.octetString(keyIdentifier)),
            der.octetString(wrapKeyAes(wrap, agreedKey(secret, ukm, wrap), contentKey)),
          ),
        ),
      );
    },
  };
}

/** RFC 5753 section 7.2
 *  ECC-CMS-SharedInfo ::= SEQUENCE {
 *    keyInfo          AlgorithmIdentifier,
 *    entityUInfo  [0] EXPLICIT OCTET STRING OPTIONAL,
 *    suppPubInfo  [2] EXPLICIT OCTET STRING }
 *  and the derivation of ANSI X9.63 with SHA-256, one block of which is enough for every AES key. */
export function agreedKey(secret: Buffer, ukm: Buffer | undefined, wrap: KeyWrap): Buffer {
  const { keyLength } = keyWraps[wrap];
  const bits = Buffer.alloc(4);
  bits.writeUInt32BE(keyLength * 8);
  const sharedInfo = encode(der.sequence(keyWrapAlgorithm(wrap), ukm && der.explicit(0, der.octetString(ukm)), der.explicit(2, der.octetString(bits))));
  const counter = Buffer.from([0, 0, 0, 1]);
  return createHash('sha256').update(secret).update(counter).update(sharedInfo).digest().subarray(0, keyLength);
}

/**
 * RFC 9629 section 3, with HKDF-SHA256 and a fresh encapsulation
 *  KEMRecipientInfo ::= SEQUENCE {
 *    version       CMSVersion,  -- always 0
 *    rid           RecipientIdentifier,
 *    kem           KEMAlgorithmIdentifier,
 *    kemct         OCTET STRING,
 *    kdf           KeyDerivationAlgorithmIdentifier,
 *    kekLength     INTEGER (1..65535),
 *    ukm       [0] EXPLICIT UserKeyingMaterial OPTIONAL,
 *    wrap          KeyEncryptionAlgorithmIdentifier,
 *    encryptedKey  EncryptedKey }
 *  as OtherRecipientInfo `[4]` of type id-ori-kem.
 */
export function kemRecipient(publicKey: PublicKey, keyIdentifier: Buffer, wrap: KeyWrap = 'aes256'): Recipient {
  const { oid } = publicKey.algorithm;
  return {
    version: 3,
    recipientInfo(contentKey) {
      const { cipherText, sharedSecret } = encapsulate(oid, publicKey.bits);
      const info = der.sequence(
        der.integer(0),
        der.implicitPrimitive(0, keyIdentifier),
        algorithmIdentifier({ oid }),
        der.octetString(cipherText),
        algorithmIdentifier({ oid: oids.hkdfWithSha256 }),
        der.integer(keyWraps[wrap].keyLength),
        keyWrapAlgorithm(wrap),
        der.octetString(wrapKeyAes(wrap, kemKey(sharedSecret, wrap), contentKey)),
      );
      return der.constructed(contextConstructed(4), der.oid(oids.oriKem), info);
    },
  };
}

/** RFC 9629 section 5
 *  CMSORIforKEMOtherInfo ::= SEQUENCE {
 *    wrap           KeyEncryptionAlgorithmIdentifier,
 *    kekLength      INTEGER (1..65535),
 *    ukm        [0] EXPLICIT UserKeyingMaterial OPTIONAL }  */
export function kemKey(sharedSecret: Buffer, wrap: KeyWrap): Buffer {
  const { keyLength } = keyWraps[wrap];
  const otherInfo = encode(der.sequence(keyWrapAlgorithm(wrap), der.integer(keyLength)));
  return Buffer.from(hkdfSync('sha256', sharedSecret, Buffer.alloc(0), otherInfo, keyLength));
}

/** What derives a key-encryption key from a password: PBKDF2 with HMAC-SHA-256. */
export interface PasswordDerivation {
  readonly salt: Buffer;
  readonly iterations: number;
}

/** The AlgorithmIdentifier of that derivation, `[0]` in a PasswordRecipientInfo. */
export function passwordDerivationAlgorithm({ salt, iterations }: PasswordDerivation, wrap: KeyWrap): AlgorithmIdentifier {
  const prf = der.sequence(der.oid(oids.hmacSha256), der.nullValue());
  const parameters = der.sequence(der.octetString(salt), der.integer(iterations), der.integer(keyWraps[wrap].keyLength), prf);
  return { oid: oids.pbkdf2, parameters: encode(parameters) };
}

/**
 * RFC 9483 section 4.1.6.3: the key derived from the shared secret wraps by AES, unlike RFC 3211; the EnvelopedData around it has
 * version 0. `kek`: derived from the secret by `derivation`.
 */
export function passwordKeyRecipient(kek: Buffer, derivation: PasswordDerivation, wrap: KeyWrap = 'aes256'): Recipient {
  return {
    version: 0,
    recipientInfo: (contentKey) =>
      der.constructed(
        contextConstructed(3),
        der.integer(0),
        der.retagged(contextConstructed(0), encode(algorithmIdentifier(passwordDerivationAlgorithm(derivation, wrap)))),
        keyWrapAlgorithm(wrap),
        der.octetString(wrapKeyAes(wrap, kek, contentKey)),
      ),
  };
}
