import { parseCertificate, serialHex, toPem } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { VaultClient } from './client.js';

const certificateHold = 6;
const removeFromCrl = 8;

/**
 * Revokes by serial number, and by the certificate itself where the role stores none. Revoked already is success, and so is expired, which
 * Vault answers alike. It keeps no reason; a hold, which it does not know, must not become a revocation for good.
 */
export async function revoke(client: VaultClient, certificate: Buffer, reason: number, deadline: AbortSignal): Promise<Result<true, string>> {
  if (reason === certificateHold || reason === removeFromCrl) return fail('Vault knows no hold; revoke for good, with another reason.');
  const parsed = parseCertificate(certificate);
  if (!parsed.ok) return fail('The certificate is malformed.');
  const serial = (serialHex(parsed.value.serial).match(/../g) ?? []).join(':');
  const bySerial = await client.call({ method: 'POST', path: 'revoke', route: 'revoke', body: { serial_number: serial } }, deadline);
  if (bySerial.ok) return ok(true);
  if (bySerial.error.code !== 'certificate-not-found') return fail(bySerial.error.reason);
  const byItself = await client.call({ method: 'POST', path: 'revoke', route: 'revoke', body: { certificate: toPem('CERTIFICATE', certificate) } }, deadline);
  return byItself.ok ? ok(true) : fail(byItself.error.reason);
}
