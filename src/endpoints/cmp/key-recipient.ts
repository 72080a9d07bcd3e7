import type { PublicKey } from '../../pkix/index.js';
import { kemRecipient, keyAgreementRecipient, keyTransportRecipient, type Recipient } from '../../protocol/cms/index.js';

/** How something is encrypted to a public key, named by `keyIdentifier`; undefined for keys that only sign. */
export function recipientOf(publicKey: PublicKey, keyIdentifier: Buffer = publicKey.keyIdentifier): Recipient | undefined {
  if (publicKey.type === 'ml-kem') return kemRecipient(publicKey, keyIdentifier);
  const key = publicKey.keyObject();
  if (!key.ok) return undefined;
  if (publicKey.type === 'rsa') return keyTransportRecipient(key.value, keyIdentifier);
  return publicKey.type === 'ec' ? keyAgreementRecipient(publicKey, key.value, keyIdentifier) : undefined;
}
