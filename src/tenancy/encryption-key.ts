import { createPrivateKey, type KeyObject } from 'node:crypto';
import { type Certificate, decapsulate, parseCertificate, parsePublicKey, postQuantumPair, postQuantumSeedIn, publicKeyOf } from '../pkix/index.js';
import { oids } from '../protocol/der/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { EncryptionKeyType } from './cmp-keys.js';
import type { RaKey, RaKeyState } from './credentials.js';
import { parseAll } from './load-ra-key.js';
import type { Policy } from './policy.js';

/** What an encryption key of an RA does: agree on a secret, or find the one that was encapsulated for it (throws on a cipher text of another length). */
export type EncryptionSecret =
  | { readonly kind: 'agreement'; readonly privateKey: KeyObject }
  | { readonly kind: 'kem'; readonly kem: string; decapsulate(cipherText: Buffer): Buffer };

/** An RA key that signs nothing, ready for use. */
export interface LoadedEncryptionKey {
  readonly id: string;
  readonly state: RaKeyState;
  readonly certificate: Certificate;
  /** Issuing CA first, root last. */
  readonly chain: readonly Certificate[];
  readonly secret: EncryptionSecret;
}

/** The keys a policy wants: those it names, and those that what it serves needs. */
export function wantedEncryptionKeys({ cmp }: Pick<Policy, 'cmp'>): readonly EncryptionKeyType[] {
  const needsAgreement = cmp.dhBasedMac || cmp.possession.agreeMac || cmp.revocation.passphrases;
  const needsKem = cmp.kemAnswers !== 'off';
  const wanted: readonly [EncryptionKeyType, boolean][] = [
    ['P-256', needsAgreement],
    ['ML-KEM-768', needsKem],
  ];
  return wanted.flatMap(([type, isNeeded]) => (isNeeded || cmp.encryptionKeys.includes(type) ? [type] : []));
}

/** Which of those a SubjectPublicKeyInfo is; undefined for every other key. */
export function encryptionKeyTypeOf(spki: Buffer): EncryptionKeyType | undefined {
  const key = parsePublicKey(spki);
  if (!key.ok) return undefined;
  if (key.value.algorithm.oid === oids.mlKem768) return 'ML-KEM-768';
  return key.value.curve === 'P-256' ? 'P-256' : undefined;
}

/** Parses certificate and chain and imports the private key; in words what is wrong with a key that cannot be used. */
export function loadEncryptionKey(key: RaKey): Result<LoadedEncryptionKey, string> {
  const certificate = parseCertificate(key.certificate ?? Buffer.alloc(0));
  if (!certificate.ok) return fail('its certificate is malformed');
  const chain = parseAll(key.chain);
  if (chain === undefined) return fail('its chain is malformed');
  if (!certificate.value.publicKey.spki.equals(key.spki)) return fail('its certificate is for another key');
  const secret = secretOf(key);
  return secret === undefined
    ? fail('its private key cannot be imported')
    : ok({ id: key.id, state: key.state, certificate: certificate.value, chain, secret });
}

function secretOf({ privateKey, spki }: RaKey): EncryptionSecret | undefined {
  const pkcs8 = privateKey.reveal();
  const found = postQuantumSeedIn(pkcs8);
  if (found !== undefined) return kemSecret(found.oid, found.seed);
  try {
    const imported = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    return publicKeyOf(imported).spki.equals(spki) ? { kind: 'agreement', privateKey: imported } : undefined;
  } catch {
    return undefined;
  }
}

/** The expanded key is kept: it is needed for every message. */
function kemSecret(kem: string, seed: Buffer): EncryptionSecret {
  const { secretKey } = postQuantumPair(kem, seed);
  return { kind: 'kem', kem, decapsulate: (cipherText) => decapsulate(kem, secretKey, cipherText) };
}

const rank: Readonly<Record<RaKeyState, number>> = { active: 0, retiring: 1, next: 2, destroyed: 3 };

/** Active first, then retiring; the younger first among equals. */
export function byState(left: LoadedEncryptionKey, right: LoadedEncryptionKey): number {
  return rank[left.state] - rank[right.state] || (left.id < right.id ? 1 : -1);
}
