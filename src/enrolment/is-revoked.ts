import type { IssuedCertificate } from './ports.js';

/** Whether a certificate proves nothing any more: from the moment its revocation is wanted, however long its CA takes to hear of it (row AB-22). */
export function isRevoked({ status, isRevocationWanted }: IssuedCertificate): boolean {
  return status === 'revoked' || isRevocationWanted === true;
}
