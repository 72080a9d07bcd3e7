import { type AlgorithmIdentifier, algorithmIdentifier, curves } from '../../pkix/index.js';
import { der, encode, oids } from '../../protocol/der/index.js';
import type { Policy } from '../../tenancy/policy.js';

const rsa: AlgorithmIdentifier = { oid: oids.rsaEncryption, parameters: der.nullValue() };

/** One for each curve (RFC 9810 section 5.3.19.2). */
function ecKeyTypes(policy: Policy): AlgorithmIdentifier[] {
  const allowed: readonly string[] = policy.keys.curves;
  return Object.entries(curves).flatMap(([oid, { name }]) => (allowed.includes(name) ? [{ oid: oids.ecPublicKey, parameters: der.oid(oid) }] : []));
}

/** Without parameters (RFC 9881 section 2, RFC 9935 section 3). */
const mlDsa: readonly AlgorithmIdentifier[] = [{ oid: oids.mlDsa44 }, { oid: oids.mlDsa65 }, { oid: oids.mlDsa87 }];
const mlKem: readonly AlgorithmIdentifier[] = [{ oid: oids.mlKem512 }, { oid: oids.mlKem768 }, { oid: oids.mlKem1024 }];

/** The keys that this profile certifies for signing. */
export function signatureKeyTypes(policy: Policy): readonly AlgorithmIdentifier[] {
  const { ed25519, postQuantum } = policy.keys;
  return [...ecKeyTypes(policy), rsa, ...(ed25519 ? [{ oid: oids.ed25519 }] : []), ...(postQuantum ? mlDsa : [])];
}

/** The keys that this profile certifies for encryption: as far as keyUsage then says so. ML-KEM keys are for nothing else, and need a way to prove them. */
export function encryptionKeyTypes(policy: Policy): readonly AlgorithmIdentifier[] {
  const { keyUsage } = policy.certificate;
  const { encryptedCertificate, challengeResponse } = policy.cmp.possession;
  return [
    ...(keyUsage.includes('keyEncipherment') ? [rsa] : []),
    ...(keyUsage.includes('keyAgreement') ? ecKeyTypes(policy) : []),
    ...(policy.keys.postQuantum && (encryptedCertificate || challengeResponse) ? mlKem : []),
  ];
}

/** The AlgorithmIdentifier, DER, with which keys of this algorithm are certified; the first curve for EC. */
export function algorithmOfKeyType(oid: string, policy: Policy): Buffer | undefined {
  const found = [...signatureKeyTypes(policy), ...encryptionKeyTypes(policy)].find((algorithm) => algorithm.oid === oid);
  return found && encode(algorithmIdentifier(found));
}
