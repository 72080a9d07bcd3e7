import { fail, ok, type Result } from '../../runtime/result.js';
import { berToDer } from './ber.js';
import { Cursor } from './cursor.js';
import { DerError } from './fault.js';
import type { Limits } from './limits.js';
import { scanDer } from './scan.js';

/**
 * The one door for untrusted bytes: size, then depth and count, then strict DER, then `read` over exactly one element
 * with nothing behind it. Readers throw `DerError`; callers get a value. Any other exception is a bug and passes through.
 */
export function decode<T>(bytes: Buffer, limits: Limits, read: (cursor: Cursor) => T): Result<T, DerError> {
  return guarded(() => {
    scanDer(bytes, limits);
    return readWhole(bytes, read);
  });
}

/** As `decode`, for SCEP's outer layers: BER is rewritten as DER first (`berToDer`), DER costs nothing more. */
export function decodeBer<T>(bytes: Buffer, limits: Limits, read: (cursor: Cursor) => T): Result<T, DerError> {
  return guarded(() => {
    if (bytes.length > limits.maxBytes) throw new DerError('too-large', 0);
    return readWhole(asDer(bytes, limits), read);
  });
}

function asDer(bytes: Buffer, limits: Limits): Buffer {
  try {
    scanDer(bytes, limits);
    return bytes;
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    if (error.fault !== 'bad-length' && error.fault !== 'bad-tag') throw error;
    const der = berToDer(bytes, limits);
    scanDer(der, { ...limits, maxBytes: Number.POSITIVE_INFINITY }); // a minimal length can be an octet longer than an indefinite one
    return der;
  }
}

function readWhole<T>(bytes: Buffer, read: (cursor: Cursor) => T): T {
  const cursor = new Cursor(bytes);
  const value = read(cursor);
  cursor.end();
  return value;
}

/** Runs readers over bytes that already came through the door (inner structures), with the same `Result`. */
export function guarded<T>(read: () => T): Result<T, DerError> {
  try {
    return ok(read());
  } catch (error) {
    if (error instanceof DerError) return fail(error);
    throw error;
  }
}
