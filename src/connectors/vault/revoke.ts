import { type RevocationAnswer, refusedForGood } from '../../enrolment/ports.js';
import { parseCertificate, serialHex, toPem } from '../../pkix/index.js';
import { fail, ok } from '../../runtime/result.js';
import type { VaultClient } from './client.js';

const certificateHold = 6;
const removeFromCrl = 8;

/**
 * Revokes by serial number, and by the certificate itself where the role stores none. Revoked already is success, and so is expired, which
 * Vault answers alike. What it refuses for the certificate's sake it always will. It keeps no reason; a hold, which it does not know, must not become a revocation for good.
 */
export async function revoke(client: VaultClient, certificate: Buffer, reason: number, deadline: AbortSignal): Promise<RevocationAnswer> {
  if (reason === certificateHold || reason === removeFromCrl) return refusedForGood('Vault knows no hold; revoke for good, with another reason.');
  const parsed = parseCertificate(certificate);
  if (!parsed.ok) return refusedForGood('The certificate is malformed.');
  const serial = (serialHex(parsed.value.serial).match(/../g) ?? []).join(':');
  const bySerial = await client.call({ method: 'POST', path: 'revoke', route: 'revoke', body: { serial_number: serial } }, deadline);
  if (bySerial.ok) return ok(true);
  if (bySerial.error.code !== 'certificate-not-found') return fail(bySerial.error.reason);
  const byItself = await client.call({ method: 'POST', path: 'revoke', route: 'revoke', body: { certificate: toPem('CERTIFICATE', certificate) } }, deadline);
  if (byItself.ok) return ok(true);
  const isForGood = byItself.error.verdict === 'refused' || isOfAnotherCa(byItself.error.reason);
  return isForGood ? refusedForGood(byItself.error.reason) : fail(byItself.error.reason);
}

function isOfAnotherCa(words: string): boolean {
  return /unable to verify signature/i.test(words);
}
