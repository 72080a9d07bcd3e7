import type { ColumnType, Generated } from 'kysely';
import type { EngineCa } from '../crypto-engine/ports.js';
import type { ChallengeCheck } from '../tenancy/challenge-check.js';
import type { ConnectorType } from '../tenancy/connector.js';
import type { RaKey, SharedSecret } from '../tenancy/credentials.js';
import type { Policy } from '../tenancy/policy.js';
import type { Role } from '../tenancy/ports.js';
import type { ChallengeMode, IssuingOverrides, Protocol, Status } from '../tenancy/profile.js';

/** Read as a value, written as JSON text: a bare array would be taken for a PostgreSQL array. */
type Json<T> = ColumnType<T, string, string>;
/** Set by the database. */
type Stamp = ColumnType<Date, never, Date>;

interface Versioned {
  readonly version: Generated<number>;
  readonly created_at: Stamp;
  readonly updated_at: ColumnType<Date, never, Date>;
}

export interface TenantsTable extends Versioned {
  id: string;
  name: string;
  slug: string;
  status: Status;
}

export interface ConnectorsTable extends Versioned {
  id: string;
  tenant_id: string;
  type: ConnectorType;
  name: string;
  description: string;
  status: Status;
  config: Json<Readonly<Record<string, unknown>>>;
}

export interface ConnectorSecretsTable {
  connector_id: string;
  name: string;
  tenant_id: string;
  ciphertext: Buffer;
  updated_at: ColumnType<Date, never, Date>;
}

/** A `ChallengeCheck` without its secret, which is sealed beside it. */
export interface StoredCheck {
  readonly kind: ChallengeCheck['kind'];
  readonly settings: unknown;
  readonly secretUpdatedAt: string;
}

export interface ProfilesTable extends Versioned {
  id: string;
  tenant_id: string;
  connector_id: string;
  protocol: Protocol;
  name: string;
  endpoint_path: string;
  legacy_paths: Json<readonly string[]>;
  description: string;
  status: Status;
  policy: Json<Policy>;
  overrides: Json<IssuingOverrides>;
  public_base_url: string | null;
  challenge_mode: ChallengeMode | null;
  challenge_mac: Buffer | null;
  challenge_updated_at: Date | null;
  challenge_check: ColumnType<StoredCheck | null, string | null | undefined, string | null>;
  challenge_secret: Buffer | null;
  is_default: boolean;
}

export interface SharedSecretsTable {
  id: string;
  tenant_id: string;
  profile_id: string;
  reference: string;
  ciphertext: Buffer;
  status: SharedSecret['status'];
  expires_at: Date | null;
  created_at: Stamp;
  label: Generated<string | null>;
  subject: Generated<string | null>;
  sans: ColumnType<readonly string[] | null, string | null | undefined, string | null>;
  /** null: of a whole profile, without a count. */
  max_uses: Generated<number | null>;
  used: Generated<number>;
  last_use: Generated<Buffer | null>;
}

export interface RaKeysTable {
  id: string;
  tenant_id: string;
  profile_id: string;
  purpose: RaKey['purpose'];
  state: RaKey['state'];
  ciphertext: Buffer | null;
  spki: Buffer;
  certificate: Buffer | null;
  /** base64 of DER */
  chain: Json<readonly string[]>;
  usage: Generated<RaKey['usage']>;
  origin: Generated<RaKey['origin']>;
  keep_until: Date | null;
  created_at: Stamp;
}

export interface ApiTokensTable {
  id: string;
  tenant_id: string | null;
  name: string;
  role: Role;
  permissions: ColumnType<readonly string[] | null, string | null, never>;
  created_by: string | null;
  token_hash: Buffer;
  expires_at: Date | null;
  last_used_at: ColumnType<Date | null, never, Date>;
  revoked_at: ColumnType<Date | null, never, Date>;
  created_at: Stamp;
}

export interface SettingsTable {
  name: string;
  value: string;
  updated_at: ColumnType<Date, never, Date>;
}

export interface EngineCasTable {
  id: string;
  certificate: Buffer;
  ciphertext: Buffer;
  parent_id: string;
  state: Generated<EngineCa['state']>;
  activates_at: Date | null;
  created_at: Stamp;
}

/** The tables that are used through the query builder; the others are met in plain SQL only (orders, audit, refusals). */
export interface Tables {
  tenants: TenantsTable;
  connectors: ConnectorsTable;
  connector_secrets: ConnectorSecretsTable;
  profiles: ProfilesTable;
  shared_secrets: SharedSecretsTable;
  ra_keys: RaKeysTable;
  api_tokens: ApiTokensTable;
  settings: SettingsTable;
  engine_cas: EngineCasTable;
}
