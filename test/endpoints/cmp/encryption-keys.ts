import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { type Certificate, decapsulate, keyUsageExtension, parsePublicKey, postQuantumPair, publicKeyOf } from '../../../src/pkix/index.js';
import { der, encode, oids } from '../../../src/protocol/der/index.js';
import type { LoadedEncryptionKey } from '../../../src/tenancy/encryption-key.js';
import { type Authority, certify, named } from './stage.js';

/** An RA's key for agreement, as it is loaded. */
export function newAgreementKey(
  issuing: Authority,
  chain: readonly Certificate[],
  state: LoadedEncryptionKey['state'] = 'active',
  curve = 'P-256',
): LoadedEncryptionKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
  const usage = keyUsageExtension(['keyAgreement']);
  const certificate = certify(named('Stage RA encryption'), publicKeyOf(publicKey), issuing.key.signer, issuing.certificate, [usage]);
  return { id: `agreement-${state}`, state, certificate, chain, secret: { kind: 'agreement', privateKey } };
}

/** An RA's ML-KEM-768 key, as it is loaded. */
export function newServerKemKey(issuing: Authority, chain: readonly Certificate[], state: LoadedEncryptionKey['state'] = 'active'): LoadedEncryptionKey {
  const kem = oids.mlKem768;
  const { publicKey, secretKey } = postQuantumPair(kem, randomBytes(64));
  const key = parsePublicKey(encode(der.sequence(der.sequence(der.oid(kem)), der.bitString(publicKey))));
  if (!key.ok) throw key.error;
  const certificate = certify(named('Stage RA encryption'), key.value, issuing.key.signer, issuing.certificate, [keyUsageExtension(['keyEncipherment'])]);
  return { id: `kem-${state}`, state, certificate, chain, secret: { kind: 'kem', kem, decapsulate: (cipherText) => decapsulate(kem, secretKey, cipherText) } };
}
