import { oids } from '../../protocol/der/index.js';
import type { CmpEndpoint } from '../../tenancy/directory.js';
import type { LoadedEncryptionKey } from '../../tenancy/encryption-key.js';
import { certificatesOf } from './answer-key.js';

/** What devices are shown; those that retire still serve who was shown them before. */
export function activeEncryptionKeys({ encryptionKeys = [] }: CmpEndpoint): readonly LoadedEncryptionKey[] {
  return encryptionKeys.filter(({ state }) => state === 'active');
}

/** Beside the one certificate that a caProtEncCert can hold: all that are in use, each with its chain. */
export function encryptionCertificatesFor(endpoint: CmpEndpoint, infoTypes: readonly string[]): readonly Buffer[] {
  return infoTypes.includes(oids.caProtEncCert) ? activeEncryptionKeys(endpoint).flatMap(certificatesOf) : [];
}
