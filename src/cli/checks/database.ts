import type { Result } from '../../runtime/result.js';
import { describeStoreFault, type StoreFault } from '../../store/fault.js';
import type { Inspection } from '../../store/inspect.js';
import type { WallFault } from '../../store/tenant-wall.js';
import { type Finding, failure, good, warning } from './finding.js';

/** Reliability rule: lease arithmetic uses the database's clock, certificates ours; more than this apart, one of them is wrong. */
const maxClockDifferenceMs = 2_000;
const oldestMajor = 13;

/** What the database is looked at for. */
export interface NodeKind {
  readonly isEmbedded: boolean;
  /** Our own server answers on this node's ports, so a lock it holds is as it should be. */
  readonly isServing: boolean;
  readonly isDeviceOnly: boolean;
}

export function databaseFindings(looked: Result<Inspection | undefined, StoreFault>, node: NodeKind): readonly Finding[] {
  if (!looked.ok) return [faultFinding(looked.error, node.isServing)];
  const inspection = looked.value;
  if (inspection === undefined) return [good('Database', 'embedded; the first start makes it')];
  const rights = node.isDeviceOnly ? deviceRights(inspection) : tenantWall(inspection);
  return [reachable(inspection, node.isEmbedded), schema(inspection, node.isDeviceOnly), ...masterKey(inspection), ...rights, clock(inspection)];
}

function faultFinding(fault: StoreFault, isServing: boolean): Finding {
  const detail = describeStoreFault(fault);
  if (fault.kind === 'directory-locked') {
    if (isServing) return good('Database', `embedded, held by the running server (${fault.holder})`);
    return warning('Database', detail, 'Ask that process, or stop it; its contents were not checked.');
  }
  if (fault.kind === 'database-unreachable') return failure('Database', detail, 'Check GATEHOUSE_DATABASE_URL, the server, and the way to it.');
  return failure('Database', detail, 'Correct GATEHOUSE_DATA_DIR or the rights of that directory.');
}

function reachable({ version, isDurable }: Inspection, isEmbedded: boolean): Finding {
  if (isEmbedded)
    return warning('Database', `embedded ${version}: survives a crash of the process, not of the power`, 'For production set GATEHOUSE_DATABASE_URL.');
  const major = Number(/\d+/.exec(version)?.[0] ?? 0);
  if (major < oldestMajor) return failure('Database', version, `Gatehouse needs PostgreSQL ${oldestMajor} or newer.`);
  return isDurable
    ? good('Database', version)
    : failure('Database', `${version} with fsync or full_page_writes off`, 'Switch both on: what is promised to devices must be on disk.');
}

function schema({ applied, missing, unknown }: Inspection, isDeviceOnly: boolean): Finding {
  if (unknown !== undefined)
    return failure('Schema', `has ${unknown}, which this version does not know`, 'Start the newer Gatehouse, or restore a backup from before.');
  const last = applied.at(-1) ?? 'none';
  if (missing.length > 0 && isDeviceOnly)
    return failure('Schema', `${last}; missing ${missing.join(', ')}`, 'This node makes no schema: run "gatehouse migrate" as the owner of the tables.');
  return missing.length === 0
    ? good('Schema', last)
    : warning('Schema', `${last}; missing ${missing.join(', ')}`, 'The next start migrates it; "gatehouse migrate" does so beforehand.');
}

function masterKey({ isKeyRight }: Inspection): readonly Finding[] {
  if (isKeyRight === undefined) return [];
  return isKeyRight
    ? [good('Master key', 'fits the database')]
    : [failure('Master key', 'is not the one this database was made with', 'Set GATEHOUSE_MASTER_KEY to that one.')];
}

const missingWall: Readonly<Record<WallFault, string>> = {
  'no-role': 'The role gatehouse_tenant is missing: run deploy/postgresql/roles.sql as an administrator of the database.',
  'not-member': "The database's user is no member of gatehouse_tenant: run deploy/postgresql/roles.sql as an administrator of the database.",
  'not-owner': "The tables belong to another user than the database's: start Gatehouse once as their owner.",
  busy: 'The next start completes it.',
};

/** What narrows administrators of one tenant to it also where a query forgets to. */
function tenantWall({ applied, wallFault }: Inspection): readonly Finding[] {
  if (applied.length === 0) return [];
  if (wallFault === undefined) return [good('Tenant wall', 'row-level security stands')];
  return [warning('Tenant wall', 'no row-level security between tenants', missingWall[wallFault])];
}

/** What the user of a node that only serves devices may read and change: all that it needs, and no secrets that are none of its business. */
function deviceRights({ deviceGrants }: Inspection): readonly Finding[] {
  if (deviceGrants === undefined) return [];
  const { missing, excess } = deviceGrants;
  if (missing.length > 0)
    return [failure('Database user', `lacks ${listed(missing)}`, 'Run "gatehouse migrate" as the owner of the tables, or start one of the other nodes anew.')];
  if (excess.length === 0) return [good('Database user', 'reads what serving devices needs, and no secrets of connectors, users, sessions or tokens')];
  return [warning('Database user', `may read or change ${listed(excess)}`, 'Give this node a user of its own: deploy/postgresql/device-role.sql.')];
}

const listed = (names: readonly string[]): string => (names.length <= 4 ? names.join(', ') : `${names.slice(0, 4).join(', ')} and ${names.length - 4} more`);

function clock({ clockAheadMs }: Inspection): Finding {
  const detail = `${Math.abs(clockAheadMs)} ms ${clockAheadMs < 0 ? 'behind' : 'ahead of'} the database`;
  if (Math.abs(clockAheadMs) < maxClockDifferenceMs) return good('Clock', detail);
  return failure('Clock', detail, 'Synchronise the clocks of this machine and of the database (NTP).');
}
