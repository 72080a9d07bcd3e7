import { hash, type KeyObject } from 'node:crypto';
import { algorithmIdentifier, type Certificate, type Digest, oidOfDigest, type PublicKey, type Signer } from '../../pkix/index.js';
import { Cursor, contextConstructed, der, type Element, encode, oids, tag } from '../der/index.js';
import { keyIdentifierOf } from './identifier.js';
import { attribute } from './signed-attributes.js';

/** RFC 5958 section 2
 *  AsymmetricKeyPackage ::= SEQUENCE SIZE (1..MAX) OF OneAsymmetricKey
 *  OneAsymmetricKey ::= SEQUENCE {
 *    version                   Version,  -- v2(1), as publicKey is there
 *    privateKeyAlgorithm       AlgorithmIdentifier,
 *    privateKey                OCTET STRING,
 *    attributes            [0] Attributes OPTIONAL,
 *    publicKey             [1] BIT STRING OPTIONAL }  */
export function asymmetricKeyPackage(privateKey: KeyObject, publicKey: PublicKey): Buffer {
  const pkcs8 = new Cursor(privateKey.export({ format: 'der', type: 'pkcs8' })).sequence();
  pkcs8.skip();
  const algorithm = pkcs8.elementOf(tag.sequence);
  const key = pkcs8.elementOf(tag.octetString);
  const bits = der.retagged(0x81, der.bitString(publicKey.bits));
  return encode(der.sequence(der.sequence(der.integer(1), algorithm, key, bits)));
}

export interface KeyGenerator {
  readonly signer: Signer;
  readonly certificate: Certificate;
  /** Behind its own, as far as they shall go along. */
  readonly chain: readonly Buffer[];
}

/**
 * RFC 9483 section 4.1.6: a SignedData (without ContentInfo) of version 3 over an AsymmetricKeyPackage, its one signer named by key
 * identifier, signedAttrs contentType and messageDigest, the signer's certificate first.
 */
export function signKeyPackage(keyPackage: Buffer, generator: KeyGenerator, digest: Digest = 'sha256'): Buffer {
  const { signer, certificate, chain } = generator;
  const messageDigest = hash(digest, keyPackage, 'buffer');
  const attributes = encode(der.setOf([attribute(oids.contentType, der.oid(oids.aKeyPackage)), attribute(oids.messageDigest, der.octetString(messageDigest))]));
  const digestAlgorithm: Element = algorithmIdentifier({ oid: oidOfDigest(digest) });
  const signerInfo = der.sequence(
    der.integer(3),
    der.implicitPrimitive(0, keyIdentifierOf(certificate)),
    digestAlgorithm,
    der.retagged(contextConstructed(0), attributes),
    algorithmIdentifier(signer.algorithm),
    der.octetString(signer.sign(attributes)),
  );
  return encode(
    der.sequence(
      der.integer(3),
      der.set(digestAlgorithm),
      der.sequence(der.oid(oids.aKeyPackage), der.explicit(0, der.octetString(keyPackage))),
      der.constructed(contextConstructed(0), certificate.der, ...chain),
      der.set(signerInfo),
    ),
  );
}
