import type { PublicKey } from '../pkix/index.js';
import { type Field, field, group, optional } from './field.js';
import { oidName } from './words.js';

const unusable = { verdict: 'failed' as const, note: 'not on its curve, malformed, or of a type that is not served' };

/** SubjectPublicKeyInfo; a key that cannot be imported is `failed`. */
export function publicKeyField(name: string, key: PublicKey): Field {
  const verdict = key.isUsable ? {} : unusable;
  const type = key.type === 'other' ? oidName(key.algorithm.oid) : key.name;
  return group(
    name,
    type,
    [...optional(key.rsaExponent, (exponent) => field('publicExponent', exponent)), field('SHA-256 of the key', key.fingerprint.toString('hex'))],
    verdict,
  );
}
