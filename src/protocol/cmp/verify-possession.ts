import { digestOf, type GeneralName, isSameName, type PublicKey, type Signer, verifySignature } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { CertReqMsg, CertRequest } from './cert-request.js';
import type { PkMacValue, PopoSigningKey, ProofOfPossession } from './proof-of-possession.js';

/** `ra-verified` is no proof but a claim, which only a registration authority may make (RFC 9810 section 5.2.8.1). */
export type PossessionFault = 'missing' | 'unsupported' | 'invalid' | 'ra-verified';

/** Whether a publicKeyMAC is right over this SubjectPublicKeyInfo; only who has the shared secret can tell. */
export type VerifyKeyMac = (value: PkMacValue, publicKey: Buffer) => boolean;

/**
 * Verifies that the requester holds the key asked for (RFC 4211 section 4.1). `sender` is the authenticated sender of the
 * message, `publicKey` the template's key; without `verifyKeyMac` a publicKeyMAC is unsupported.
 */
export function verifyPossession(message: CertReqMsg, publicKey: PublicKey, sender: GeneralName, verifyKeyMac?: VerifyKeyMac): Result<true, PossessionFault> {
  const { popo, certReq } = message;
  if (popo === undefined) return fail('missing');
  if (popo.kind === 'raVerified') return fail('ra-verified');
  if (popo.kind !== 'signature') return fail('unsupported');
  const signed = signedOctets(certReq, popo.signingKey, publicKey, sender, verifyKeyMac);
  if (!signed.ok) return signed;
  const { algorithmIdentifier, signature } = popo.signingKey;
  const digest = digestOf(algorithmIdentifier);
  if (digest === 'sha1' || digest === 'md5') return fail('invalid');
  return verifySignature(algorithmIdentifier, publicKey, signed.value, signature).ok ? ok(true) : fail('invalid');
}

/**
 * What the proof signs: certReq when the template names subject and key ("then poposkInput MUST be omitted", RFC 4211 section
 * 4.1), else poposkInput, which must name the template's key, and the authenticated sender or be right under its shared secret.
 */
function signedOctets(
  certReq: CertRequest,
  key: PopoSigningKey,
  publicKey: PublicKey,
  sender: GeneralName,
  verifyKeyMac: VerifyKeyMac | undefined,
): Result<Buffer, PossessionFault> {
  const { poposkInput } = key;
  const { subject } = certReq.certTemplate;
  if (poposkInput === undefined) return subject === undefined ? fail('invalid') : ok(certReq.der);
  if (subject !== undefined || !poposkInput.publicKey.equals(publicKey.spki)) return fail('invalid');
  if (poposkInput.publicKeyMAC !== undefined) {
    if (verifyKeyMac === undefined) return fail('unsupported');
    return verifyKeyMac(poposkInput.publicKeyMAC, poposkInput.publicKey) ? ok(poposkInput.der) : fail('invalid');
  }
  if (poposkInput.sender === undefined) return fail('invalid');
  return isSameSender(poposkInput.sender, sender) ? ok(poposkInput.der) : fail('invalid');
}

function isSameSender(left: GeneralName, right: GeneralName): boolean {
  if (left.name !== undefined && right.name !== undefined) return isSameName(left.name, right.name);
  return left.der.equals(right.der);
}

/** A proof by signature over the request as built. */
export function provePossession(certReq: CertRequest, signer: Signer): ProofOfPossession {
  return { kind: 'signature', signingKey: { algorithmIdentifier: signer.algorithm, signature: signer.sign(certReq.der) } };
}
