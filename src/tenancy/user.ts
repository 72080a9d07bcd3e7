import type { Result } from '../runtime/result.js';
import type { Secret } from '../runtime/secret.js';
import type { Context } from './context.js';
import type { ListQuery, Page, WriteFault } from './ports.js';
import type { Status } from './profile.js';
import type { Role } from './role.js';

/** Who somebody is at an identity provider (OpenID Connect Core section 2: `iss` and `sub`). */
export interface ProviderIdentity {
  readonly issuer: string;
  readonly subject: string;
}

/** A person who signs in. */
export interface User {
  readonly id: string;
  /** Lower case, unique in the installation. */
  readonly username: string;
  readonly email: string | null;
  readonly displayName: string;
  /** At least one; what one of them may do, the user may do. */
  readonly roles: readonly Role[];
  /** null: every tenant, also those to come. */
  readonly tenantIds: readonly string[] | null;
  readonly status: Status;
  /** False for users that come from an identity provider only. */
  readonly hasPassword: boolean;
  /** The password was set by someone else: it must be changed before anything else. */
  readonly mustChangePassword: boolean;
  /** Whether a second factor (RFC 6238) was enrolled and confirmed. */
  readonly hasTotp: boolean;
  readonly identity: ProviderIdentity | null;
  readonly lastLoginAt: Date | null;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export type NewUser = Pick<User, 'id' | 'username' | 'email' | 'displayName' | 'roles' | 'tenantIds' | 'status'> & {
  /** PHC-style scrypt string; null where the identity provider lets in. */
  readonly passwordHash: string | null;
  readonly mustChangePassword: boolean;
  readonly identity: ProviderIdentity | null;
};
export type UserChange = Partial<Pick<User, 'email' | 'displayName' | 'roles' | 'tenantIds' | 'status'>>;

/** `last-administrator`: nobody would be left who may administer every tenant. */
export type UserFault = WriteFault | { readonly kind: 'last-administrator' };

/** What signing in needs beside the user. */
export interface UserWithPassword {
  readonly user: User;
  readonly passwordHash: string | null;
}

/**
 * The users. A context of one tenant sees those of whom that is one of the tenants. Changes write their audit event; those of roles, tenants,
 * status and password end the user's sessions.
 */
export interface UserStore {
  create(context: Context, user: NewUser): Promise<Result<User, UserFault>>;
  count(): Promise<number>;
  find(context: Context, id: string): Promise<User | undefined>;
  findByName(username: string): Promise<UserWithPassword | undefined>;
  findByIdentity(identity: ProviderIdentity): Promise<User | undefined>;
  list(context: Context, query: ListQuery & { readonly status?: Status; readonly role?: Role }): Promise<Page<User>>;
  update(context: Context, id: string, version: number, change: UserChange): Promise<Result<User, UserFault>>;
  remove(context: Context, id: string, version: number): Promise<Result<true, UserFault>>;
  /** `except`: a session that goes on. */
  setPassword(
    context: Context,
    id: string,
    change: { readonly passwordHash: string; readonly mustChange: boolean; readonly except?: string },
  ): Promise<boolean>;
  /** The same password under today's parameters: nobody needs to know. */
  rehash(id: string, from: string, to: string): Promise<void>;
  noteLogin(id: string, at: Date): Promise<void>;
}

/** The second factor of users. Each change writes its audit event. */
export interface TotpStore {
  /** Keeps a secret that is not yet in force; false when one is in force already. */
  propose(context: Context, userId: string, secret: Secret<Buffer>): Promise<boolean>;
  /** The secret, proposed or in force. */
  secretOf(userId: string): Promise<{ readonly secret: Secret<Buffer>; readonly isConfirmed: boolean } | undefined>;
  /** Puts the proposed secret in force. `backupHashes`: SHA-256 of each code in hexadecimal. */
  confirm(context: Context, userId: string, step: number, backupHashes: readonly string[]): Promise<boolean>;
  /** False when this time step, or a later one, was used before (RFC 6238 section 5.2). */
  spendStep(userId: string, step: number): Promise<boolean>;
  /** Each backup code once; false when it is none, or was used. */
  spendBackup(context: Context, userId: string, hash: string): Promise<boolean>;
  /** Takes the second factor away, and the user's sessions but `except` with it. */
  remove(context: Context, userId: string, except?: string): Promise<boolean>;
}
