import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { generateCredential } from './credentials.js';

const prefix = 'gh_';
const randomLength = 43;
const checksumLength = 6;
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** CRC-32 as six base-62 digits: lets a secret scanner tell a real token from text that looks like one, without asking us. */
function checksum(text: string): string {
  let rest = crc32(text);
  let out = '';
  for (let index = 0; index < checksumLength; index += 1) {
    out = digits.charAt(rest % 62) + out;
    rest = Math.floor(rest / 62);
  }
  return out;
}

/** A new API token: `gh_`, 43 letters and digits (256 bits), 6 of checksum. Shown once, never stored. */
export function generateToken(): string {
  const random = generateCredential(randomLength);
  return `${prefix}${random}${checksum(random)}`;
}

/** Any `gh_` text of 32 to 512 visible ASCII characters: automation may bring its own, without our checksum. */
export function isToken(text: string): boolean {
  return /^gh_[\x21-\x7e]{29,509}$/.test(text);
}

/** True for tokens made by `generateToken`. */
export function isGeneratedToken(text: string): boolean {
  const match = /^gh_([A-Za-z0-9]{43})([A-Za-z0-9]{6})$/.exec(text);
  return match !== null && checksum(match[1] as string) === match[2];
}

/** What is stored of a token: SHA-256, 32 bytes. Tokens carry enough entropy to need no slow hash. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}
