import type { Command } from 'commander';
import type { Config } from '../config.js';
import { uuidv7 } from '../runtime/ids.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { StartFault } from '../start-fault.js';
import type { Store } from '../store/store.js';
import { systemContext } from '../tenancy/context.js';
import { permissionNames, permissionsOf } from '../tenancy/permission.js';
import { type Role, roles } from '../tenancy/ports.js';
import { generateToken, hashToken } from '../tenancy/token.js';
import { openDatabase } from './open-database.js';
import { complain, exitCodes, say } from './terminal.js';

interface Options {
  readonly name: string;
  readonly role: string;
  readonly tenant?: string;
  readonly expiresInDays?: string;
  readonly permission: readonly string[];
}

const examples = `
The token alone goes to standard output, once; it is stored only as a hash. On the embedded database this works while no
server runs on it (exit code 75 otherwise); on PostgreSQL at any time.

Examples:
  $ gatehouse token create --name monitoring --role viewer
  $ TOKEN=$(gatehouse token create --name deploy --role admin --tenant default --expires-in-days 30)
  $ gatehouse token create --name review --role auditor --permission audit:read audit:export
`;

/** `gatehouse token create`: an API token, for the first login or when all others are lost. */
export function tokenCommand(program: Command, readConfig: () => Config): void {
  program
    .command('token')
    .description('API tokens')
    .command('create')
    .description('make an API token and print it once')
    .requiredOption('--name <text>', 'what it is for')
    .option('--role <role>', `one of ${roles.join(', ')}`, 'viewer')
    .option('--tenant <slug>', 'for this tenant only; by default for all')
    .option('--permission <name...>', 'of what the role may do, only this; by default all of it', [])
    .option('--expires-in-days <number>', 'by default it does not expire')
    .addHelpText('after', examples)
    .action(async (options: Options) => {
      const made = await createToken(options, readConfig);
      if (made.ok) say(made.value);
      else complain(made.error.message, made.error.exitCode);
    });
}

async function createToken(options: Options, readConfig: () => Config): Promise<Result<string, StartFault>> {
  const { role } = options;
  if (!isRole(role)) return usage(`--role must be one of ${roles.join(', ')}.`);
  const days = options.expiresInDays === undefined ? undefined : Number(options.expiresInDays);
  if (days !== undefined && !(days > 0 && days <= 3650)) return usage('--expires-in-days must be a number from 1 to 3650.');
  const permissions = permissionsFor(role, options.tenant !== undefined, options.permission);
  if (!permissions.ok) return usage(permissions.error);
  const opened = await openDatabase(readConfig());
  if (!opened.ok) return opened;
  try {
    const tenant = await tenantOf(opened.value, options.tenant);
    if (!tenant.ok) return usage(tenant.error);
    const token = generateToken();
    const expiresAt = days === undefined ? null : new Date(Date.now() + days * 86_400_000);
    const made = { id: uuidv7(), tenantId: tenant.value, name: options.name, role, expiresAt, permissions: permissions.value };
    await opened.value.access.addToken(systemContext('cli'), made, hashToken(token));
    return ok(token);
  } finally {
    await opened.value.close();
  }
}

/** null: all of the role's. A permission that the role has not would look like one that was given. */
function permissionsFor(role: Role, isBound: boolean, wanted: readonly string[]): Result<readonly string[] | null, string> {
  if (wanted.length === 0) return ok(null);
  const unknown = wanted.find((name) => !permissionNames.some((known) => known === name));
  if (unknown !== undefined) return fail(`--permission must be one of ${permissionNames.join(', ')}.`);
  const held: readonly string[] = permissionsOf({ roles: [role], tenantId: isBound ? '' : null, permissions: null });
  const missing = wanted.find((name) => !held.includes(name));
  return missing === undefined ? ok([...new Set(wanted)]) : fail(`The role ${role}${isBound ? ' of one tenant' : ''} does not have ${missing}.`);
}

function usage(message: string): Result<never, StartFault> {
  return fail({ message, exitCode: exitCodes.usage });
}

function isRole(text: string): text is Role {
  return (roles as readonly string[]).includes(text);
}

async function tenantOf(store: Store, slug: string | undefined): Promise<Result<string | null, string>> {
  if (slug === undefined) return ok(null);
  const { items } = await store.tenants.list(systemContext('cli'), { limit: 200 });
  const found = items.find((tenant) => tenant.slug === slug);
  return found === undefined ? fail(`There is no tenant "${slug}".`) : ok(found.id);
}
