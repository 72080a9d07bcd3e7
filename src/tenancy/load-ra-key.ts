import { createPrivateKey } from 'node:crypto';
import { type Certificate, createSigner, keyUsageOf, parseCertificate, publicKeyOf } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { type RaKey, type RaKeyUsage, raKeyStates } from './credentials.js';
import type { LoadedRaKey } from './directory.js';

/** Parses certificate and chain and imports the private key; in words what is wrong with a key that cannot be used. */
export function loadRaKey(key: RaKey): Result<LoadedRaKey, string> {
  if (key.certificate === null) return fail('it has no certificate yet');
  const certificate = parseCertificate(key.certificate);
  if (!certificate.ok) return fail('its certificate is malformed');
  const unusable = key.purpose === 'scep' && key.origin === 'generated' ? raUsageFault(certificate.value, key.usage) : undefined;
  if (unusable !== undefined) return fail(unusable);
  const chain = parseAll(key.chain);
  if (chain === undefined) return fail('its chain is malformed');
  try {
    const privateKey = createPrivateKey({ key: key.privateKey.reveal(), format: 'der', type: 'pkcs8' });
    if (!publicKeyOf(privateKey).spki.equals(certificate.value.publicKey.spki)) return fail('its certificate is for another key');
    const signer = createSigner(privateKey, certificate.value.publicKey);
    return ok({ id: key.id, state: key.state, usage: key.usage, origin: key.origin, certificate: certificate.value, chain, privateKey, signer });
  } catch {
    return fail('its private key cannot be imported');
  }
}

/** The keyUsage without which a key cannot do its part. */
export const neededUsages: Readonly<Record<RaKeyUsage, readonly ('digitalSignature' | 'keyEncipherment')[]>> = {
  both: ['digitalSignature', 'keyEncipherment'],
  sign: ['digitalSignature'],
  encrypt: ['keyEncipherment'],
};

/**
 * Why a certificate cannot serve a SCEP profile, in words: it signs answers and its key is encrypted to, and says so in keyUsage (RFC
 * 8894 §2.1.2). Windows sends nothing to a server that shows no certificate with keyEncipherment.
 */
export function raUsageFault(certificate: Certificate, wanted: RaKeyUsage = 'both'): string | undefined {
  const usage = keyUsageOf(certificate.extensions);
  const shown: readonly string[] = usage.ok ? (usage.value ?? []) : [];
  const missing = neededUsages[wanted].filter((needed) => !shown.includes(needed));
  return missing.length === 0 ? undefined : `its certificate lacks the keyUsage ${missing.join(' and ')}`;
}

/** Every certificate parsed, or undefined when one is malformed. */
export function parseAll(certificates: readonly Buffer[]): readonly Certificate[] | undefined {
  const parsed = certificates.map((item) => parseCertificate(item));
  return parsed.every((item) => item.ok) ? parsed.flatMap((item) => (item.ok ? [item.value] : [])) : undefined;
}

const rank: Readonly<Record<RaKey['state'], number>> = { active: 0, retiring: 1, next: 2, destroyed: raKeyStates.length };

/** Active first, then retiring, then next; keys to encrypt to before those that only sign; the younger first among equals. */
export function byUse(left: LoadedRaKey, right: LoadedRaKey): number {
  const byUsage = Number(left.usage === 'sign') - Number(right.usage === 'sign');
  return rank[left.state] - rank[right.state] || byUsage || (left.id < right.id ? 1 : -1);
}

type Loaded = Pick<LoadedRaKey, 'id' | 'state' | 'certificate' | 'chain'>;

/** RA keys loaded before, so that a key is imported once per process however often the directory is read. */
export interface RaKeyCache<T extends Loaded = LoadedRaKey> {
  load(key: RaKey): Result<T, string>;
  /** Forgets every key that was not loaded since the last call. */
  sweep(): void;
}

export function createRaKeyCache(): RaKeyCache {
  return createKeyCache(loadRaKey);
}

/** As `createRaKeyCache`, for keys that `load` imports. */
export function createKeyCache<T extends Loaded>(load: (key: RaKey) => Result<T, string>): RaKeyCache<T> {
  let kept = new Map<string, T>();
  let seen = new Map<string, T>();
  return {
    load(key) {
      const before = kept.get(key.id) ?? seen.get(key.id);
      const result = before !== undefined && isSameKey(before, key) ? ok(inState(before, key.state)) : load(key);
      if (result.ok) seen.set(key.id, result.value);
      return result;
    },
    sweep() {
      kept = seen;
      seen = new Map();
    },
  };
}

function isSameKey(loaded: Loaded, key: RaKey): boolean {
  const isSameChain = loaded.chain.length === key.chain.length && loaded.chain.every((item, index) => key.chain[index]?.equals(item.der));
  return key.certificate !== null && loaded.certificate.der.equals(key.certificate) && isSameChain;
}

function inState<T extends Loaded>(loaded: T, state: RaKey['state']): T {
  return loaded.state === state ? loaded : { ...loaded, state };
}
