import type { KeyObject } from 'node:crypto';
import { createSealer, type SealedPlace } from '../../runtime/seal.js';
import { seedKeyOf } from './kem-secret.js';

interface Holder {
  readonly privateKey: KeyObject;
}

/**
 * A request that waits for its proof, sealed for `place`: it may carry regToken or authenticator, which are secrets (RFC 4211 section 6).
 * Every node has the RA's key and opens it; nobody who only reads the database does.
 *
 * @returns Base64.
 */
export function holdRequest({ privateKey }: Holder, request: Buffer, place: SealedPlace): string {
  return createSealer(seedKeyOf(privateKey)).seal(request, place).toString('base64');
}

/** What was held for `place` under any of the keys in use; undefined when its key is gone, or when it is no such request. */
export function openHeldRequest(holders: readonly Holder[], held: unknown, place: SealedPlace): Buffer | undefined {
  const sealed = Buffer.from(String(held), 'base64');
  for (const { privateKey } of holders) {
    const opened = createSealer(seedKeyOf(privateKey)).open(sealed, place);
    if (opened.ok) return opened.value;
  }
  return undefined;
}
