import type { NextCa } from '../enrolment/ports.js';
import { isSameName, parseCertificate } from '../pkix/index.js';
import type { Clock } from '../runtime/clock.js';
import type { RaKey } from '../tenancy/credentials.js';

const dayMs = 86_400_000;
const renewalWindowMs = 30 * dayMs;
/** How long devices may go on using a replaced key (they keep the RA certificate they once fetched). */
export const overlapMs = 30 * dayMs;
/** How long a successor of a SCEP key stands beside it before it takes over; it counts from the making of the key, as the overlap does. */
const announcementMs = 7 * dayMs;

/** Within 30 days of its end (a third of its life where that is less), past it, or issued by a CA the profile no longer uses. */
export function isRenewalDue(key: RaKey, today: Buffer | undefined, clock: Clock): boolean {
  const certificate = key.certificate === null ? undefined : parseCertificate(key.certificate);
  if (!certificate?.ok) return true;
  const { notBefore, notAfter } = certificate.value;
  const window = Math.min(renewalWindowMs, (notAfter.getTime() - notBefore.getTime()) / 3);
  if (clock.now().getTime() >= notAfter.getTime() - window) return true;
  return today !== undefined && parseCertificate(today).ok && !isIssuedBy(key, today);
}

/** Made by hand, or certified by the CA of today or that of tomorrow. */
export function isExpected(key: RaKey, today: Buffer | undefined, nextCa: NextCa | undefined): boolean {
  if (key.certificate === null) return key.keepUntil !== null || nextCa !== undefined;
  return isIssuedBy(key, nextCa?.chain[0]) || (key.keepUntil !== null && isIssuedBy(key, today));
}

export function isIssuedBy(key: RaKey, ca: Buffer | undefined): boolean {
  const [certificate, issuing] = [key.certificate, ca].map((der) => parseCertificate(der ?? Buffer.alloc(0)));
  return certificate?.ok === true && issuing?.ok === true && isSameName(certificate.value.issuer, issuing.value.subject);
}

export function isRetirementOver(key: RaKey, active: RaKey, now: number): boolean {
  return now - active.createdAt.getTime() > overlapMs + announcementMs || isExpired(key, now);
}

function isExpired(key: RaKey, now: number): boolean {
  const certificate = key.certificate === null ? undefined : parseCertificate(key.certificate);
  return certificate?.ok === true && certificate.value.notAfter.getTime() <= now;
}

/** Still to be kept for the time of announcement. */
export function isAnnounced(next: RaKey, active: RaKey | undefined, clock: Clock): boolean {
  const age = clock.now().getTime() - next.createdAt.getTime();
  return next.certificate !== null && age < announcementMs && hasTime(active, next.certificate, clock);
}

/** Whether the key in use can go on for the time of announcement: valid until then, and of the CA that issued its successor. */
export function hasTime(active: RaKey | undefined, successor: Buffer, clock: Clock): boolean {
  const [today, tomorrow] = [active?.certificate ?? Buffer.alloc(0), successor].map((der) => parseCertificate(der));
  if (!today?.ok || !tomorrow?.ok || !isSameName(today.value.issuer, tomorrow.value.issuer)) return false;
  return today.value.notAfter.getTime() - clock.now().getTime() > announcementMs;
}
