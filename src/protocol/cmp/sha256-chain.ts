/** FIPS 180-4 section 4.2.2. */
const roundConstants = new Int32Array([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74,
  0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d,
  0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
  0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
  0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);
/** FIPS 180-4 section 5.3.3, as constants: read from an array they made the chain four times slower. */
const [a0, b0, c0, d0] = [0x6a09e667, 0xbb67ae85 | 0, 0x3c6ef372, 0xa54ff53a | 0];
const [e0, f0, g0, h0] = [0x510e527f, 0x9b05688c | 0, 0x1f83d9ab, 0x5be0cd19];

/** One message schedule for the process: the chain runs to its end without giving way, and leaves nothing in it (see `sha256Chain`). */
const schedule = new Int32Array(64);

/** Extends `state` to the 64 words of the schedule; 32 bytes and their padding fill exactly one block. */
function expand(state: Int32Array): void {
  const w = schedule;
  for (let t = 0; t < 8; t += 1) w[t] = state[t] as number;
  w[8] = 0x80000000 | 0;
  for (let t = 9; t < 15; t += 1) w[t] = 0;
  w[15] = 256;
  for (let t = 16; t < 64; t += 1) {
    const x = w[t - 15] as number;
    const y = w[t - 2] as number;
    const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[t] = ((w[t - 16] as number) + (w[t - 7] as number) + small0 + small1) | 0;
  }
}

/** state := SHA-256(state), FIPS 180-4 section 6.2.2 for a message of 32 bytes. No branch and no index depends on the data. */
function hashState(state: Int32Array): void {
  expand(state);
  let a = a0;
  let b = b0;
  let c = c0;
  let d = d0;
  let e = e0;
  let f = f0;
  let g = g0;
  let h = h0;
  for (let t = 0; t < 64; t += 1) {
    const big1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + big1 + (g ^ (e & (f ^ g))) + (roundConstants[t] as number) + (schedule[t] as number)) | 0;
    const big0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (big0 + ((a & b) | (c & (a | b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] = (a + a0) | 0;
  state[1] = (b + b0) | 0;
  state[2] = (c + c0) | 0;
  state[3] = (d + d0) | 0;
  state[4] = (e + e0) | 0;
  state[5] = (f + f0) | 0;
  state[6] = (g + g0) | 0;
  state[7] = (h + h0) | 0;
}

/**
 * Applies SHA-256 `times` times to a 32-byte value. PasswordBasedMac's default is 500 such steps: createHash takes 594
 * microseconds for them and crypto.hash 306-336, almost all of it the crossing into native code; this takes 105-184 (same
 * machines), and a test proves it equal to createHash. Runs without giving way: callers cut long chains.
 */
export function sha256Chain(start: Buffer, times: number): Buffer {
  const state = new Int32Array(8);
  for (let i = 0; i < 8; i += 1) state[i] = start.readInt32BE(i * 4);
  for (let i = 0; i < times; i += 1) hashState(state);
  const end = Buffer.allocUnsafe(32);
  for (let i = 0; i < 8; i += 1) end.writeInt32BE(state[i] as number, i * 4);
  schedule.fill(0);
  state.fill(0);
  return end;
}
