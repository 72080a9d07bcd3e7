/** SCEP over HTTP whose CA is elsewhere and takes its time: two processes on PostgreSQL, the CA a process of its own. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeviceKey } from '../chaos/device/keys.js';
import { type Child, startChild, temporaryDirectory } from './children.js';
import { tree } from './compiled.js';
import type { FarEngineFacts } from './far-engine.js';
import { type GatehouseServer, startGatehouse } from './gatehouse.js';
import { databaseMs, describe, type Extent, enrolMany, freshDatabase, openDatabase, processes, rounded, type Server, warm } from './http-path.js';
import { busyMs, cpuOf, memoryOf } from './machine.js';
import type { Row } from './report.js';
import { say } from './report.js';
import { median } from './sampling.js';

export interface FarEngine {
  readonly child: Child;
  readonly url: string;
  facts(): Promise<FarEngineFacts>;
}

export async function startFarEngine(latencyMs: number): Promise<FarEngine> {
  const child = startChild(process.execPath, [join(tree, 'test/bench/far-engine.js'), String(latencyMs)], {}, tree);
  while (!child.output().includes('\n')) {
    if (child.hasExited()) throw new Error(`The far engine ended:\n${child.output()}`);
    await sleep(10);
  }
  const url = `http://127.0.0.1:${child.output().trim()}`;
  return { child, url, facts: async () => (await (await fetch(`${url}/facts`)).json()) as FarEngineFacts };
}

interface FirstRun {
  readonly admin: { readonly url: string; readonly token: string };
}

const challenge = 'far-challenge';

/** A connector to the far engine and a SCEP profile that uses it; the profile has its RA certificate when this resolves. */
export async function addFarProfile(server: GatehouseServer, dataDir: string, far: FarEngine, concurrency: number): Promise<Server> {
  const { admin } = JSON.parse(readFileSync(join(dataDir, 'first-run.json'), 'utf8')) as FirstRun;
  const post = async (path: string, body: object): Promise<{ readonly id: string }> => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${admin.token}` };
    const answer = await fetch(`${admin.url}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return (await answer.json()) as { readonly id: string };
  };
  const config = { url: far.url, clientId: 'bench', clientSecret: 'bench-secret-0123456789', concurrency };
  const { id } = await post('/connectors', { type: 'crypto-engine', name: 'Far engine', config });
  await post('/scep-profiles', { name: 'Far', connectorId: id, endpointPath: 'far', challengePassword: challenge });
  const url = `${new URL(server.scepUrl).origin}/scep/far`;
  await untilServed(`${url}?operation=GetCACert`);
  return { url, challenge, opensSamples: true };
}

/** Every process hears of a new profile and its RA certificate by itself: what many connections in a row find, all of them know. */
async function untilServed(url: string): Promise<void> {
  for (let inARow = 0; inARow < 20; ) {
    const { status } = await fetch(url, { headers: { connection: 'close' } });
    inARow = status === 200 ? inARow + 1 : 0;
    if (status !== 200) await sleep(100);
  }
}

export interface FarPlace {
  readonly server: GatehouseServer;
  readonly far: FarEngine;
  readonly target: Server;
  readonly databaseUrl: string;
  /** Processor time of the database so far, in milliseconds. */
  databaseMs(): number;
}

/** Server, database and CA, ended and removed afterwards; undefined where there is no PostgreSQL. */
export async function withFarPlace<T>(latencyMs: number, concurrency: number, use: (place: FarPlace) => Promise<T>): Promise<T | undefined> {
  const database = await openDatabase();
  if (database === undefined) return undefined;
  const directory = temporaryDirectory();
  const far = await startFarEngine(latencyMs);
  try {
    const databaseUrl = await freshDatabase(database.url);
    const server = await startGatehouse({ dataDir: directory.path, databaseUrl, processes, engineKey: 'P-256' });
    try {
      const target = await addFarProfile(server, directory.path, far, concurrency);
      return await use({ server, far, target, databaseUrl, databaseMs: () => databaseMs(database) });
    } finally {
      await server.child.end('SIGTERM');
    }
  } finally {
    await far.child.end('SIGTERM');
    directory.remove();
    database.remove();
  }
}

const latencyMs = 50;
/** Calls under way in one process: what 500 enrolments a second need at this latency, with room. */
const concurrency = 64;
const wanted = 500;

/** Enrolments through a CA that takes 50 ms for each. The target is a figure, not a ratio: what such a fleet needs. */
export async function farRows(keys: readonly DeviceKey[], extent: Extent): Promise<readonly Row[]> {
  const rows = await withFarPlace(latencyMs, concurrency, (place) => measureFar(place, keys, extent));
  if (rows === undefined) say('SCEP through a CA elsewhere: PostgreSQL is not installed and TEST_DATABASE_URL is not set; left out.');
  return rows ?? [];
}

async function measureFar(place: FarPlace, keys: readonly DeviceKey[], extent: Extent): Promise<readonly Row[]> {
  const { server, far, target, databaseUrl } = place;
  await warm(target, keys, databaseUrl, extent.requests);
  const rows: Row[] = [];
  for (const connections of extent.connections.length === 1 ? [64] : [64, 128]) {
    const windows = [];
    for (let window = 0; window < extent.windows; window += 1) {
      const before = { busy: busyMs(), server: cpuOf(server.child.pid), database: place.databaseMs(), far: cpuOf(far.child.pid) };
      const result = await enrolMany(target, keys, extent.requests, connections);
      const used = {
        server: cpuOf(server.child.pid) - before.server,
        database: place.databaseMs() - before.database,
        far: cpuOf(far.child.pid) - before.far,
      };
      const allMs = used.server + used.database + used.far + result.generatorCpuMs;
      const perRequest = (ms: number) => rounded((ms * 1000) / result.requests, 0);
      const description = describe(result, {
        serverCpuUs: perRequest(used.server),
        databaseCpuUs: perRequest(used.database),
        caCpuUs: perRequest(used.far),
        perSecondByProcessorTime: rounded((result.requests * processes * 1000) / allMs, 0),
        neighboursShare: rounded(Math.max(0, 1 - allMs / (busyMs() - before.busy)), 2),
        memoryMb: rounded(Math.max(...memoryOf(server.child.pid)), 0),
      });
      windows.push({ perSecond: result.perSecond, faults: result.faults, description });
      say(`  CA of ${latencyMs} ms, ${connections} connections: ${JSON.stringify(description)}`);
    }
    rows.push(rowOf(`SCEP over HTTP, CA elsewhere of ${latencyMs} ms, ${processes} processes, ${connections} connections`, windows));
  }
  const { orders, certificates } = await far.facts();
  const surplus = certificates - orders;
  say(`  the CA made ${certificates} certificates for ${orders} orders`);
  return surplus === 0 ? rows : rows.map((row) => ({ ...row, faults: row.faults + surplus }));
}

interface FarWindow {
  readonly perSecond: number;
  readonly faults: number;
  readonly description: Readonly<Record<string, number | string>>;
}

function rowOf(path: string, windows: readonly FarWindow[]): Row {
  return {
    path,
    floor: null,
    ours: median(windows.map((item) => item.perSecond)),
    unit: 'cert/s',
    ratio: null,
    target: wanted,
    goal: null,
    direction: 'least',
    faults: windows.reduce((sum, item) => sum + item.faults, 0),
    windows: windows.map((item) => item.description),
  };
}
