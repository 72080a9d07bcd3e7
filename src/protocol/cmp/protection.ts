import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  type AlgorithmIdentifier,
  type Certificate,
  digestOf,
  type PublicKey,
  type Signer,
  subjectKeyIdentifierOf,
  verifySignature,
} from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { computeGmac, isGmac, withFreshNonce } from './gmac.js';
import type { MacParameters } from './mac-parameters.js';
import { isMacAlgorithm } from './mac-parameters.js';
import { type PkiMessage, type Protector, protectedPart } from './message.js';

export type ProtectionKind = 'mac' | 'signature';

/** `undefined`: an algorithm of another kind (DHBasedMac, KemBasedMac), or one we do not serve (plain HMAC, MD5, SHA-1 signatures, unknown). */
export function protectionKindOf(algorithm: AlgorithmIdentifier): ProtectionKind | undefined {
  if (isMacAlgorithm(algorithm)) return 'mac';
  const digest = digestOf(algorithm);
  return digest === undefined || digest === 'md5' || digest === 'sha1' ? undefined : 'signature';
}

/** Compares in constant time; a value of another length is simply wrong (RFC 9483 section 3.5). */
export function verifyMac(message: PkiMessage, parameters: MacParameters, key: Buffer): boolean {
  const expected = computeMac(parameters, key, protectedPart(message.headerDer, message.bodyDer));
  const { protection } = message;
  return protection !== undefined && protection.length === expected.length && timingSafeEqual(protection, expected);
}

/** Whether `value` is the MAC of `data`; in constant time. */
export function isMac(value: Buffer, parameters: MacParameters, key: Buffer, data: Buffer): boolean {
  const expected = computeMac(parameters, key, data);
  return value.length === expected.length && timingSafeEqual(value, expected);
}

function computeMac({ mac, nonce }: MacParameters, key: Buffer, part: Buffer): Buffer {
  if (isGmac(mac)) return computeGmac({ mac, nonce: nonce ?? Buffer.alloc(0) }, key, part);
  return createHmac(mac, key).update(part).digest();
}

export type SignedFault = 'algorithm' | 'invalid';

/** Verifies over the received octets. `algorithm`: refused, unknown, or not fit for the key (RFC 9481 section 3). */
export function verifySigned(message: PkiMessage, key: PublicKey): Result<true, SignedFault> {
  const { protectionAlg } = message.header;
  if (protectionAlg === undefined || message.protection === undefined) return fail('invalid');
  if (protectionKindOf(protectionAlg) !== 'signature') return fail('algorithm');
  const verified = verifySignature(protectionAlg, key, protectedPart(message.headerDer, message.bodyDer), message.protection);
  if (verified.ok) return ok(true);
  return fail(verified.error === 'algorithm-unknown' || verified.error === 'algorithm-mismatch' ? 'algorithm' : 'invalid');
}

/** Protects with the key that was derived for the request, under the same parameters; those of a GMAC with a nonce of its own, good for one message. */
export function macProtector(given: MacParameters, key: Buffer, reference: Buffer): Protector {
  const parameters = given.nonce === undefined ? given : forOneMessage(given, given.nonce);
  return { header: { protectionAlg: parameters.algorithm, senderKID: reference }, protect: (part) => computeMac(parameters, key, part) };
}

function forOneMessage(parameters: MacParameters, nonce: Buffer): MacParameters {
  const { algorithm } = parameters;
  const fresh = withFreshNonce(algorithm.parameters ?? Buffer.alloc(0), nonce);
  return { ...parameters, nonce: fresh.nonce, algorithm: { ...algorithm, parameters: fresh.parameters } };
}

/** Protects by signature; senderKID is the certificate's subject key identifier where it has one (RFC 9483 section 3.1). */
export function signatureProtector(signer: Signer, certificate: Certificate): Protector {
  const senderKID = subjectKeyIdentifierOf(certificate.extensions);
  return { header: { protectionAlg: signer.algorithm, ...(senderKID && { senderKID }) }, protect: (part) => signer.sign(part) };
}
