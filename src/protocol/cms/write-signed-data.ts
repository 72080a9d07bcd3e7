import { hash, type KeyObject, sign } from 'node:crypto';
import { type AlgorithmIdentifier, algorithmIdentifier, type Certificate, type Digest, oidOfDigest } from '../../pkix/index.js';
import { contextConstructed, der, type Element, encode, oids, tag } from '../der/index.js';
import { contentInfo } from './content-info.js';
import { issuerAndSerial } from './identifier.js';
import { attribute } from './signed-attributes.js';

/** Who signs: the certificate that names the key in `sid`, and the private key. */
export interface CmsSigner {
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
}

export interface SignedDataOptions {
  /** eContent; undefined leaves it absent. */
  readonly content: Buffer | undefined;
  readonly digest: Digest;
  readonly signer: CmsSigner;
  /** Beside contentType and messageDigest, which are added. */
  readonly attributes: readonly Element[];
  /** Encodings in the order in which they shall stand. */
  readonly certificates: readonly Buffer[];
}

const contentTypeData = attribute(oids.contentType, der.oid(oids.data));
const emptyContent = Buffer.alloc(0);

/**
 * A SignedData ContentInfo (RFC 5652 §5.1) over id-data with one SignerInfo, version 1, named by issuerAndSerialNumber. For RSA keys
 * the signature algorithm is rsaEncryption with NULL: strongSwan up to 5.9.8 refuses shaNwithRSA there.
 */
export function encodeSignedData(options: SignedDataOptions): Buffer {
  const { content, digest, signer, certificates } = options;
  const messageDigest = hash(digest, content ?? emptyContent, 'buffer');
  const attributes = encode(der.setOf([contentTypeData, attribute(oids.messageDigest, der.octetString(messageDigest)), ...options.attributes]));
  const digestAlgorithm = algorithmIdentifier({ oid: oidOfDigest(digest), parameters: der.nullValue() });
  const signerInfo = der.sequence(
    der.integer(1),
    issuerAndSerial(signer.certificate),
    digestAlgorithm,
    der.retagged(contextConstructed(0), attributes),
    algorithmIdentifier(signatureAlgorithm(signer, digest)),
    der.octetString(sign(digest, attributes, signer.privateKey)),
  );
  const signedData = der.sequence(
    der.integer(1),
    der.set(digestAlgorithm),
    der.sequence(der.oid(oids.data), content === undefined ? undefined : der.explicit(0, der.primitive(tag.octetString, content))),
    certificates.length === 0 ? undefined : der.constructed(contextConstructed(0), ...certificates),
    der.set(signerInfo),
  );
  return encode(contentInfo(oids.signedData, signedData));
}

const ecdsa = {
  sha1: oids.ecdsaWithSha1,
  sha224: oids.ecdsaWithSha224,
  sha256: oids.ecdsaWithSha256,
  sha384: oids.ecdsaWithSha384,
  sha512: oids.ecdsaWithSha512,
};

function signatureAlgorithm(signer: CmsSigner, digest: Digest): AlgorithmIdentifier {
  return signer.privateKey.asymmetricKeyType === 'ec' ? { oid: ecdsa[digest] } : { oid: oids.rsaEncryption, parameters: der.nullValue() };
}
