import type { Secret } from '../runtime/secret.js';
import type { ChallengeBinding } from './challenge.js';
import type { Context, TenantContext } from './context.js';
import type { ListQuery, Page } from './ports.js';

/** What a shared secret that was made for one device is good for. */
export interface SecretLimits extends Pick<ChallengeBinding, 'subject' | 'sans'> {
  readonly maxUses: number;
  readonly used: number;
}

/** A shared secret of one device, without the secret itself, which is shown once. */
export interface DeviceSecret extends SecretLimits {
  readonly id: string;
  readonly profileId: string;
  readonly reference: string;
  /** What operators call the device. */
  readonly label: string | null;
  readonly expiresAt: Date | null;
  /** By the clock of the database. */
  readonly isExpired: boolean;
  readonly createdAt: Date;
}

export type NewDeviceSecret = Omit<DeviceSecret, 'used' | 'isExpired' | 'createdAt'> & { readonly secret: Secret<Buffer> };

/** Shared secrets of single devices. Their protection is verified as that of any shared secret; what differs is counted here. */
export interface DeviceSecretStore {
  /** False when the reference is taken in this profile; nothing was written then. */
  mint(context: TenantContext, secret: NewDeviceSecret): Promise<boolean>;
  list(context: Context, profileId: string, query: ListQuery): Promise<Page<DeviceSecret>>;
  /** False when it is not there. */
  remove(context: TenantContext, profileId: string, id: string): Promise<boolean>;
  /** Counts a use for a transaction (32 bytes); the same one again counts no second time. False when it is used up, expired or gone. */
  use(context: Context, id: string, transaction: Buffer): Promise<boolean>;
}
