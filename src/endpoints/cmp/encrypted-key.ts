import { parseCertificate } from '../../pkix/index.js';
import type { CertifiedKeyPair } from '../../protocol/cmp/index.js';
import { envelop, type Recipient } from '../../protocol/cms/index.js';
import { der, encode } from '../../protocol/der/index.js';
import { recipientOf } from './key-recipient.js';
import type { KeyDelivery } from './session.js';

/** RFC 4211 section 2.1: EncryptedKey ::= CHOICE { encryptedValue EncryptedValue, -- deprecated  envelopedData [0] EnvelopedData } */
export function encryptedKey(content: Buffer, recipient: Recipient, contentType?: string): Buffer {
  return encode(der.implicit(0, envelop(content, recipient, contentType)));
}

/** What an issued certificate is handed over with: as it is, encrypted to its own key, or with the private key that was made for it. */
export function certifiedKeyPair(certificate: Buffer, delivery: KeyDelivery): CertifiedKeyPair {
  if (delivery.isEncrypted === true) return { encryptedCert: encryptedCertificate(certificate) };
  return delivery.keyPackage === undefined ? { certificate } : { certificate, privateKey: delivery.keyPackage };
}

/** RFC 9810 section 5.2.8.3.2: only the holder of the key learns the certificate, and proves it by confirming its hash. */
function encryptedCertificate(certificate: Buffer): Buffer {
  const parsed = parseCertificate(certificate);
  if (!parsed.ok) throw parsed.error;
  const recipient = recipientOf(parsed.value.publicKey);
  if (recipient === undefined) throw new Error(`Nothing can be encrypted to a key of type ${parsed.value.publicKey.name}.`);
  return encryptedKey(certificate, recipient);
}
