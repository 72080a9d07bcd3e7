import { createHmac, randomInt, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../runtime/secret.js';
import type { SecretLimits } from './device-secret.js';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A generated challenge, secret or reference: letters and digits, 24 of them carry 142 bits. PrintableString and URL-safe. */
export function generateCredential(length = 24): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}

/** How challenges are stored and compared: HMAC-SHA-256 under a key derived from the master key, 32 bytes. */
export function challengeMac(key: Buffer, profileId: string, challenge: string): Buffer {
  return createHmac('sha256', key).update(profileId).update('\u0000').update(challenge, 'utf8').digest();
}

export function isSameMac(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

/** A CMP shared secret and the reference (senderKID) devices name it by. */
export interface SharedSecret {
  readonly id: string;
  readonly tenantId: string;
  readonly profileId: string;
  readonly reference: string;
  readonly secret: Secret<Buffer>;
  readonly status: 'active' | 'retiring' | 'revoked';
  readonly expiresAt: Date | null;
  readonly createdAt: Date;
  /** Of one that was made for a single device. */
  readonly limits?: SecretLimits;
}

export const raKeyPurposes = ['scep', 'cmp'] as const;
export const raKeyStates = ['next', 'active', 'retiring', 'destroyed'] as const;
export type RaKeyState = (typeof raKeyStates)[number];
/** Of a profile with two keys one signs answers, to the other requests are encrypted. */
export const raKeyUsages = ['both', 'sign', 'encrypt'] as const;
export type RaKeyUsage = (typeof raKeyUsages)[number];
/** Imported ones come from the server that answered these devices before. */
export const raKeyOrigins = ['generated', 'imported'] as const;

/** An RA key pair of a profile: SCEP's decrypts and signs, CMP's signs. `certificate` is null until the CA has issued it. */
export interface RaKey {
  readonly id: string;
  readonly tenantId: string;
  readonly profileId: string;
  readonly purpose: (typeof raKeyPurposes)[number];
  readonly state: RaKeyState;
  /** PKCS#8, DER. */
  readonly privateKey: Secret<Buffer>;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Buffer;
  /** DER. */
  readonly certificate: Buffer | null;
  /** Issuing CA first, root last, DER. */
  readonly chain: readonly Buffer[];
  readonly usage: RaKeyUsage;
  readonly origin: (typeof raKeyOrigins)[number];
  /** An imported key is answered with until then, whatever its certificate says; null: until it is retired by hand. */
  readonly keepUntil: Date | null;
  readonly createdAt: Date;
}

type RaKeyPlace = 'usage' | 'origin' | 'keepUntil';
/** Where nothing else is said, a generated key for both. */
export type NewRaKey = Omit<RaKey, 'tenantId' | 'createdAt' | RaKeyPlace> & Partial<Pick<RaKey, RaKeyPlace>>;
