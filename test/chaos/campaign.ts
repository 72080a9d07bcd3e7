/** One campaign: nodes under load, killed at random moments, and afterwards the devices' history held against the tables. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { temporaryDirectory } from '../bench/children.js';
import type { Cluster } from '../bench/postgres.js';
import { say } from '../bench/report.js';
import { discover } from '../bench/scep-load.js';
import { check, type Findings, totalOf } from './checker.js';
import type { Fleet } from './device/fleet.js';
import type { DeviceKey } from './device/keys.js';
import { runDevices } from './device/run-devices.js';
import { readFacts } from './facts.js';
import { History } from './history.js';
import { startHostileCa } from './hostile-ca.js';
import { ChaosNode } from './node.js';
import type { PlantedBug } from './planted.js';
import type { Randomness } from './randomness.js';
import { remoteTimeoutMs } from './remote-issuer.js';

export interface Plan {
  readonly name: string;
  readonly database: 'pglite' | 'postgres';
  readonly nodes: number;
  readonly devices: number;
  readonly scepShare: number;
  /** It goes on until there were this many kills and this many orders, or `limitSeconds` are over. */
  readonly kills: number;
  readonly orders: number;
  readonly limitSeconds: number;
  readonly pauseMs: readonly [number, number];
  /** Immediate stops of the database, spread over the campaign. */
  readonly databaseStops: number;
  readonly planted?: PlantedBug;
  /** The CA is another, hostile process: orders go through the background jobs. */
  readonly hasHostileCa?: boolean;
}

export interface CampaignResult {
  readonly plan: Plan;
  readonly kills: number;
  readonly databaseStops: number;
  readonly orders: number;
  readonly transactions: number;
  readonly finished: number;
  readonly sends: number;
  readonly seconds: number;
  readonly findings: Findings;
  /** Nodes that ended without being killed. */
  readonly crashes: readonly string[];
}

export interface Parts {
  readonly keys: readonly DeviceKey[];
  readonly random: Randomness;
  readonly cluster: Cluster | undefined;
}

interface FirstRun {
  readonly scep: { readonly url: string; readonly challenge: string };
  readonly cmp: { readonly url: string; readonly reference: string; readonly secret: string };
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function createDatabase(cluster: Cluster): Promise<string> {
  const name = `chaos_${randomBytes(4).toString('hex')}`;
  const client = new pg.Client({ connectionString: cluster.url });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  return cluster.url.replace(/[^/]+$/, name);
}

/** Makes the nodes; the first one alone makes the installation, then all are started. */
async function startNodes(plan: Plan, directory: string, databaseUrl: string | undefined, caUrl: string | undefined): Promise<readonly ChaosNode[]> {
  const environment = {
    GATEHOUSE_MASTER_KEY: randomBytes(32).toString('base64'),
    ...(databaseUrl === undefined ? {} : { GATEHOUSE_DATABASE_URL: databaseUrl }),
    ...(plan.planted === undefined ? {} : { CHAOS_PLANTED: plan.planted }),
    ...(caUrl === undefined ? {} : { CHAOS_CA_URL: caUrl }),
  };
  const nodes: ChaosNode[] = [];
  for (let index = 0; index < plan.nodes; index += 1) {
    const dataDir = join(directory, `node-${index}`);
    mkdirSync(dataDir, { recursive: true });
    const node = await ChaosNode.create({ dataDir, environment });
    node.start();
    if (index === 0) await node.untilReady();
    nodes.push(node);
  }
  await Promise.all(nodes.map((node) => node.untilReady()));
  return nodes;
}

async function createFleet(nodes: readonly ChaosNode[], directory: string, parts: Parts, state: { isStopping: boolean; deadline: number }): Promise<Fleet> {
  const made = JSON.parse(readFileSync(join(directory, 'node-0', 'first-run.json'), 'utf8')) as FirstRun;
  const scepPath = new URL(made.scep.url).pathname;
  const node = nodes[0] as ChaosNode;
  const server = await discover(`${node.url}${scepPath}`, made.scep.challenge);
  return {
    history: new History(),
    random: parts.random,
    nodes: nodes.map((item) => item.url),
    scep: { ...server, path: `${scepPath}?operation=PKIOperation` },
    cmp: { path: new URL(made.cmp.url).pathname, reference: made.cmp.reference, secret: Buffer.from(made.cmp.secret) },
    keys: parts.keys,
    isStopping: () => state.isStopping,
    deadline: () => state.deadline,
  };
}

/** Kills one node after another and starts it again at once; with several nodes one always stays. */
async function keepKilling(plan: Plan, nodes: readonly ChaosNode[], random: Randomness, isOver: () => boolean): Promise<void> {
  const restarting = new Map<ChaosNode, Promise<void>>();
  while (!isOver()) {
    await pause(random.between(...plan.pauseMs));
    const ready = nodes.filter((node) => !restarting.has(node));
    if (isOver() || (plan.nodes > 1 && ready.length < 2)) continue;
    const victim = random.pick(ready);
    await victim.kill();
    victim.start();
    if (plan.nodes === 1) await restartAlone(victim, random, isOver);
    else
      restarting.set(
        victim,
        victim.untilReady().finally(() => restarting.delete(victim)),
      );
  }
  await Promise.all(restarting.values());
}

/** A node on the embedded database: sometimes it is killed again while it opens it. */
async function restartAlone(node: ChaosNode, random: Randomness, isOver: () => boolean): Promise<void> {
  while (random.chance(0.15) && !isOver()) {
    await pause(random.between(50, 900));
    await node.kill();
    node.start();
  }
  await node.untilReady();
}

/** Stops PostgreSQL as if its machine had died and starts it again, `count` times over the campaign. */
async function keepStoppingDatabase(plan: Plan, cluster: Cluster | undefined, random: Randomness, isOver: () => boolean): Promise<number> {
  let stops = 0;
  while (cluster !== undefined && stops < plan.databaseStops && !isOver()) {
    await pause(random.between(3_000, 9_000));
    if (isOver()) break;
    cluster.stop('immediate');
    await pause(random.between(0, 800));
    cluster.start();
    stops += 1;
  }
  return stops;
}

export async function runCampaign(plan: Plan, parts: Parts): Promise<CampaignResult> {
  const directory = temporaryDirectory();
  const cluster = plan.database === 'postgres' ? parts.cluster : undefined;
  const databaseUrl = cluster === undefined ? undefined : await createDatabase(cluster);
  const begin = performance.now();
  const ca = plan.hasHostileCa ? await startHostileCa(parts.random, remoteTimeoutMs) : undefined;
  const nodes = await startNodes(plan, directory.path, databaseUrl, ca?.url);
  try {
    const state = { isStopping: false, deadline: Number.POSITIVE_INFINITY };
    const fleet = await createFleet(nodes, directory.path, parts, state);
    const kills = () => nodes.reduce((sum, node) => sum + node.kills, 0);
    const loadBegin = performance.now();
    const isOver = () => {
      const seconds = (performance.now() - loadBegin) / 1000;
      return state.isStopping || seconds > plan.limitSeconds || (kills() >= plan.kills && fleet.history.finished >= plan.orders);
    };
    const progress = setInterval(() => say(`  ${plan.name}: ${kills()} kills, ${fleet.history.finished} enrolled`), 5_000);
    const devices = Promise.all(Array.from({ length: plan.devices }, (_, slot) => runDevices(fleet, slot, plan.scepShare)));
    const [, databaseStops] = await Promise.all([keepKilling(plan, nodes, parts.random, isOver), keepStoppingDatabase(plan, cluster, parts.random, isOver)]);
    state.isStopping = true;
    state.deadline = performance.now() + 60_000;
    await devices;
    clearInterval(progress);
    for (const node of nodes) await node.stop();
    const tables = await readFacts(databaseUrl === undefined ? { directory: join(directory.path, 'node-0', 'db') } : { url: databaseUrl });
    const facts = ca === undefined ? tables : { ...tables, issuedByCa: ca.issued().filter((item) => item.commonName.startsWith('chaos-')) };
    const { history } = fleet;
    return {
      plan,
      kills: kills(),
      databaseStops,
      orders: facts.orders.length,
      transactions: history.transactions.length,
      finished: history.finished,
      sends: history.transactions.reduce((sum, item) => sum + item.sends, 0),
      seconds: (performance.now() - begin) / 1000,
      findings: check(history.transactions, facts),
      crashes: nodes.flatMap((node) => node.crashes),
    };
  } finally {
    for (const node of nodes) await node.stop();
    await ca?.close();
    directory.remove();
  }
}

export function isClean(result: CampaignResult): boolean {
  return totalOf(result.findings) === 0 && result.crashes.length === 0 && result.finished === result.transactions && result.orders === result.transactions;
}
