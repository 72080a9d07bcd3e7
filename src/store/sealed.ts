import type { SealedPlace, Sealer } from '../runtime/seal.js';
import { Secret } from '../runtime/secret.js';

/** The key was checked at start, so a value that does not open was changed in the database: nothing may be built on it. */
export function openBytes(sealer: Sealer, ciphertext: Buffer, place: SealedPlace): Secret<Buffer> {
  const opened = sealer.open(ciphertext, place);
  if (!opened.ok) throw new Error(`A secret in ${place.table} (row ${place.rowId}) cannot be opened: ${opened.error}.`);
  return new Secret(opened.value);
}

export function openText(sealer: Sealer, ciphertext: Buffer, place: SealedPlace): Secret {
  return new Secret(openBytes(sealer, ciphertext, place).reveal().toString('utf8'));
}

export function sealText(sealer: Sealer, secret: Secret, place: SealedPlace): Buffer {
  return sealer.seal(Buffer.from(secret.reveal(), 'utf8'), place);
}
