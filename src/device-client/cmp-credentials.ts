import { randomBytes } from 'node:crypto';
import type { Certificate } from '../pkix/index.js';
import { pbmac1Parameters, pbmParameters } from '../protocol/cmp/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { CmpCredential } from './cmp-messages.js';
import type { DeviceKey } from './device-key.js';

export const clientMacs = ['pbm', 'pbmac1'] as const;

/** How a secret protects: PasswordBasedMac as OpenSSL does it, but with HMAC-SHA256; or PBMAC1 (RFC 9481 section 6.1.2). */
export interface MacChoice {
  readonly mac?: (typeof clientMacs)[number];
  readonly iterations?: number;
}

/** A credential from reference and secret, with a fresh salt. */
export function secretCredential(reference: string, secret: Buffer, { mac = 'pbm', iterations }: MacChoice = {}): CmpCredential {
  const salt = randomBytes(16);
  const parameters =
    mac === 'pbm'
      ? pbmParameters({ salt, owf: 'sha256', iterationCount: iterations ?? 500, mac: 'sha256' })
      : pbmac1Parameters({ salt, iterationCount: iterations ?? 10_000, keyLength: 32, prf: 'sha256', mac: 'sha256' });
  return { kind: 'secret', reference, secret, parameters };
}

/** A credential from a certificate and its key: one that signs, or an ML-KEM key for KemBasedMac. */
export function certificateCredential(certificate: Certificate, chain: readonly Certificate[], key: DeviceKey): Result<CmpCredential, string> {
  if (!key.publicKey.spki.equals(certificate.publicKey.spki)) return fail('The private key is not that of the certificate.');
  const { signer, opener } = key;
  if (signer !== undefined) return ok({ kind: 'certificate', certificate, chain, signer, ...(opener && { opener }) });
  if (opener?.kind !== 'kem') return fail('This key protects no messages.');
  return ok({ kind: 'kem', certificate, chain, opener, decapsulate: opener.decapsulate });
}

/** A credential for DHBasedMac: a certificate for key agreement with its key, and the encryption certificate of the RA on the same curve. */
export function agreementCredential(
  certificate: Certificate,
  chain: readonly Certificate[],
  key: DeviceKey,
  agreeWith: Certificate,
): Result<CmpCredential, string> {
  if (!key.publicKey.spki.equals(certificate.publicKey.spki)) return fail('The private key is not that of the certificate.');
  const { opener, publicKey } = key;
  if (opener?.kind !== 'key' || publicKey.type !== 'ec') return fail('DHBasedMac needs an EC key.');
  if (publicKey.curve !== agreeWith.publicKey.curve) return fail('The encryption certificate of the RA is for another curve.');
  return ok({ kind: 'agreement', certificate, chain, opener, privateKey: opener.privateKey, agreeWith });
}
