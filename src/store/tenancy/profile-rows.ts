import type { Insertable, Selectable } from 'kysely';
import type { Sealer } from '../../runtime/seal.js';
import { type ChallengeCheck, settingsSchemas } from '../../tenancy/challenge-check.js';
import { type Policy, policySchema } from '../../tenancy/policy.js';
import type { CmpProfileChange, NewCmpProfile, NewScepProfile, ScepProfileChange } from '../../tenancy/ports.js';
import type { CmpProfile, Profile, ScepProfile } from '../../tenancy/profile.js';
import { openText, sealText } from '../sealed.js';
import type { ProfilesTable, StoredCheck } from '../tables.js';
import { storableJson } from '../text.js';

export type ProfileTableRow = Selectable<ProfilesTable>;
export type AnyProfile = NewScepProfile | NewCmpProfile;
export type AnyChange = ScepProfileChange | CmpProfileChange;

type ColumnValues = Partial<Omit<Insertable<ProfilesTable>, 'id' | 'tenant_id' | 'protocol'>>;

/** Whose row it is: secrets are sealed to their place. */
export interface RowPlace {
  readonly tenantId: string;
  readonly id: string;
}

const secretPlace = ({ tenantId, id }: RowPlace) => ({ table: 'profiles', column: 'challenge_secret', tenantId, rowId: id }) as const;

/** The columns that a change sets; what it does not name stays. */
export function columnsOf(change: AnyChange, place: RowPlace, sealer: Sealer): ColumnValues {
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
    ...checkColumns(change, place, sealer),
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

function challengeColumns(change: AnyChange): ColumnValues {
  if (!('challengeMac' in change) || change.challengeMac === undefined) return {};
  return { challenge_mac: change.challengeMac, challenge_updated_at: change.challengeMac === null ? null : new Date() };
}

function checkColumns(change: AnyChange, place: RowPlace, sealer: Sealer): ColumnValues {
  if (!('challengeCheck' in change) || change.challengeCheck === undefined) return {};
  if (change.challengeCheck === null) return { challenge_check: null, challenge_secret: null };
  const { kind, settings, secret, secretUpdatedAt } = change.challengeCheck;
  const stored: StoredCheck = { kind, settings, secretUpdatedAt: secretUpdatedAt.toISOString() };
  return { challenge_check: storableJson(stored), challenge_secret: sealText(sealer, secret, secretPlace(place)) };
}

function jsonOf(value: unknown): string | undefined {
  return value === undefined ? undefined : storableJson(value);
}

/** The whole row of a new profile. */
export function newRow(tenantId: string, profile: AnyProfile, sealer: Sealer): Insertable<ProfilesTable> {
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
    ...checkColumns(profile, { tenantId, id: profile.id }, sealer),
  };
}

export function toScepProfile(row: ProfileTableRow, sealer: Sealer): ScepProfile {
  return {
    ...commonFields(row),
    protocol: 'scep',
    publicBaseUrl: row.public_base_url,
    challengeMode: row.challenge_mode ?? 'one-time',
    challengeMac: row.challenge_mac,
    challengeUpdatedAt: row.challenge_updated_at,
    challengeCheck: toCheck(row, sealer),
  };
}

/** Settings stored by an older version lack what came later: there the defaults hold. */
function toCheck(row: ProfileTableRow, sealer: Sealer): ChallengeCheck | null {
  const { challenge_check: stored, challenge_secret: sealed } = row;
  if (stored === null || sealed === null) return null;
  const settings = settingsSchemas[stored.kind].parse(stored.settings);
  const secret = openText(sealer, sealed, secretPlace({ tenantId: row.tenant_id, id: row.id }));
  return { kind: stored.kind, settings, secret, secretUpdatedAt: new Date(stored.secretUpdatedAt) } as ChallengeCheck;
}

export function toCmpProfile(row: ProfileTableRow): CmpProfile {
  return { ...commonFields(row), protocol: 'cmp', javaBaseUrl: row.public_base_url, isDefault: row.is_default };
}

export function toProfile(row: ProfileTableRow, sealer: Sealer): Profile {
  return row.protocol === 'scep' ? toScepProfile(row, sealer) : toCmpProfile(row);
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
