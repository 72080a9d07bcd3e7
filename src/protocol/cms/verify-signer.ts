import { hash } from 'node:crypto';
import { type Digest, digestOf, digestOids, hasNoParameters, type PublicKey, verifyDigestSignature, verifySignature } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { Cursor, guarded, oids } from '../der/index.js';
import { areSingleValued, asReceived, inDerOrder, singleValue } from './signed-attributes.js';
import type { SignedData, SignerInfo } from './signed-data.js';

/** `algorithm`: a digest or signature algorithm that is unknown, weak, or at odds with the other. */
export type SignerFault = 'attributes' | 'content-type' | 'message-digest' | 'algorithm' | 'signature';

/** The digest that the signer names, or undefined when it is none we compute (MD5 among them). */
export function digestOfSigner(signer: SignerInfo): Digest | undefined {
  return hasNoParameters(signer.digestAlgorithm) ? digestOids[signer.digestAlgorithm.oid] : undefined;
}

const emptyContent = Buffer.alloc(0);

/**
 * RFC 5652 §5.4, §5.6, §11: signedAttrs are there, each once with one value; contentType is eContentType; messageDigest is the
 * digest of eContent; the signature covers the attributes under the SET OF tag in DER. Writers that forget to sort sign the
 * order they send, which OpenSSL verifies: that order is tried second.
 */
export function verifySigner(signedData: SignedData, signer: SignerInfo, key: PublicKey): Result<true, SignerFault> {
  const signed = signer.signedAttributes;
  if (signed === undefined || !areSingleValued(signed.attributes)) return fail('attributes');
  const digest = digestOfSigner(signer);
  if (digest === undefined || !agrees(signer, digest)) return fail('algorithm');

  const contentType = singleValue(signed.attributes, oids.contentType);
  const messageDigest = singleValue(signed.attributes, oids.messageDigest);
  if (typeof contentType === 'string' || readOid(contentType) !== signedData.contentType) return fail('content-type');
  const expected = hash(digest, signedData.content ?? emptyContent, 'buffer');
  if (typeof messageDigest === 'string' || !readOctets(messageDigest)?.equals(expected)) return fail('message-digest');

  const sorted = inDerOrder(signed);
  if (sorted !== undefined && verifyBytes(signer, digest, key, sorted)) return ok(true);
  return verifyBytes(signer, digest, key, asReceived(signed)) ? ok(true) : fail('signature');
}

function readOid(value: Buffer): string | undefined {
  const read = guarded(() => new Cursor(value).oid());
  return read.ok ? read.value : undefined;
}

function readOctets(value: Buffer): Buffer | undefined {
  const read = guarded(() => new Cursor(value).octetString());
  return read.ok ? read.value : undefined;
}

/** The signature algorithm is rsaEncryption, which leaves the digest to its neighbour, or names the same digest itself. */
function agrees(signer: SignerInfo, digest: Digest): boolean {
  const { signatureAlgorithm } = signer;
  return signatureAlgorithm.oid === oids.rsaEncryption || digestOf(signatureAlgorithm) === digest;
}

function verifyBytes(signer: SignerInfo, digest: Digest, key: PublicKey, bytes: Buffer): boolean {
  const { signatureAlgorithm, signature } = signer;
  if (signatureAlgorithm.oid !== oids.rsaEncryption) return verifySignature(signatureAlgorithm, key, bytes, signature).ok;
  return key.type === 'rsa' && hasNoParameters(signatureAlgorithm) && verifyDigestSignature(digest, key, bytes, signature).ok;
}
