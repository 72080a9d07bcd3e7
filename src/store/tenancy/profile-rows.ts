import type { Insertable, Selectable } from 'kysely';
import { type Policy, policySchema } from '../../tenancy/policy.js';
import type { CmpProfileChange, NewCmpProfile, NewScepProfile, ScepProfileChange } from '../../tenancy/ports.js';
import type { CmpProfile, Profile, ScepProfile } from '../../tenancy/profile.js';
import type { ProfilesTable } from '../tables.js';
import { storableJson } from '../text.js';

export type ProfileTableRow = Selectable<ProfilesTable>;
export type AnyProfile = NewScepProfile | NewCmpProfile;
export type AnyChange = ScepProfileChange | CmpProfileChange;

type ColumnValues = Partial<Omit<Insertable<ProfilesTable>, 'id' | 'tenant_id' | 'protocol'>>;

/** The columns that a change sets; what it does not name stays. */
export function columnsOf(change: AnyChange): ColumnValues {
  const columns: ColumnValues = {
    connector_id: change.connectorId,
    name: change.name,
    endpoint_path: change.endpointPath,
    legacy_paths: jsonOf(change.legacyPaths),
    description: change.description,
    status: change.status,
    policy: jsonOf(change.policy),
    overrides: jsonOf(change.overrides),
    ...('challengeMode' in change ? { challenge_mode: change.challengeMode } : {}),
    ...('publicBaseUrl' in change ? { public_base_url: change.publicBaseUrl } : {}),
    ...('javaBaseUrl' in change ? { public_base_url: change.javaBaseUrl } : {}),
    ...('isDefault' in change ? { is_default: change.isDefault } : {}),
    ...challengeColumns(change),
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

function challengeColumns(change: AnyChange): ColumnValues {
  if (!('challengeMac' in change) || change.challengeMac === undefined) return {};
  return { challenge_mac: change.challengeMac, challenge_updated_at: change.challengeMac === null ? null : new Date() };
}

function jsonOf(value: unknown): string | undefined {
  return value === undefined ? undefined : storableJson(value);
}

/** The whole row of a new profile. */
export function newRow(tenantId: string, profile: AnyProfile): Insertable<ProfilesTable> {
  return {
    id: profile.id,
    tenant_id: tenantId,
    protocol: profile.protocol,
    connector_id: profile.connectorId,
    name: profile.name,
    endpoint_path: profile.endpointPath,
    legacy_paths: storableJson(profile.legacyPaths),
    description: profile.description,
    status: profile.status,
    policy: storableJson(profile.policy),
    overrides: storableJson(profile.overrides),
    public_base_url: profile.protocol === 'scep' ? profile.publicBaseUrl : profile.javaBaseUrl,
    challenge_mode: profile.protocol === 'scep' ? profile.challengeMode : null,
    is_default: profile.protocol === 'cmp' && profile.isDefault,
    ...challengeColumns(profile),
  };
}

export function toScepProfile(row: ProfileTableRow): ScepProfile {
  return {
    ...commonFields(row),
    protocol: 'scep',
    publicBaseUrl: row.public_base_url,
    challengeMode: row.challenge_mode ?? 'one-time',
    challengeMac: row.challenge_mac,
    challengeUpdatedAt: row.challenge_updated_at,
  };
}

export function toCmpProfile(row: ProfileTableRow): CmpProfile {
  return { ...commonFields(row), protocol: 'cmp', javaBaseUrl: row.public_base_url, isDefault: row.is_default };
}

export function toProfile(row: ProfileTableRow): Profile {
  return row.protocol === 'scep' ? toScepProfile(row) : toCmpProfile(row);
}

function commonFields(row: ProfileTableRow) {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    connectorId: row.connector_id,
    name: row.name,
    endpointPath: row.endpoint_path,
    legacyPaths: row.legacy_paths,
    description: row.description,
    status: row.status,
    policy: completed(row.policy),
    overrides: row.overrides,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** A policy stored by an older version lacks what came later: there the defaults hold. */
function completed(policy: Policy): Policy {
  const parsed = policySchema.safeParse(policy);
  return parsed.success ? parsed.data : policy;
}
