import { hash } from 'node:crypto';
import type { NewOrder } from '../../enrolment/ports.js';

/** The id of an account follows from the identity alone (UUIDv8, RFC 9562 section 5.8), so that recording an order asks for nothing first. */
export function accountIdOf(profileId: string, identity: Buffer): string {
  const bytes = hash('sha256', Buffer.concat([Buffer.from(`${profileId}\u0000`), identity]), 'buffer');
  bytes[6] = 0x80 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** The account of a new order: a renewal stays where the certificate is that it renews, whatever it names. */
export function accountOf({ accountId, profileId, accountIdentity }: Pick<NewOrder, 'accountId' | 'profileId' | 'accountIdentity'>): string {
  return accountId ?? accountIdOf(profileId, accountIdentity);
}
