import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningServer } from '../support/server.js';

export interface Named {
  readonly id: string;
  readonly name: string;
}

/** The first of a list of the API's. */
export async function firstOf(server: RunningServer, path: string): Promise<Named> {
  const { items } = (await (await server.api(`/api/v1${path}`)).json()) as { items: readonly Named[] };
  if (items[0] === undefined) throw new Error(`nothing at ${path}`);
  return items[0];
}

/** One real order with a hostile name, so that no list is empty. */
export function enrol(server: RunningServer): void {
  const { cmp } = server.firstRun;
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-console-device-'));
  const quiet = { cwd: folder, stdio: 'pipe' } as const;
  execFileSync('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', 'k.pem'], quiet);
  const who = ['-ref', cmp.reference, '-secret', `pass:${cmp.secret}`, '-recipient', cmp.recipient];
  const what = ['-newkey', 'k.pem', '-subject', '/CN=<img src=x onerror=alert(1)>', '-implicit_confirm', '-certout', 'c.pem'];
  execFileSync('openssl', ['cmp', '-cmd', 'ir', '-server', cmp.server, '-path', cmp.path, ...who, ...what], quiet);
  rmSync(folder, { recursive: true, force: true });
}

/** Every place of the console: its name and its address. */
export async function places(server: RunningServer): Promise<readonly (readonly [string, string])[]> {
  const [cmp, scep, connector, order, certificate, user] = await Promise.all(
    ['/cmp-profiles', '/scep-profiles', '/connectors', '/orders', '/certificates', '/users'].map((path) => firstOf(server, path)),
  );
  return [
    ['dashboard', '/dashboard'],
    ['cmp-server', '/cmp-server'],
    ['cmp-profile', `/cmp-server/${cmp?.id}`],
    ['cmp-commands', `/cmp-server/${cmp?.id}?tab=commands`],
    ['cmp-test', `/cmp-server/${cmp?.id}?tab=test`],
    ['cmp-orders', `/cmp-server/${cmp?.id}?tab=orders`],
    ['cmp-policy', `/cmp-server/${cmp?.id}?tab=policy`],
    ['scep-server', '/scep-server'],
    ['scep-profile', `/scep-server/${scep?.id}`],
    ['scep-commands', `/scep-server/${scep?.id}?tab=commands`],
    ['connectors', '/connectors'],
    ['connector', `/connectors/${connector?.id}`],
    ['connector-monitoring', `/connectors/${connector?.id}?tab=monitoring`],
    ['connector-logs', `/connectors/${connector?.id}?tab=logs`],
    ['orders', '/orders'],
    ['order', `/orders/${order?.id}`],
    ['approvals', '/approvals'],
    ['refusals', '/refusals'],
    ['certificates', '/certificates'],
    ['certificate', `/certificates/${certificate?.id}`],
    ['accounts', '/accounts'],
    ['audit', '/audit'],
    ['tenants', '/tenants'],
    ['users', '/users'],
    ['user', `/users/${user?.id}`],
    ['tokens', '/users?tab=tokens'],
    ['profile', '/profile'],
    ['notifications', '/notifications'],
    ['mails', '/notifications/mails'],
    ['setup', '/setup'],
    ['decoder', '/decoder'],
  ];
}
