import type { Result } from '../runtime/result.js';
import type { Secret } from '../runtime/secret.js';
import type { Connector, ConnectorType, Tenant } from './connector.js';
import type { Context, SystemContext, TenantContext } from './context.js';
import type { NewRaKey, RaKey, RaKeyState, SharedSecret } from './credentials.js';
import type { CmpProfile, Profile, Protocol, ScepProfile, Status } from './profile.js';
import type { Role } from './role.js';

/** Why a change was not stored. `conflict` names the field whose value is taken; `in-use` lists who uses it. */
export type WriteFault =
  | { readonly kind: 'not-found' }
  | { readonly kind: 'stale'; readonly version: number }
  | { readonly kind: 'conflict'; readonly field: string }
  | { readonly kind: 'in-use'; readonly usedBy: readonly { readonly type: string; readonly id: string; readonly name: string }[] };

export interface Page<T> {
  readonly items: readonly T[];
  /** Opaque; absent on the last page. */
  readonly nextCursor?: string;
  /** Exact to 10,000. */
  readonly total: number;
  readonly totalIsLowerBound?: true;
}

/** `sort`: a field name, `-` before it for descending. `cursor`: from the page before. */
export interface ListQuery {
  readonly limit: number;
  readonly cursor?: string;
  readonly sort?: string;
  readonly q?: string;
}

export interface TenantStore {
  create(context: SystemContext, tenant: Pick<Tenant, 'id' | 'name' | 'slug' | 'status'>): Promise<Result<Tenant, WriteFault>>;
  find(context: Context, id: string): Promise<Tenant | undefined>;
  list(context: Context, query: ListQuery & { readonly status?: Status }): Promise<Page<Tenant>>;
  update(context: SystemContext, id: string, version: number, change: Partial<Pick<Tenant, 'name' | 'slug' | 'status'>>): Promise<Result<Tenant, WriteFault>>;
}

export type NewConnector = Pick<Connector, 'id' | 'type' | 'name' | 'description' | 'status' | 'config'> & {
  readonly secrets: Readonly<Record<string, Secret>>;
};
/** In `secrets`: absent keeps, null clears. */
export type ConnectorChange = Partial<Pick<Connector, 'name' | 'description' | 'status' | 'config'>> & {
  readonly secrets?: Readonly<Record<string, Secret | null>>;
};

export interface ConnectorStore {
  create(context: TenantContext, connector: NewConnector): Promise<Result<Connector, WriteFault>>;
  find(context: Context, id: string): Promise<Connector | undefined>;
  list(context: Context, query: ListQuery & { readonly status?: Status; readonly type?: ConnectorType; readonly tenantId?: string }): Promise<Page<Connector>>;
  /** `version` null skips the comparison (internal callers only). */
  update(context: Context, id: string, version: number | null, change: ConnectorChange): Promise<Result<Connector, WriteFault>>;
  remove(context: Context, id: string, version: number): Promise<Result<true, WriteFault>>;
  summary(context: Context): Promise<{ readonly totalTenants: number; readonly totalConnectors: number; readonly activeConnectors: number }>;
}

type StoredFields = 'id' | 'tenantId' | 'version' | 'createdAt' | 'updatedAt';
export type NewScepProfile = Omit<ScepProfile, Exclude<StoredFields, 'id'> | 'challengeUpdatedAt'>;
export type NewCmpProfile = Omit<CmpProfile, Exclude<StoredFields, 'id'>>;
export type ScepProfileChange = Partial<Omit<NewScepProfile, 'id' | 'protocol'>>;
export type CmpProfileChange = Partial<Omit<NewCmpProfile, 'id' | 'protocol'>>;

/** What the profile lists show beside the profile itself. */
export interface ProfileOrders {
  readonly success: number;
  readonly failed: number;
  readonly total: number;
}

export interface ProfileListQuery extends ListQuery {
  readonly status?: Status;
  readonly tenantId?: string;
  readonly connectorId?: string;
  /** Per cent of issued among issued + failed + rejected. */
  readonly minSuccessRate?: number;
  readonly maxSuccessRate?: number;
}

export type ProfileRow<P extends Profile> = P & { readonly tenantName: string; readonly connectorName: string; readonly orders: ProfileOrders };

export interface ProfileStore {
  createScep(context: TenantContext, profile: NewScepProfile): Promise<Result<ScepProfile, WriteFault>>;
  createCmp(context: TenantContext, profile: NewCmpProfile): Promise<Result<CmpProfile, WriteFault>>;
  find(context: Context, protocol: Protocol, id: string): Promise<ProfileRow<Profile> | undefined>;
  listScep(context: Context, query: ProfileListQuery): Promise<Page<ProfileRow<ScepProfile>>>;
  listCmp(context: Context, query: ProfileListQuery): Promise<Page<ProfileRow<CmpProfile>>>;
  updateScep(context: Context, id: string, version: number, change: ScepProfileChange): Promise<Result<ScepProfile, WriteFault>>;
  updateCmp(context: Context, id: string, version: number, change: CmpProfileChange): Promise<Result<CmpProfile, WriteFault>>;
  remove(context: Context, protocol: Protocol, id: string, version: number): Promise<Result<true, WriteFault>>;
  /** Every profile of every active tenant, for the endpoint directory. */
  all(context: SystemContext): Promise<readonly Profile[]>;
  /** A number that grows with every change of tenants, connectors, profiles, secrets and RA keys; polled by every process. */
  configEpoch(): Promise<number>;
}

export interface CredentialStore {
  addSharedSecret(context: TenantContext, secret: Omit<SharedSecret, 'tenantId' | 'createdAt'>): Promise<Result<SharedSecret, WriteFault>>;
  /** Active and retiring, not expired; also one of a single device that is used up, whose transactions may still be under way. */
  findSharedSecret(context: TenantContext, profileId: string, reference: string): Promise<SharedSecret | undefined>;
  /** Those of the whole profile; those of single devices stand in `DeviceSecretStore`. */
  listSharedSecrets(context: TenantContext, profileId: string): Promise<readonly SharedSecret[]>;
  retireSharedSecrets(context: TenantContext, profileId: string, exceptId: string, expiresAt: Date): Promise<void>;
  addRaKey(context: TenantContext, key: NewRaKey): Promise<RaKey>;
  setRaCertificate(context: TenantContext, id: string, certificate: Buffer, chain: readonly Buffer[], state: RaKeyState): Promise<void>;
  setRaKeyState(context: TenantContext, id: string, state: RaKeyState): Promise<void>;
  /** Makes a key active and the one it `replaces` retiring, in one commit: at no time is there none. False, and nothing done, where the key is gone. */
  putRaKeyInUse(context: TenantContext, key: Pick<RaKey, 'id' | 'chain'> & { readonly certificate: Buffer }, replaces?: string): Promise<boolean>;
  /** All that are not destroyed. */
  listRaKeys(context: Context, profileId: string): Promise<readonly RaKey[]>;
}

export { type Role, roles } from './role.js';

export interface ApiToken {
  readonly id: string;
  readonly tenantId: string | null;
  readonly name: string;
  readonly role: Role;
  /** Of what the role may do, only this; null: all of it. */
  readonly permissions: readonly string[] | null;
  /** Who made it, as the audit names them; null for the oldest. */
  readonly createdBy: string | null;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly createdAt: Date;
}

/** `permissions` absent: all of its role's. */
export type NewToken = Pick<ApiToken, 'id' | 'tenantId' | 'name' | 'role' | 'expiresAt'> & { readonly permissions?: readonly string[] | null };

export interface AccessStore {
  /** `tokenHash`: SHA-256 of the whole token, 32 bytes. */
  addToken(context: Context, token: NewToken, tokenHash: Buffer): Promise<ApiToken>;
  /** Not expired, not revoked; notes the use at most once a minute. */
  findToken(tokenHash: Buffer): Promise<ApiToken | undefined>;
}

/** Small server-wide values: master key check, first-run mark, node numbers. */
export interface SettingStore {
  get(name: string): Promise<string | undefined>;
  /** Stores only when the name is new; returns what then stands there. */
  putOnce(name: string, value: string): Promise<string>;
  /** Puts `to` in the place of `from`; false when something else stands there. */
  replace(name: string, from: string, to: string): Promise<boolean>;
}
