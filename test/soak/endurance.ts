/** Two nodes on PostgreSQL under everything at once, for minutes: whether their memory stays as it was, and every answer is right. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../bench/children.js';
import { createCluster } from '../bench/postgres.js';
import { say } from '../bench/report.js';
import { awakeMs } from '../chaos/awake.js';
import { createDatabase, createFleet, readFirstRun, type State } from '../chaos/campaign.js';
import { check, totalOf } from '../chaos/checker.js';
import type { Fleet, Line } from '../chaos/device/fleet.js';
import type { DeviceKey } from '../chaos/device/keys.js';
import { runDevices } from '../chaos/device/run-devices.js';
import { readFacts } from '../chaos/facts.js';
import { ChaosNode } from '../chaos/node.js';
import { packServer } from '../chaos/packed.js';
import { seeded } from '../chaos/randomness.js';
import { type Figure, figure } from './figure.js';
import { keepAdministrating, keepAsking } from './other-traffic.js';

const devices = 12;
/** Minutes that a run must last for its slope to be judged: a shorter one sees caches fill and compilers work. */
const judgedFrom = 10;
/** What a node may grow in an hour, by the slope: at a hundred enrolments a second a tenth of a kilobyte left behind by each is seen. */
const mostPerHourMb = 40;
const sampleMs = 5_000;
/** How often a node collects all its garbage, out of step with the samples. */
const collectMs = 3_700;
/** Samples of which the least counts: what the collector had just left. */
const samplesInOne = 6;

interface Sample {
  readonly hours: number;
  readonly megabytes: number;
}

/** Least squares over the last two thirds, MB in an hour. */
export function growthOf(samples: readonly Sample[]): number {
  const settled = lowest(samples.slice(Math.floor(samples.length / 3)));
  const mean = (pick: (sample: Sample) => number) => settled.reduce((sum, sample) => sum + pick(sample), 0) / settled.length;
  const [x, y] = [mean(({ hours }) => hours), mean(({ megabytes }) => megabytes)];
  const spread = settled.reduce((sum, { hours }) => sum + (hours - x) ** 2, 0);
  return spread === 0 ? 0 : settled.reduce((sum, { hours, megabytes }) => sum + (hours - x) * (megabytes - y), 0) / spread;
}

/** Of every few samples the least. */
function lowest(samples: readonly Sample[]): readonly Sample[] {
  const kept: Sample[] = [];
  for (let from = 0; from < samples.length; from += samplesInOne) {
    const some = samples.slice(from, from + samplesInOne);
    kept.push(some.reduce((least, sample) => (sample.megabytes < least.megabytes ? sample : least)));
  }
  return kept;
}

/** What the node says itself: its heap in use and what buffers hold outside of it. */
async function heapOf({ adminUrl }: ChaosNode, token: string): Promise<{ readonly heap: number; readonly resident: number }> {
  const text = await (await fetch(`${adminUrl}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text();
  const value = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9.e+]+)$`, 'gm'))].reduce((sum, match) => sum + Number(match[1]), 0);
  const [heap, external, resident] = [value('nodejs_heap_size_used_bytes'), value('nodejs_external_memory_bytes'), value('process_resident_memory_bytes')];
  if (heap === 0 || resident === 0) throw new Error('/metrics tells nothing of the memory of the process.');
  return { heap: (heap + external) / 1e6, resident: resident / 1e6 };
}

async function startNodes(directory: string, databaseUrl: string): Promise<readonly ChaosNode[]> {
  const server = await packServer();
  const environment = { GATEHOUSE_MASTER_KEY: randomBytes(32).toString('base64'), GATEHOUSE_DATABASE_URL: databaseUrl, CHAOS_COLLECT_MS: String(collectMs) };
  const nodes: ChaosNode[] = [];
  for (const name of ['node-0', 'node-1']) {
    const dataDir = join(directory, name);
    mkdirSync(dataDir, { recursive: true });
    const node = await ChaosNode.create({ server, dataDir, environment });
    node.start();
    await node.untilReady();
    nodes.push(node);
  }
  return nodes;
}

/** Enrolments of both protocols, some hung up on or sent twice, discovery, what cannot be read, and administrators at their lists. */
export async function endure(keys: readonly DeviceKey[], minutes: number): Promise<readonly Figure[]> {
  const cluster = await createCluster();
  if (cluster === undefined) {
    say('  PostgreSQL is not installed: left out');
    return [];
  }
  const directory = temporaryDirectory();
  const databaseUrl = await createDatabase(cluster);
  const nodes = await startNodes(directory.path, databaseUrl);
  try {
    const made = readFirstRun(directory.path);
    const state: State = { isStopping: false, deadline: Number.POSITIVE_INFINITY, isAhead: () => false };
    const unavailable = { times: 0 };
    const noted: Line['noted'] = (what, status) => {
      if (what === 'unavailable' && status !== 503) unavailable.times += 1;
    };
    const line: Line = { lost: 0.02, cut: 0.02, twins: 0.1, noted };
    const fleet: Fleet = { ...(await createFleet(nodes, made, { keys, random: seeded(7), cluster, server: '' }, state)), line };
    const isOver = () => state.isStopping;
    const working = [
      ...Array.from({ length: devices }, (_, slot) => runDevices(fleet, slot, 0.6)),
      keepAsking(nodes, fleet, isOver),
      ...nodes.map((node) => keepAdministrating(node, made.admin.token, isOver)),
    ];
    const samples = await watch(nodes, made.admin.token, minutes, fleet);
    state.isStopping = true;
    state.deadline = awakeMs() + 120_000;
    const others = (await Promise.all(working)).filter((wrong) => wrong !== undefined);
    for (const node of nodes) await node.stop();
    const findings = check(fleet.history.transactions, await readFacts({ url: databaseUrl }));
    const faults = totalOf(findings) + unavailable.times + others.reduce((sum, wrong) => sum + wrong, 0) + nodes.flatMap((node) => node.crashes).length;
    const rate = fleet.history.finished / (minutes * 60);
    return [
      figure(`enrolments with two nodes, ${minutes} minutes, generator and administrators beside them`, rate, '1/s', { faults }),
      ...nodes.flatMap((_, index) => growthFigures(index, samples[index] ?? { heap: [], resident: [] }, minutes)),
    ];
  } finally {
    for (const node of nodes) await node.stop();
    cluster.remove();
    directory.remove();
  }
}

interface Watched {
  readonly heap: Sample[];
  readonly resident: Sample[];
}

async function watch(nodes: readonly ChaosNode[], token: string, minutes: number, { history }: Fleet): Promise<readonly Watched[]> {
  const begun = performance.now();
  const watched = nodes.map((): Watched => ({ heap: [], resident: [] }));
  for (let round = 1; performance.now() - begun < minutes * 60_000; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, sampleMs));
    const hours = (performance.now() - begun) / 3_600_000;
    for (const [index, node] of nodes.entries()) {
      const { heap, resident } = await heapOf(node, token);
      watched[index]?.heap.push({ hours, megabytes: heap });
      watched[index]?.resident.push({ hours, megabytes: resident });
    }
    if (round % 6 !== 0) continue;
    const now = watched.map(({ heap, resident }) => `${heap.at(-1)?.megabytes.toFixed(0)} of ${resident.at(-1)?.megabytes.toFixed(0)} MB`);
    say(`  ${(hours * 60).toFixed(1)} minutes: ${history.finished} enrolled, ${now.join(', ')}`);
  }
  return watched;
}

function growthFigures(index: number, { heap, resident }: Watched, minutes: number): readonly Figure[] {
  const limit = minutes >= judgedFrom ? { most: mostPerHourMb } : {};
  const last = resident.slice(-samplesInOne).reduce((most, { megabytes }) => Math.max(most, megabytes), 0);
  return [
    figure(`memory in use of node ${index}, slope over the last two thirds`, growthOf(heap), 'MB/hour', limit),
    figure(`memory resident of node ${index}, last half minute`, last, 'MB', { most: 300 }),
  ];
}
