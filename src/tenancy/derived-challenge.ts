import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../runtime/secret.js';

const hourMs = 3_600_000;
const form = /^(\d{6})[A-Z2-7]{26}$/;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** What a derived challenge is made of. */
export interface ChallengeSource {
  readonly profileId: string;
  readonly secret: Secret;
  /** The device as its requests name it, byte for byte. */
  readonly identity: string;
}

export interface DerivedChallenge {
  readonly challenge: string;
  /** The full hour that the challenge names. */
  readonly expiresAt: Date;
}

/**
 * The challenge of one device until the full hour at or after `until`: six decimal digits, the hours from 1970 to its expiry, and the first
 * 26 characters of base32(HMAC-SHA-256(secret, profile id LF digits LF identity)) (RFC 2104, RFC 4648 section 6). 130 bits of the MAC, 32
 * letters and digits; management systems compute the same (docs/scep-challenges.md).
 */
export function deriveChallenge(source: ChallengeSource, until: Date): DerivedChallenge {
  const hours = Math.ceil(until.getTime() / hourMs);
  return { challenge: challengeFor(source, String(hours).padStart(6, '0')), expiresAt: new Date(hours * hourMs) };
}

function challengeFor({ profileId, secret, identity }: ChallengeSource, digits: string): string {
  const mac = createHmac('sha256', Buffer.from(secret.reveal(), 'utf8')).update(`${profileId}\n${digits}\n${identity}`, 'utf8').digest();
  return digits + base32(mac).slice(0, 26);
}

/** The expiry that a challenge of this form names, which only `isDerived` proves; undefined for one of another form. */
export function namedExpiry(challenge: string): Date | undefined {
  const [, digits] = form.exec(challenge) ?? [];
  return digits === undefined ? undefined : new Date(Number(digits) * hourMs);
}

/** Whether the challenge was derived from this source, in constant time. */
export function isDerived(challenge: string, source: ChallengeSource): boolean {
  if (!form.test(challenge)) return false;
  return timingSafeEqual(Buffer.from(challenge), Buffer.from(challengeFor(source, challenge.slice(0, 6))));
}

/** RFC 4648 section 6 without padding. */
function base32(bytes: Buffer): string {
  const bits = [...bytes].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{5}/g) ?? []).map((five) => alphabet[Number.parseInt(five, 2)]).join('');
}
