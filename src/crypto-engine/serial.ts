import { randomFillSync } from 'node:crypto';

const size = 16;
const pool = Buffer.alloc(256 * size);
let used = pool.length;

/**
 * A random serial number of 16 octets. The two top bits are fixed to 01, so that the INTEGER is positive, never zero and
 * always 16 octets long; 126 random bits remain (RFC 5280 section 4.1.2.2 allows 20 octets). Drawn from a pool, because one
 * call to the system's generator per certificate costs several microseconds.
 */
export function randomSerial(): Buffer {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const serial = Buffer.from(pool.subarray(used, used + size));
  used += size;
  serial[0] = 0x40 | ((serial[0] as number) & 0x3f);
  return serial;
}
