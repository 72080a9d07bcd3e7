import { type AlgorithmIdentifier, algorithmIdentifier, curves } from '../../pkix/index.js';
import { der, encode, oids } from '../../protocol/der/index.js';
import type { Policy } from '../../tenancy/policy.js';

const rsa: AlgorithmIdentifier = { oid: oids.rsaEncryption, parameters: der.nullValue() };

/** One for each curve (RFC 9810 section 5.3.19.2). */
function ecKeyTypes(policy: Policy): AlgorithmIdentifier[] {
  const allowed: readonly string[] = policy.keys.curves;
  return Object.entries(curves).flatMap(([oid, { name }]) => (allowed.includes(name) ? [{ oid: oids.ecPublicKey, parameters: der.oid(oid) }] : []));
}

/** The keys that this profile certifies for signing. */
export function signatureKeyTypes(policy: Policy): readonly AlgorithmIdentifier[] {
  return [...ecKeyTypes(policy), rsa, ...(policy.keys.ed25519 ? [{ oid: oids.ed25519 }] : [])];
}

/** The keys that this profile certifies for encryption: as far as keyUsage then says so. */
export function encryptionKeyTypes(policy: Policy): readonly AlgorithmIdentifier[] {
  const { keyUsage } = policy.certificate;
  return [...(keyUsage.includes('keyEncipherment') ? [rsa] : []), ...(keyUsage.includes('keyAgreement') ? ecKeyTypes(policy) : [])];
}

/** The AlgorithmIdentifier, DER, with which keys of this algorithm are certified; the first curve for EC. */
export function algorithmOfKeyType(oid: string, policy: Policy): Buffer | undefined {
  const found = signatureKeyTypes(policy).find((algorithm) => algorithm.oid === oid);
  return found && encode(algorithmIdentifier(found));
}
