import type { PublicKey } from '../pkix/index.js';
import { type Field, field, group, optional } from './field.js';
import { oidName } from './words.js';

const keyFaults = { 'key-unusable': 'not on its curve, malformed, or of a type that is not served' } as const;

/** SubjectPublicKeyInfo; a key that cannot be imported is `failed`. */
export function publicKeyField(name: string, key: PublicKey): Field {
  const usable = key.keyObject();
  const verdict = usable.ok ? {} : { verdict: 'failed' as const, note: keyFaults[usable.error] };
  const type = key.type === 'other' ? oidName(key.algorithm.oid) : key.name;
  return group(
    name,
    type,
    [...optional(key.rsaExponent, (exponent) => field('publicExponent', exponent)), field('SHA-256 of the key', key.fingerprint.toString('hex'))],
    verdict,
  );
}
