/** Five times the load that two processes carry, from devices that do not wait for each other: what is still granted, and what it costs in memory. */
import type { DeviceKey } from '../chaos/device/keys.js';
import { withFarPlace } from './far-path.js';
import { type Extent, enrolMany, rounded, type Server, targetOf, warm } from './http-path.js';
import { type Answer, type Client, httpRequests, openClient } from './load.js';
import { busyMs, cpuOf, memoryOf } from './machine.js';
import { type Row, say } from './report.js';
import { median, percentile } from './sampling.js';
import { discover, prepareScep, ScepAnswers } from './scep-load.js';

const factor = 5;
/** Devices that a process of the generator can have under way; far above what the server takes on. */
const maxConnections = 1_000;
const tickMs = 2;
/** Until queues have filled, and what is granted comes as steadily as it is asked for. */
const settlingSeconds = 3;

interface Offered {
  /** Of the window that is counted. */
  readonly seconds: number;
  /** Processor time of the server within it. */
  readonly serverMs: number;
  readonly granted: number;
  readonly refused: number;
  /** Arrivals for which there was no connection left, so that they were not offered. */
  readonly held: number;
  readonly faults: number;
  readonly problems: string;
  readonly grantedP99Ms: number;
  readonly refusedP99Ms: number;
}

/** Offers new enrolments at a steady rate for some seconds; who is answered 503 comes again later, as another arrival. */
async function offer(server: Server, pid: number, keys: readonly DeviceKey[], perSecond: number, seconds: number, prepared: number): Promise<Offered> {
  const known = await discover(server.url, server.challenge);
  const { transactions, messages } = prepareScep(prepared, keys, known);
  const target = targetOf(server.url);
  const requests = httpRequests(target, messages);
  const queue = requests.map((_, index) => index);
  const idle: Client[] = [];
  const received = new Map<number, Answer>();
  const [granted, refused]: [number[], number[]] = [[], []];
  const state = { connections: 0, held: 0, underWay: 0, next: 0 };
  const ask = async (index: number): Promise<void> => {
    state.underWay += 1;
    const client = idle.pop() ?? (await openClient(target));
    const sent = performance.now();
    const answer = await client.exchange(requests[index] as Buffer);
    const took = performance.now() - sent;
    state.underWay -= 1;
    if (answer === undefined) {
      state.connections -= 1;
      queue.push(index);
      return;
    }
    idle.push(client);
    if (answer.status === 503) {
      refused.push(took);
      queue.push(index);
      return;
    }
    granted.push(took);
    received.set(index, answer);
  };
  const begin = performance.now();
  let offered = 0;
  let counted: { readonly at: number; readonly granted: number; readonly serverMs: number } | undefined;
  while (performance.now() - begin < (settlingSeconds + seconds) * 1000) {
    if (counted === undefined && performance.now() - begin > settlingSeconds * 1000)
      counted = { at: performance.now(), granted: granted.length, serverMs: cpuOf(pid) };
    const due = Math.floor(((performance.now() - begin) / 1000) * perSecond) - offered;
    offered += due;
    for (let arrival = 0; arrival < due; arrival += 1) {
      const isFull = idle.length === 0 && state.connections >= maxConnections;
      if (isFull || state.next >= queue.length) {
        state.held += 1;
        continue;
      }
      if (idle.length === 0) state.connections += 1;
      void ask(queue[state.next++] as number);
    }
    await new Promise((resolve) => setTimeout(resolve, tickMs));
  }
  const since = counted ?? { at: begin, granted: 0, serverMs: 0 };
  const inWindow = { seconds: (performance.now() - since.at) / 1000, granted: granted.length - since.granted, serverMs: cpuOf(pid) - since.serverMs };
  while (state.underWay > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  for (const client of idle) client.close();
  const answers = new ScepAnswers(known, server.opensSamples);
  for (const [index, answer] of received) answers.check(transactions[index] as (typeof transactions)[number], index, answer);
  return {
    ...inWindow,
    refused: refused.length,
    held: state.held,
    faults: answers.faults,
    problems: [...answers.problems].map(([problem, times]) => `${times} x ${problem}`).join(', '),
    grantedP99Ms: percentile(granted, 0.99),
    refusedP99Ms: percentile(refused, 0.99),
  };
}

const latencyMs = 50;
const concurrency = 64;
const leastShare = 0.8;
const mostMemoryMb = 300;

/** Goodput at five times the peak, as a share of it; for the engine in the database, and for a CA elsewhere of 50 ms. */
export async function overloadRows(keys: readonly DeviceKey[], extent: Extent): Promise<readonly Row[]> {
  const rows = await withFarPlace(latencyMs, concurrency, async ({ server, target, databaseUrl }) => {
    const local: Server = { url: server.scepUrl, challenge: server.challenge, opensSamples: true };
    const pid = server.child.pid;
    return [
      ...(await measureOverload('the engine inside', local, pid, databaseUrl, keys, extent)),
      ...(await measureOverload(`a CA elsewhere of ${latencyMs} ms`, target, pid, databaseUrl, keys, extent)),
    ];
  });
  if (rows === undefined) say('Overload: PostgreSQL is not installed and TEST_DATABASE_URL is not set; left out.');
  return rows ?? [];
}

async function measureOverload(
  name: string,
  server: Server,
  pid: number,
  databaseUrl: string,
  keys: readonly DeviceKey[],
  extent: Extent,
): Promise<readonly Row[]> {
  await warm(server, keys, databaseUrl, extent.requests);
  const windows = [];
  let memory = 0;
  for (let window = 0; window < extent.windows; window += 1) {
    const beforePeak = cpuOf(pid);
    const peak = await enrolMany(server, keys, extent.requests, 64);
    const peakUs = ((cpuOf(pid) - beforePeak) * 1000) / peak.requests;
    const seconds = Math.max(6, extent.seconds * 5);
    const before = { server: cpuOf(pid), busy: busyMs() };
    const sampling = setInterval(() => {
      memory = Math.max(memory, ...memoryOf(pid));
    }, 500);
    const offered = await offer(
      server,
      pid,
      keys,
      peak.perSecond * factor,
      seconds,
      Math.ceil(peak.perSecond * (seconds + settlingSeconds) * 1.5) + maxConnections,
    );
    clearInterval(sampling);
    memory = Math.max(memory, ...memoryOf(pid));
    const goodput = offered.granted / offered.seconds;
    const overloadUs = (offered.serverMs * 1000) / offered.granted;
    const description = {
      peak: rounded(peak.perSecond),
      offered: rounded(peak.perSecond * factor),
      goodput: rounded(goodput),
      share: rounded(goodput / peak.perSecond, 3),
      refused: offered.refused,
      held: offered.held,
      failed: offered.faults,
      ...(offered.problems === '' ? {} : { problems: offered.problems }),
      grantedP99Ms: rounded(offered.grantedP99Ms),
      refusedP99Ms: rounded(offered.refusedP99Ms),
      serverCpuUsAtPeak: rounded(peakUs, 0),
      serverCpuUsOfOneGranted: rounded(overloadUs, 0),
      // What would be left on a machine that nobody else uses, refusals counted.
      shareByProcessorTime: rounded(peakUs / overloadUs, 3),
      neighboursAndGenerator: rounded(1 - (cpuOf(pid) - before.server) / (busyMs() - before.busy), 2),
      memoryMb: rounded(memory, 0),
    };
    windows.push({ goodput, peak: peak.perSecond, faults: offered.faults + peak.faults, description });
    say(`  overload, ${name}: ${JSON.stringify(description)}`);
  }
  const common = { unit: 'cert/s', goal: null, windows: windows.map((item) => item.description) } as const;
  const faults = windows.reduce((sum, item) => sum + item.faults, 0);
  return [
    {
      ...common,
      path: `goodput at ${factor} times the peak, ${name}`,
      floor: median(windows.map((item) => item.peak)),
      ours: median(windows.map((item) => item.goodput)),
      ratio: median(windows.map((item) => item.goodput / item.peak)),
      target: leastShare,
      direction: 'least',
      faults,
    },
    {
      ...common,
      path: `memory of the largest process at ${factor} times the peak, ${name}`,
      floor: null,
      ours: memory,
      unit: 'MB',
      ratio: null,
      target: mostMemoryMb,
      direction: 'most',
      faults: 0,
    },
  ];
}
