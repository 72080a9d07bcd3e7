import { createHash } from 'node:crypto';
import { type Certificate, canonicalName, type Name, serialHex } from '../pkix/index.js';
import type { Context, TenantContext } from './context.js';
import type { ListQuery, Page } from './ports.js';

/** A device named by its vendor's certificate: by issuer and serial number, or by subject. Never a whole issuer. */
export type DeviceName = { readonly issuer: Name; readonly serial: string } | { readonly subject: Name };

/** A device of a vendor that may ask for its first certificate (3GPP TS 33.310 clause 9.2). */
export interface VendorDevice {
  readonly id: string;
  readonly profileId: string;
  /** RFC 4514 text; null where the device is named by its subject. */
  readonly issuer: string | null;
  /** Lower-case hexadecimal. */
  readonly serial: string | null;
  readonly subject: string | null;
  /** What operators call it. */
  readonly label: string | null;
  readonly maxUses: number;
  readonly used: number;
  readonly expiresAt: Date | null;
  /** By the clock of the database. */
  readonly isExpired: boolean;
  readonly createdAt: Date;
}

export type NewVendorDevice = Omit<VendorDevice, 'used' | 'isExpired' | 'createdAt' | 'profileId'> & { readonly matchKey: Buffer };

export interface VendorDeviceStore {
  /** All or none. A device that is on the list already gets the new label, count and expiry; what it used stays used. */
  add(context: TenantContext, profileId: string, devices: readonly NewVendorDevice[]): Promise<void>;
  list(context: Context, profileId: string, query: ListQuery): Promise<Page<VendorDevice>>;
  /** False when it is not there. */
  remove(context: TenantContext, profileId: string, id: string): Promise<boolean>;
  /** The device that one of the keys names; the first key's before the second's. */
  find(context: Context, profileId: string, matchKeys: readonly Buffer[]): Promise<VendorDevice | undefined>;
  /** Counts a use for a transaction; the same one again counts no second time. False when it is used up, expired or gone. */
  use(context: Context, id: string, transaction: Buffer): Promise<boolean>;
}

/** How a named device is found again: 32 bytes. */
export function matchKeyOf(name: DeviceName): Buffer {
  const text = 'subject' in name ? ['subject', canonicalName(name.subject)] : ['serial', canonicalName(name.issuer), name.serial];
  return createHash('sha256').update(JSON.stringify(text)).digest();
}

/** The keys under which a certificate's device may stand on the list. */
export function matchKeysOf(certificate: Certificate): readonly Buffer[] {
  const bySerial = matchKeyOf({ issuer: certificate.issuer, serial: serialHex(certificate.serial) });
  return certificate.subject.rdns.length === 0 ? [bySerial] : [bySerial, matchKeyOf({ subject: certificate.subject })];
}
