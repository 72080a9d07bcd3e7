import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The real clients of the journeys: where each may live, and the Debian packages that bring it. */
const table = {
  openssl: { packages: ['openssl'], files: onPath('openssl'), needs: [] },
  'pki --scep': {
    packages: ['strongswan-pki', 'libstrongswan-extra-plugins'],
    files: onPath('pki'),
    // The HTTP fetcher comes in a package of its own; without it every URL fails.
    needs: ['/usr/lib/ipsec/plugins/libstrongswan-curl.so'],
  },
  'scep-submit': { packages: ['certmonger'], files: ['/usr/lib/certmonger/scep-submit', '/usr/libexec/certmonger/scep-submit'], needs: [] },
  scepclient: { packages: ['scep'], files: onPath('scepclient'), needs: [] },
} as const satisfies Record<string, { packages: readonly string[]; files: readonly string[]; needs: readonly string[] }>;

export type ClientName = keyof typeof table;
export const clientNames = Object.keys(table) as readonly ClientName[];

function onPath(name: string): string[] {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function find(name: ClientName): string | undefined {
  const { files, needs } = table[name];
  return needs.every(isReadable) ? files.find(isExecutable) : undefined;
}

/** The names of the clients that are not installed here. */
export function missingClients(): readonly ClientName[] {
  return clientNames.filter((name) => find(name) === undefined);
}

/** The one command that installs them on Debian and Ubuntu. */
export function installCommand(names: readonly ClientName[]): string {
  return `apt-get install -y ${[...new Set(names.flatMap((name) => table[name].packages))].join(' ')}`;
}

/** The client's file; throws with the command that installs it. */
export function client(name: ClientName): string {
  const file = find(name);
  if (file === undefined) throw new Error(`${name} is not installed: ${installCommand([name])}`);
  return file;
}

/** Options of a test that needs these clients: it is left out where they are missing, unless GATEHOUSE_REQUIRE_CLIENTS=1 makes that a failure. */
export function needs(...names: readonly ClientName[]): { skip?: string } {
  const missing = names.filter((name) => find(name) === undefined);
  if (missing.length === 0 || process.env.GATEHOUSE_REQUIRE_CLIENTS === '1') return {};
  return { skip: `needs ${missing.join(', ')} (${installCommand(missing)})` };
}
