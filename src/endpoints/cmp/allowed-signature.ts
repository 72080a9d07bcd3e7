import { type AlgorithmIdentifier, digestOf, type KeyType, signatureAlgorithms } from '../../pkix/index.js';
import { oids } from '../../protocol/der/index.js';
import type { Policy } from '../../tenancy/policy.js';

type Family = Policy['cmp']['signatures'][number];

const familyOfKey: Readonly<Partial<Record<KeyType, Family>>> = { rsa: 'rsa', ec: 'ecdsa', ed25519: 'ed25519', ed448: 'ed448', 'ml-dsa': 'ml-dsa' };

/** What the profile does not allow of this signature algorithm: its family or its digest, by name; undefined when all is allowed. */
export function refusedSignature(algorithm: AlgorithmIdentifier, policy: Pick<Policy['cmp'], 'signatures' | 'signatureDigests'>): string | undefined {
  const family = familyOf(algorithm);
  if (family === undefined || !policy.signatures.includes(family)) return family ?? algorithm.oid;
  const digest = digestOf(algorithm);
  const isAllowed = digest === 'none' || (policy.signatureDigests as readonly (string | undefined)[]).includes(digest);
  return isAllowed ? undefined : (digest ?? algorithm.oid);
}

function familyOf(algorithm: AlgorithmIdentifier): Family | undefined {
  if (algorithm.oid === oids.rsassaPss) return 'rsa-pss';
  const key = signatureAlgorithms[algorithm.oid]?.key;
  return key && familyOfKey[key];
}
