import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../support/run.js';
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

/** A CMP profile whose orders wait for a person, and one order of each name. */
export async function askForApproval(server: RunningServer, name: string, subjects: readonly string[]): Promise<Named> {
  const { id: connectorId } = await firstOf(server, '/connectors?type=crypto-engine');
  const body = { name, connectorId, policy: { version: 1, approval: { mode: 'manual' } } };
  const made = await server.api('/api/v1/cmp-profiles', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const profile = (await made.json()) as Named & {
    readonly endpointPath: string;
    readonly credentials: { readonly reference: string; readonly secret: string };
  };
  await Promise.all(subjects.map((subject) => ask(server, profile, subject)));
  return profile;
}

interface Asked {
  readonly id: string;
  readonly endpointPath: string;
  readonly credentials: { readonly reference: string; readonly secret: string };
}

/** Asks, and goes away once the order stands there. */
async function ask(server: RunningServer, { id, endpointPath, credentials }: Asked, subject: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-console-device-'));
  const key = await run('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', 'k.pem'], { cwd: folder });
  if (key.code !== 0) throw new Error(key.output);
  const where = ['-server', server.firstRun.cmp.server, '-path', `cmp/${endpointPath}`, '-recipient', server.firstRun.cmp.recipient];
  const who = ['-ref', credentials.reference, '-secret', `pass:${credentials.secret}`, '-newkey', 'k.pem', '-subject', subject];
  const device = spawn('openssl', ['cmp', '-cmd', 'ir', ...where, ...who, '-certout', 'c.pem'], { cwd: folder, stdio: 'ignore' });
  const hasEnded = new Promise((resolve) => device.once('close', resolve));
  const orders = `/api/v1/orders?profileId=${id}&q=${encodeURIComponent(subject.slice(1))}&state=AWAITING_APPROVAL`;
  const waiting = async (): Promise<number> => {
    const answer = await server.api(orders);
    if (!answer.ok) throw new Error(`${orders}: ${answer.status}`);
    return ((await answer.json()) as { total: number }).total;
  };
  try {
    while ((await waiting()) === 0) {
      if (device.exitCode !== null || device.signalCode !== null) throw new Error(`openssl ended before the order of ${subject} waited`);
      await sleep(50);
    }
  } finally {
    device.kill();
    await hasEnded;
    rmSync(folder, { recursive: true, force: true });
  }
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
    ['unknown-certificates', '/unknown-certificates'],
    ['accounts', '/accounts'],
    ['audit', '/audit'],
    ['tenants', '/tenants'],
    ['users', '/users'],
    ['user', `/users/${user?.id}`],
    ['tokens', '/users?tab=tokens'],
    ['profile', '/profile'],
    ['notifications', '/notifications'],
    ['mails', '/notifications/mails'],
    ['settings', '/settings'],
    ['access-review', '/settings?tab=access'],
    ['audit-copies', '/settings?tab=sinks'],
    ['setup', '/setup'],
    ['decoder', '/decoder'],
  ];
}
