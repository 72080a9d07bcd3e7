import { basicConstraintsExtension, encodeExtension, type PublicKey, parsePublicKey, signSoon } from '../pkix/index.js';
import { certificateTime, contextConstructed, der, type Element, encode, oids } from '../protocol/der/index.js';
import { type Eventually, whenThere } from '../runtime/eventually.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { LoadedCa } from './loaded-ca.js';
import type { SigningRequest } from './ports.js';
import { randomSerial } from './serial.js';
import { usageExtensions } from './usage-cache.js';

const version3 = encode(der.explicit(0, der.integer(2)));
const endEntity = encode(encodeExtension(basicConstraintsExtension({ ca: false })));
const subjectKeyIdentifierOid = der.oid(oids.subjectKeyIdentifier);
const subjectAltNameOid = der.oid(oids.subjectAltName);
const criticalFlag = der.boolean(true);

/**
 * Writes and signs an end-entity certificate (RFC 5280 section 4.1): the hot path, synchronous but for keys that sign on another thread. Only serial, validity,
 * subject, key and alternative names are encoded anew. Refuses, in words, keys it cannot certify and a CA past its end.
 */
export function signEndEntity(ca: LoadedCa, request: SigningRequest, now: Date): Eventually<Result<Buffer, string>> {
  const publicKey = parsePublicKey(request.publicKey);
  if (!publicKey.ok) return fail('The public key is malformed.');
  if (publicKey.value.type === 'other') return fail(`Keys of type ${publicKey.value.name} are not certified by this engine.`);
  const usage = usageExtensions(request.keyUsage, request.extendedKeyUsage, publicKey.value.type === 'rsa' || publicKey.value.type === 'ml-kem');
  if (!usage.ok) return usage;
  const validity = validityOf(ca, request, now);
  if (!validity.ok) return validity;
  const extensions = der.sequence(keyIdentifier(publicKey.value), endEntity, usage.value, alternativeNames(request), ca.pointers);
  const tbs = encode(
    der.sequence(
      version3,
      der.unsignedInteger(randomSerial()),
      ca.algorithm,
      ca.certificate.subject.der,
      validity.value,
      request.subject,
      request.publicKey,
      der.constructed(contextConstructed(3), extensions),
    ),
  );
  return whenThere(signSoon(ca.signer, tbs), (signature) => ok(encode(der.sequence(tbs, ca.algorithm, der.bitString(signature)))));
}

/** Never before the CA's own start and never past its end, so that no certificate outlives its path. */
function validityOf(ca: LoadedCa, request: SigningRequest, now: Date): Result<Element, string> {
  const { notBefore: caStart, notAfter: caEnd } = ca.certificate;
  const start = Math.max(now.getTime() - request.backdateSeconds * 1000, caStart.getTime());
  const end = Math.min(now.getTime() + request.validitySeconds * 1000, caEnd.getTime());
  if (caEnd <= now) return fail('The issuing CA has expired.');
  if (!(end > start)) return fail('The requested validity is empty.');
  return ok(der.sequence(certificateTime(new Date(start)), certificateTime(new Date(end))));
}

function keyIdentifier(publicKey: PublicKey): Element {
  return der.sequence(subjectKeyIdentifierOid, der.octetStringOf(der.octetString(publicKey.keyIdentifier)));
}

/** Critical when the subject is empty (RFC 5280 section 4.2.1.6). */
function alternativeNames(request: SigningRequest): Element | undefined {
  if (request.sans.length === 0) return undefined;
  const isSubjectEmpty = request.subject.length === 2;
  return der.sequence(subjectAltNameOid, isSubjectEmpty ? criticalFlag : undefined, der.octetStringOf(der.sequence(...request.sans)));
}
