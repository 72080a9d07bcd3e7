/** SCEP over HTTP: Gatehouse with two processes on PostgreSQL against the floor, and against micromdm's scepserver. */
import { randomBytes } from 'node:crypto';
import { cpus } from 'node:os';
import pg from 'pg';
import type { DeviceKey } from '../chaos/device/keys.js';
import { temporaryDirectory } from './children.js';
import { measurePrimitives, scepFloor } from './floor.js';
import { type GatehouseServer, startGatehouse } from './gatehouse.js';
import { type Answer, drive, httpRequests, type LoadResult, type Target } from './load.js';
import { busyMs, cpuOf, memoryOf } from './machine.js';
import { startMicromdm } from './micromdm.js';
import { type Cluster, createCluster } from './postgres.js';
import { type Row, say } from './report.js';
import { median } from './sampling.js';
import { discover, prepareScep, ScepAnswers } from './scep-load.js';

export const processes = 2;

export interface Extent {
  readonly windows: number;
  readonly seconds: number;
  /** Requests in one window over HTTP. */
  readonly requests: number;
  readonly connections: readonly number[];
}

export interface Database {
  readonly url: string;
  readonly cluster: Cluster | undefined;
  remove(): void;
}

/** TEST_DATABASE_URL's server, or a cluster of our own; undefined without both. */
export async function openDatabase(): Promise<Database | undefined> {
  const given = process.env.TEST_DATABASE_URL;
  const cluster = given === undefined || given === '' ? await createCluster() : undefined;
  const base = cluster?.socketUrl ?? given;
  if (base === undefined || base === '') return undefined;
  return { url: base, cluster, remove: () => cluster?.remove() };
}

/** Processor time of the database so far, in milliseconds; 0 where it is not ours. */
export function databaseMs({ cluster }: Database): number {
  return cluster === undefined ? 0 : cpuOf(cluster.pid());
}

export async function freshDatabase(url: string): Promise<string> {
  const name = `bench_${randomBytes(4).toString('hex')}`;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  const fresh = new URL(url);
  fresh.pathname = `/${name}`;
  return fresh.toString();
}

export interface Server {
  readonly url: string;
  readonly challenge: string;
  readonly opensSamples: boolean;
}

export interface Window extends LoadResult {
  readonly faults: number;
  readonly problems: string;
}

export function targetOf(url: string): Target {
  const { hostname, port, pathname } = new URL(url);
  return { host: hostname, port: Number(port), path: `${pathname}?operation=PKIOperation`, contentType: 'application/x-pki-message' };
}

/** One window of new enrolments; what was prepared beforehand does not count, nor the check of the answers behind it. */
export async function enrolMany(server: Server, keys: readonly DeviceKey[], count: number, connections: number): Promise<Window> {
  const known = await discover(server.url, server.challenge);
  const prepared = prepareScep(count, keys, known);
  const target = targetOf(server.url);
  const answers = new ScepAnswers(known, server.opensSamples);
  const received: Answer[] = [];
  const result = await drive(target, httpRequests(target, prepared.messages), connections, (index, answer) => {
    received[index] = answer;
  });
  for (const [index, transaction] of prepared.transactions.entries()) answers.check(transaction, index, received[index] ?? unanswered);
  const problems = [...answers.problems].map(([problem, times]) => `${times} x ${problem}`).join(', ');
  return { ...result, faults: answers.faults, problems };
}

const unanswered: Answer = { status: 0, body: Buffer.alloc(0) };

export const rounded = (value: number, digits = 1): number => Number(value.toFixed(digits));

export function describe(window: Window, extra: Readonly<Record<string, number>>): Readonly<Record<string, number | string>> {
  return {
    perSecond: rounded(window.perSecond),
    p50Ms: rounded(window.p50Ms),
    p99Ms: rounded(window.p99Ms),
    requests: window.requests,
    failed: window.faults,
    ...(window.problems === '' ? {} : { problems: window.problems }),
    generatorShare: rounded(window.generatorCpuMs / 1000 / window.seconds / processes, 3),
    ...extra,
  };
}

const warmUp = 8_000;

/**
 * Until the compilers of both processes have settled; then the database takes its statistics, as it does by itself a minute later:
 * plans that were made for empty tables are slow on full ones.
 */
export async function warm(server: Server, keys: readonly DeviceKey[], databaseUrl: string, count = warmUp): Promise<void> {
  await enrolMany(server, keys, count, 16);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('analyze');
  await client.end();
}

type Use<T> = (server: GatehouseServer, databaseUrl: string) => Promise<T>;

async function withGatehouse<T>(database: Database, engineKey: 'P-256' | 'RSA-2048', use: Use<T>): Promise<T> {
  const directory = temporaryDirectory();
  const databaseUrl = await freshDatabase(database.url);
  const server = await startGatehouse({ dataDir: directory.path, databaseUrl, processes, engineKey });
  try {
    return await use(server, databaseUrl);
  } finally {
    await server.child.end('SIGTERM');
    directory.remove();
  }
}

/** The floor counts both cores, though generator and database use them too. */
export async function httpRows(keys: readonly DeviceKey[], extent: Extent): Promise<readonly Row[]> {
  const database = await openDatabase();
  if (database === undefined) {
    say('SCEP over HTTP: PostgreSQL is not installed and TEST_DATABASE_URL is not set; left out.');
    return [];
  }
  try {
    return await withGatehouse(database, 'P-256', (server, databaseUrl) => measureHttp(server, database, databaseUrl, keys, extent));
  } finally {
    database.remove();
  }
}

async function measureHttp(
  server: GatehouseServer,
  database: Database,
  databaseUrl: string,
  keys: readonly DeviceKey[],
  extent: Extent,
): Promise<readonly Row[]> {
  const ours = { url: server.scepUrl, challenge: server.challenge, opensSamples: true };
  const idle = Math.max(...memoryOf(server.child.pid));
  await warm(ours, keys, databaseUrl);
  const rows: Row[] = [];
  let memory = 0;
  for (const connections of extent.connections) {
    const windows = [];
    for (let window = 0; window < extent.windows; window += 1) {
      const primitives = await measurePrimitives(extent.seconds);
      const floor = (processes * 1e6) / scepFloor(primitives, 'P-256');
      const before = { busy: busyMs(), server: cpuOf(server.child.pid), database: databaseMs(database) };
      const result = await enrolMany(ours, keys, extent.requests, connections);
      const serverMs = cpuOf(server.child.pid) - before.server;
      memory = Math.max(memory, ...memoryOf(server.child.pid));
      const perRequest = shares(result, serverMs, databaseMs(database) - before.database, busyMs() - before.busy);
      const ratios = {
        floor: rounded(floor),
        ratio: rounded(result.perSecond / floor, 3),
        ratioByProcessorTime: rounded((perRequest.perSecondByProcessorTime ?? 0) / floor, 3),
      };
      windows.push({ floor, result, description: describe(result, { ...ratios, ...perRequest }) });
      say(`  HTTP, PostgreSQL, ${connections} connections: ${JSON.stringify(windows.at(-1)?.description)}`);
    }
    rows.push({
      path: `SCEP over HTTP, PostgreSQL, ${processes} processes, ${connections} connections`,
      floor: median(windows.map((item) => item.floor)),
      ours: median(windows.map((item) => item.result.perSecond)),
      unit: 'req/s',
      ratio: median(windows.map((item) => item.result.perSecond / item.floor)),
      quietRatio: Math.max(...windows.map((item) => item.result.perSecond)) / Math.max(...windows.map((item) => item.floor)),
      target: 0.45,
      goal: 0.6,
      direction: 'least',
      faults: windows.reduce((sum, item) => sum + item.result.faults, 0),
      windows: windows.map((item) => item.description),
    });
  }
  const memoryRow = (path: string, ours: number): Row => ({
    path,
    floor: null,
    ours,
    unit: 'MB',
    ratio: null,
    target: 300,
    goal: 150,
    direction: 'most',
    faults: 0,
    windows: [],
  });
  return [...rows, memoryRow('memory of the largest process, idle', idle), memoryRow('memory of the largest process, under load', memory)];
}

/**
 * Who used the processors. `perSecondByProcessorTime` is what two cores would do that had nothing else to do: server, database and generator
 * counted, neighbours not: an upper bound, since nothing ever waits there. `idleShare`: of the processor time there was, what nobody used.
 */
export function shares(result: LoadResult, serverMs: number, storeMs: number, busy: number): Readonly<Record<string, number>> {
  const oursMs = serverMs + storeMs + result.generatorCpuMs;
  return {
    serverCpuUs: rounded((serverMs * 1000) / result.requests, 0),
    databaseCpuUs: rounded((storeMs * 1000) / result.requests, 0),
    perSecondByProcessorTime: rounded((result.requests * processes * 1000) / oursMs, 0),
    neighboursShare: rounded(Math.max(0, 1 - oursMs / busy), 2),
    idleShare: rounded(Math.max(0, 1 - busy / (result.seconds * 1000 * cpus().length)), 2),
  };
}

/** Of a peer window, for both: micromdm gets a fresh depot each time, and searches its whole index for each request. */
const peerRequests = 2_000;

/**
 * Both with an RSA-2048 CA, the same keys, the same kind and number of requests. micromdm refuses some requests when they come together: what
 * counts is certificates per second.
 */
export async function peerRows(keys: readonly DeviceKey[], extent: Extent): Promise<readonly Row[]> {
  const database = await openDatabase();
  if (database === undefined) return [];
  try {
    return await withGatehouse(database, 'RSA-2048', async (server, databaseUrl) => {
      const ours = { url: server.scepUrl, challenge: server.challenge, opensSamples: true };
      await warm(ours, keys, databaseUrl);
      const rows: Row[] = [];
      for (const connections of [1, 8, 16]) {
        const row = await measureAgainstPeer(ours, () => cpuOf(server.child.pid) + databaseMs(database), keys, extent, connections);
        if (row !== undefined) rows.push(row);
      }
      return rows;
    });
  } finally {
    database.remove();
  }
}

const grantedPerSecond = ({ perSecond, faults, requests }: Window): number => perSecond * (1 - faults / requests);

async function measureAgainstPeer(
  ours: Server,
  ourCpuMs: () => number,
  keys: readonly DeviceKey[],
  extent: Extent,
  connections: number,
): Promise<Row | undefined> {
  const windows = [];
  for (let window = 0; window < extent.windows; window += 1) {
    const peer = await startMicromdm();
    if (peer === undefined) return undefined;
    await enrolMany({ url: peer.url, challenge: peer.challenge, opensSamples: false }, keys, 50, 1);
    const before = cpuOf(peer.pid);
    const theirs = await enrolMany({ url: peer.url, challenge: peer.challenge, opensSamples: false }, keys, peerRequests, connections);
    const theirUs = ((cpuOf(peer.pid) - before) * 1000) / theirs.requests;
    await peer.end();
    const oursBefore = ourCpuMs();
    const mine = await enrolMany(ours, keys, peerRequests, connections);
    const ourUs = ((ourCpuMs() - oursBefore) * 1000) / mine.requests;
    windows.push({ theirs, mine, ratio: grantedPerSecond(mine) / grantedPerSecond(theirs) });
    const line = {
      ours: describe(mine, { cpuUs: rounded(ourUs, 0) }),
      micromdm: describe(theirs, { cpuUs: rounded(theirUs, 0), grantedPerSecond: rounded(grantedPerSecond(theirs)) }),
      ratioOfAnswers: rounded(mine.perSecond / theirs.perSecond, 2),
      ratioByProcessorTime: rounded(theirUs / ourUs, 2),
    };
    say(`  peer, ${connections} connections: ratio ${rounded(grantedPerSecond(mine) / grantedPerSecond(theirs), 2)} ${JSON.stringify(line)}`);
  }
  return {
    path: `SCEP over HTTP, RSA-2048 CA, against micromdm, ${connections} connections`,
    floor: median(windows.map((item) => grantedPerSecond(item.theirs))),
    ours: median(windows.map((item) => grantedPerSecond(item.mine))),
    unit: 'cert/s',
    ratio: median(windows.map((item) => item.ratio)),
    target: connections === 1 ? null : 3,
    goal: connections === 1 ? null : 4,
    direction: 'least',
    faults: windows.reduce((sum, item) => sum + item.mine.faults, 0),
    windows: windows.map((item) => ({
      ratio: rounded(item.ratio, 3),
      ours: rounded(grantedPerSecond(item.mine)),
      micromdm: rounded(grantedPerSecond(item.theirs)),
      answersOfMicromdm: rounded(item.theirs.perSecond),
      refusedByMicromdm: item.theirs.faults,
    })),
  };
}
