import { createHash, createHmac, type KeyObject } from 'node:crypto';
import { type Encapsulated, encapsulate, type PublicKey } from '../../pkix/index.js';
import type { CmpEndpoint } from '../../tenancy/directory.js';

const seeds = new WeakMap<KeyObject, Buffer>();

/** Known to every node and to nobody else, and gone with its RA key. */
export function seedKeyOf(privateKey: KeyObject): Buffer {
  const known = seeds.get(privateKey);
  if (known !== undefined) return known;
  const made = createHash('sha256')
    .update('cmp kem')
    .update(privateKey.export({ format: 'der', type: 'pkcs8' }))
    .digest();
  seeds.set(privateKey, made);
  return made;
}

/**
 * What is encapsulated for one ML-KEM key in one transaction. The randomness comes from a secret, the transaction and the key: whatever
 * node gets the next message finds the same secret without having kept it, and another transaction has another one (RFC 9810
 * section 5.1.3.4: never the same one twice).
 */
export function encapsulateFor(endpoint: CmpEndpoint, privateKey: KeyObject, transactionID: Buffer, publicKey: PublicKey): Encapsulated {
  const length = Buffer.of(transactionID.length);
  const context = Buffer.concat([Buffer.from(endpoint.profile.id), Buffer.of(0), length, transactionID, publicKey.spki]);
  return encapsulate(publicKey.algorithm.oid, publicKey.bits, createHmac('sha256', seedKeyOf(privateKey)).update(context).digest());
}

/** By every RA key that is in use: the one that began the transaction may be retiring. */
export function kemSecretsOf(endpoint: CmpEndpoint, transactionID: Buffer | undefined, publicKey: PublicKey): readonly Buffer[] {
  if (transactionID === undefined || transactionID.length > 255) return [];
  return endpoint.raKeys.map((raKey) => encapsulateFor(endpoint, raKey.privateKey, transactionID, publicKey).sharedSecret);
}
