import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const stepMs = 30_000;
const digits = 6;
/** RFC 4226 section 4, R6: 160 bits. */
const secretBytes = 20;
/** RFC 6238 section 5.2: one step back for the way, one ahead for clocks that differ. */
const tolerance = 1;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** RFC 4648 section 6, without padding. */
export function base32(bytes: Buffer): string {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  return (bits.match(/.{1,5}/g) ?? []).map((part) => alphabet.charAt(Number.parseInt(part.padEnd(5, '0'), 2))).join('');
}

export function generateTotpSecret(): Buffer {
  return randomBytes(secretBytes);
}

/** The number of the 30-second step that `at` lies in (RFC 6238 section 4.2). */
export function totpStep(at: Date): number {
  return Math.floor(at.getTime() / stepMs);
}

/** Six digits for one time step (RFC 4226 section 5.3, RFC 6238). */
export function totpCode(secret: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const offset = (mac[19] as number) & 0x0f;
  const number = mac.readUInt32BE(offset) & 0x7fffffff;
  return String(number % 10 ** digits).padStart(digits, '0');
}

/** The step that `code` belongs to, of those around `at`; every one is compared, in constant time. */
export function matchingStep(secret: Buffer, code: string, at: Date): number | undefined {
  if (!/^\d{6}$/.test(code)) return undefined;
  const now = totpStep(at);
  let found: number | undefined;
  for (let step = now - tolerance; step <= now + tolerance; step += 1) {
    if (timingSafeEqual(Buffer.from(totpCode(secret, step)), Buffer.from(code))) found = step;
  }
  return found;
}

/** What authenticator apps read from a QR code: the key URI format. */
export function otpauthUri(secret: Buffer, account: string, issuer: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`;
  return `otpauth://totp/${label}?secret=${base32(secret)}&issuer=${encodeURIComponent(issuer)}&algorithm=SHA1&digits=${digits}&period=${stepMs / 1000}`;
}

const backupCount = 10;

/** Ten codes of 80 bits for the day the phone is gone: `ABCD-EFGH-IJKL-MNOP`. */
export function generateBackupCodes(): readonly string[] {
  return Array.from({ length: backupCount }, () => (base32(randomBytes(10)).match(/.{4}/g) ?? []).join('-'));
}

export function isBackupCode(text: string): boolean {
  return /^[A-Z2-7]{16}$/.test(plainBackupCode(text));
}

/** SHA-256 in hexadecimal; hyphens, spaces and case mean nothing. */
export function hashBackupCode(code: string): string {
  return createHash('sha256')
    .update(`backup ${plainBackupCode(code)}`)
    .digest('hex');
}

function plainBackupCode(code: string): string {
  return code.replace(/[\s-]/g, '').toUpperCase();
}
