import { randomFillSync } from 'node:crypto';

const pool = Buffer.alloc(4096);
let used = pool.length;

/**
 * Fresh random octets for nonces, keys and IVs. Drawn from a pool, because one call to the system's generator costs three to five
 * microseconds and an enrolment makes several; what is given out is wiped from the pool. At most 4096 at once.
 */
export function randomOctets(count: number): Buffer {
  if (count > pool.length) throw new RangeError('Too many random octets at once.');
  if (used + count > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const octets = Buffer.allocUnsafe(count);
  pool.copy(octets, 0, used, used + count);
  pool.fill(0, used, used + count);
  used += count;
  return octets;
}
