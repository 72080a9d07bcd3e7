import { createPrivateKey, type KeyObject } from 'node:crypto';
import { buildChain, type Certificate, extendedKeyUsageOf, publicKeyOf } from '../pkix/index.js';
import { findSigner, otherCertificates, readSignedData, verifySigner } from '../protocol/cms/index.js';
import { Cursor, der, encode, guarded, oids, tag } from '../protocol/der/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { Opened } from './encrypted-key.js';

/**
 * The private key in a key package that a server made for us (RFC 9483 section 4.1.6): SignedData over an AsymmetricKeyPackage, signed by a
 * certificate with the purpose cmKGA. It must chain to `anchors`; without any, that only a holder of our secret could have sent it is
 * what it is believed for. The key must be that of `certificate`.
 */
export function readKeyPackage({ contentType, content }: Opened, certificate: Certificate, anchors: readonly Certificate[]): Result<KeyObject, string> {
  if (contentType !== oids.signedData) return fail('The private key came unsigned.');
  const signedData = guarded(() => readSignedData(new Cursor(encode(der.sequence(der.oid(oids.signedData), der.explicit(0, content))))));
  if (!signedData.ok) return fail(`The key package cannot be read: ${signedData.error.message}`);
  const [signer, ...further] = signedData.value.signers;
  const generator = signer && findSigner(signedData.value, signer.sid);
  if (signer === undefined || generator === undefined || further.length > 0) return fail('The key package has no one signer.');
  if (!verifySigner(signedData.value, signer, generator.publicKey).ok) return fail('The signature of the key package is wrong.');
  if (!mayGenerate(generator)) return fail('The signer of the key package may not make keys (cmKGA).');
  const intermediates = otherCertificates(signedData.value, generator);
  if (anchors.length > 0 && !buildChain({ leaf: generator, intermediates, anchors, at: new Date() }).ok)
    return fail('The signer of the key package is not trusted.');
  const key = privateKeyIn(signedData.value.content ?? Buffer.alloc(0));
  if (key === undefined) return fail('The key package holds no private key that can be read.');
  return publicKeyOf(key).spki.equals(certificate.publicKey.spki) ? ok(key) : fail('The private key is not that of the certificate.');
}

function mayGenerate(certificate: Certificate): boolean {
  const purposes = extendedKeyUsageOf(certificate.extensions);
  return purposes.ok && purposes.value?.includes(oids.cmKGA) === true;
}

/** The one OneAsymmetricKey, as the PrivateKeyInfo of RFC 5208 that every library reads: without its public key. */
function privateKeyIn(keyPackage: Buffer): KeyObject | undefined {
  const read = guarded(() => {
    const fields = new Cursor(keyPackage).sequence().sequence();
    fields.smallInteger();
    const algorithm = fields.elementOf(tag.sequence);
    return encode(der.sequence(der.integer(0), algorithm, fields.elementOf(tag.octetString)));
  });
  if (!read.ok) return undefined;
  try {
    return createPrivateKey({ key: read.value, format: 'der', type: 'pkcs8' });
  } catch {
    return undefined;
  }
}
