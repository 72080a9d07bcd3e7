import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { type Gate, openGate } from './gate.js';

/** N = 2^17, r = 8, p = 1: about a third of a second and 128 MiB each on a small server. */
const cost = { ln: 17, r: 8, p: 1 } as const;
const saltBytes = 16;
const hashBytes = 32;
/** Stored strings asking for more than this are refused, so that a planted one cannot exhaust the machine. */
const costliest = { ln: 18, r: 16, p: 4 } as const;

/** Two at a time: a flood of logins costs at most 256 MiB and two threads. Who would wait longer than about half a minute is turned away. */
const gate: Gate = openGate(2, 100);

interface Parameters {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

interface StoredPassword extends Parameters {
  readonly salt: Buffer;
  readonly hash: Buffer;
}

function derive(password: string, salt: Buffer, length: number, { ln, r, p }: Parameters): Promise<Buffer> {
  const N = 2 ** ln;
  const options: ScryptOptions = { N, r, p, maxmem: 128 * N * r + 128 * r * p + 1024 * 1024 };
  return gate.pass(
    () =>
      new Promise((resolve, reject) => {
        scrypt(password.normalize('NFKC'), salt, length, options, (error, key) => (error === null ? resolve(key) : reject(error)));
      }),
  );
}

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

/** PHC string format: `$scrypt$ln=17,r=8,p=1$<salt>$<hash>`, base64 without padding. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, salt, hashBytes, cost);
  return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${unpadded(salt)}$${unpadded(hash)}`;
}

function parse(stored: string): StoredPassword | undefined {
  const match = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/.exec(stored);
  if (match === null) return undefined;
  const [ln, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (ln < 1 || r < 1 || p < 1 || ln > costliest.ln || r > costliest.r || p > costliest.p) return undefined;
  return { ln, r, p, salt: Buffer.from(match[4] as string, 'base64'), hash: Buffer.from(match[5] as string, 'base64') };
}

/** False for a wrong password, an unreadable stored string, or `undefined` (no such user) - each at the cost of a real comparison,
 *  so that the time tells nobody which usernames exist. */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  const known = stored === undefined ? undefined : parse(stored);
  const { salt, hash, ...parameters } = known ?? { ...cost, salt: Buffer.alloc(saltBytes), hash: Buffer.alloc(hashBytes) };
  const derived = await derive(password, salt, hash.length, parameters);
  return timingSafeEqual(derived, hash) && known !== undefined;
}

/** True when the stored string was made with other parameters than today's: hash again at the next login. */
export function needsRehash(stored: string): boolean {
  const known = parse(stored);
  return known === undefined || known.ln !== cost.ln || known.r !== cost.r || known.p !== cost.p;
}
