/** One campaign: nodes under load, killed at random moments, and afterwards the devices' history held against the tables. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { temporaryDirectory } from '../bench/children.js';
import type { Cluster } from '../bench/postgres.js';
import { say } from '../bench/report.js';
import { discover } from '../bench/scep-load.js';
import { awakeMs } from './awake.js';
import { check, type Findings, totalOf } from './checker.js';
import type { Fleet } from './device/fleet.js';
import type { DeviceKey } from './device/keys.js';
import { runDevices } from './device/run-devices.js';
import { aheadShare, failpoints, keepFreezing, keepKilling, keepStoppingDatabase, type Progress } from './disturb.js';
import { readFacts } from './facts.js';
import { History } from './history.js';
import { type HostileCa, type Moods, startHostileCa } from './hostile-ca.js';
import { ChaosNode } from './node.js';
import { keepOperating } from './operator.js';
import type { PlantedBug } from './planted.js';
import type { Randomness } from './randomness.js';
import { remoteTimeoutMs } from './remote-issuer.js';

export interface Plan {
  readonly name: string;
  readonly database: 'pglite' | 'postgres';
  readonly nodes: number;
  readonly devices: number;
  readonly scepShare: number;
  /** It goes on until there were this many kills and this many orders, or `limitSeconds` of its own time are over. */
  readonly kills: number;
  readonly orders: number;
  readonly limitSeconds: number;
  readonly pauseMs: readonly [number, number];
  /** Immediate stops of the database, spread over the campaign. */
  readonly databaseStops: number;
  /** Nodes held by SIGSTOP for longer than a lease. */
  readonly freezes?: number;
  /** Kills at named places around the calls of the CA, of those above. */
  readonly deaths?: number;
  readonly freezeMs?: readonly [number, number];
  readonly planted?: PlantedBug;
  /** The CA is outside and hostile: orders go through the background jobs. */
  readonly hasHostileCa?: boolean;
  /** How it behaves where not as usual. */
  readonly moods?: Moods;
  /** Somebody looks after stuck orders and has them called for anew. */
  readonly hasOperator?: boolean;
  /** How long devices go on trying when nothing new begins any more. */
  readonly patienceSeconds?: number;
}

export interface CampaignResult {
  readonly plan: Plan;
  readonly kills: number;
  readonly databaseStops: number;
  readonly freezes: number;
  /** How often nodes died at each named place. */
  readonly died: Readonly<Record<string, number>>;
  readonly orders: number;
  readonly transactions: number;
  readonly finished: number;
  readonly sends: number;
  /** Calls of the hostile CA, and how many met which of its moods. */
  readonly calls: number;
  readonly met: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly findings: Findings;
  /** Nodes that ended without being killed. */
  readonly crashes: readonly string[];
}

export interface Parts {
  readonly keys: readonly DeviceKey[];
  readonly random: Randomness;
  readonly cluster: Cluster | undefined;
  /** The script that nodes run. */
  readonly server: string;
}

export interface FirstRun {
  readonly admin: { readonly token: string };
  readonly scep: { readonly url: string; readonly challenge: string };
  readonly cmp: { readonly url: string; readonly reference: string; readonly secret: string };
}

export async function createDatabase(cluster: Pick<Cluster, 'url'>): Promise<string> {
  const name = `chaos_${randomBytes(4).toString('hex')}`;
  const client = new pg.Client({ connectionString: cluster.url });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  return cluster.url.replace(/[^/]+$/, name);
}

/** Makes the nodes; the first one alone makes the installation, then all are started. */
export async function startNodes(
  plan: Pick<Plan, 'nodes' | 'planted'> & Partial<Pick<Plan, 'kills'>>,
  server: string,
  directory: string,
  databaseUrl: string | ((index: number) => string) | undefined,
  caUrl: string | undefined,
): Promise<readonly ChaosNode[]> {
  const common = {
    GATEHOUSE_MASTER_KEY: randomBytes(32).toString('base64'),
    ...(plan.planted === undefined ? {} : { CHAOS_PLANTED: plan.planted }),
    ...(caUrl === undefined ? {} : { CHAOS_CA_URL: caUrl }),
  };
  const nodes: ChaosNode[] = [];
  for (let index = 0; index < plan.nodes; index += 1) {
    const dataDir = join(directory, `node-${index}`);
    mkdirSync(dataDir, { recursive: true });
    const url = typeof databaseUrl === 'function' ? databaseUrl(index) : databaseUrl;
    const roles: Readonly<Record<string, string>> = index === 0 ? {} : { GATEHOUSE_ROLES: 'device,worker' };
    const environment = { ...common, ...roles, ...(url === undefined ? {} : { GATEHOUSE_DATABASE_URL: url }) };
    const node = await ChaosNode.create({ server, dataDir, environment, hasSpare: (plan.kills ?? 0) > 0 && databaseUrl !== undefined });
    node.start();
    if (index === 0) await node.untilReady();
    nodes.push(node);
  }
  await Promise.all(nodes.map((node) => node.untilReady()));
  return nodes;
}

export interface State {
  isStopping: boolean;
  deadline: number;
  isAhead(): boolean;
}

export function readFirstRun(directory: string): FirstRun {
  return JSON.parse(readFileSync(join(directory, 'node-0', 'first-run.json'), 'utf8')) as FirstRun;
}

/** Enough is known of a planted bug: a certificate was issued twice. */
function hasDoubled(ca: HostileCa | undefined): boolean {
  const names = (ca?.issued() ?? []).filter(({ isWrong, commonName }) => isWrong !== true && commonName.startsWith('chaos-')).map((item) => item.commonName);
  return new Set(names).size < names.length;
}

/** Devices here send one message byte for byte for as long as nobody answers; in this time it does not grow too old. Less than the clocks are shifted by. */
const messageTimeWindowSeconds = 1_800;

async function widenMessageTime({ adminUrl }: ChaosNode, { admin, cmp }: FirstRun): Promise<void> {
  const headers = { authorization: `Bearer ${admin.token}`, 'content-type': 'application/json' };
  const profiles = `${adminUrl}/api/v1/cmp-profiles`;
  const { items } = (await (await fetch(profiles, { headers })).json()) as {
    readonly items: readonly { readonly id: string; readonly endpointPath: string }[];
  };
  const profile = items.find(({ endpointPath }) => new URL(cmp.url).pathname.endsWith(`/${endpointPath}`));
  const url = `${profiles}/${profile?.id}`;
  const etag = (await fetch(url, { headers })).headers.get('etag') ?? '';
  const body = JSON.stringify({ policy: { cmp: { messageTimeWindowSeconds } } });
  const changed = await fetch(url, { method: 'PATCH', headers: { ...headers, 'if-match': etag }, body });
  if (!changed.ok) throw new Error(`The CMP profile could not be changed: ${await changed.text()}`);
}

export async function createFleet(nodes: readonly ChaosNode[], made: FirstRun, parts: Parts, state: State): Promise<Fleet> {
  const scepPath = new URL(made.scep.url).pathname;
  const node = nodes[0] as ChaosNode;
  const server = await discover(`${node.url}${scepPath}`, made.scep.challenge);
  await widenMessageTime(node, made);
  return {
    history: new History(),
    random: parts.random,
    nodes: nodes.map((item) => item.url),
    scep: { ...server, path: `${scepPath}?operation=PKIOperation` },
    cmp: { path: new URL(made.cmp.url).pathname, reference: made.cmp.reference, secret: Buffer.from(made.cmp.secret) },
    keys: parts.keys,
    prefix: 'chaos',
    isStopping: () => state.isStopping,
    isAhead: () => state.isAhead(),
    deadline: () => state.deadline,
  };
}

/** On a machine that is crowded all the time; elsewhere all is done long before. */
const usualPatience = 600;
const tickMs = 5_000;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Where nothing is to be disturbed, the orders decide when it is over. */
async function until(isOver: () => boolean): Promise<void> {
  while (!isOver()) await pause(100);
}

/** Revocations are carried out by a background job; it has this long. */
async function untilRevoked(ca: HostileCa, seconds: number): Promise<void> {
  const end = awakeMs() + seconds * 1000;
  while (awakeMs() < end && ca.issued().some(({ isWrong, isRevoked }) => isWrong === true && isRevoked !== true)) await pause(250);
}

export async function runCampaign(plan: Plan, parts: Parts): Promise<CampaignResult> {
  const directory = temporaryDirectory();
  const cluster = plan.database === 'postgres' ? parts.cluster : undefined;
  const databaseUrl = cluster === undefined ? undefined : await createDatabase(cluster);
  const begin = awakeMs();
  const ca = plan.hasHostileCa ? await startHostileCa(parts.random, remoteTimeoutMs, plan.moods) : undefined;
  const nodes = await startNodes(plan, parts.server, directory.path, databaseUrl, ca?.url);
  try {
    const state: State = { isStopping: false, deadline: Number.POSITIVE_INFINITY, isAhead: () => false };
    const made = readFirstRun(directory.path);
    const fleet = await createFleet(nodes, made, parts, state);
    const kills = () => nodes.reduce((sum, node) => sum + node.kills, 0);
    const progress: Progress = { killed: () => kills() / plan.kills, enrolled: () => fleet.history.finished / plan.orders };
    state.isAhead = () => progress.killed() < 1 && progress.enrolled() > progress.killed() + aheadShare;
    const loadBegin = awakeMs();
    const tally = { databaseStops: 0 };
    const freezes = () => nodes.reduce((sum, node) => sum + node.freezes, 0);
    const isDone = () => {
      const isDisturbed = kills() >= plan.kills && tally.databaseStops >= plan.databaseStops && freezes() >= (plan.freezes ?? 0);
      return isDisturbed && fleet.history.finished >= plan.orders;
    };
    const isOver = () => state.isStopping || (awakeMs() - loadBegin) / 1000 > plan.limitSeconds || isDone();
    const ticker = setInterval(() => {
      if (plan.planted === undefined)
        say(`  ${plan.name}: ${kills()} kills, ${tally.databaseStops} stops, ${freezes()} freezes, ${fleet.history.finished} enrolled`);
      else if (hasDoubled(ca)) state.isStopping = true;
    }, tickMs);
    const devices = Promise.all(Array.from({ length: plan.devices }, (_, slot) => runDevices(fleet, slot, plan.scepShare)));
    const operator = { isOver: false };
    const operating = plan.hasOperator && ca ? keepOperating((nodes[0] as ChaosNode).adminUrl, made.admin.token, ca, () => operator.isOver) : undefined;
    await Promise.all([
      keepStoppingDatabase(plan, cluster, parts.random, isOver, tally, progress),
      keepKilling(plan, nodes, parts.random, isOver, progress),
      keepFreezing(plan, nodes, parts.random, isOver, progress),
      until(isOver),
    ]);
    state.isStopping = true;
    state.deadline = awakeMs() + (plan.patienceSeconds ?? usualPatience) * 1000;
    await devices;
    operator.isOver = true;
    await operating;
    clearInterval(ticker);
    if (ca !== undefined && plan.hasOperator) await untilRevoked(ca, plan.patienceSeconds ?? usualPatience);
    for (const node of nodes) await node.stop();
    const tables = await readFacts(databaseUrl === undefined ? { directory: join(directory.path, 'node-0', 'db') } : { url: databaseUrl });
    const facts = ca === undefined ? tables : { ...tables, issuedByCa: ca.issued().filter((item) => item.commonName.startsWith('chaos-')) };
    const { history } = fleet;
    return {
      plan,
      kills: kills(),
      databaseStops: tally.databaseStops,
      freezes: freezes(),
      died: Object.fromEntries(failpoints.map((name) => [name, nodes.flatMap((node) => node.died).filter((at) => at === name).length])),
      orders: facts.orders.length,
      transactions: history.transactions.length,
      finished: history.finished,
      sends: history.transactions.reduce((sum, item) => sum + item.sends, 0),
      calls: ca?.calls ?? 0,
      met: ca?.met ?? {},
      seconds: (awakeMs() - begin) / 1000,
      findings: check(history.transactions, facts),
      crashes: nodes.flatMap((node) => node.crashes),
    };
  } finally {
    for (const node of nodes) await node.stop();
    await ca?.close();
    directory.remove();
  }
}

export function sumOf(died: CampaignResult['died']): number {
  return Object.values(died).reduce((sum, count) => sum + count, 0);
}

/** What the campaign set out to do and did not reach before its time was over: then it has proved less than it says, and fails. */
export function shortfalls({ plan, kills, finished, databaseStops, freezes, died }: CampaignResult): readonly string[] {
  const wanted: readonly (readonly [string, number, number])[] = [
    ['kills', kills, plan.kills],
    ['enrolments', finished, plan.orders],
    ['database stops', databaseStops, plan.databaseStops],
    ['freezes', freezes, plan.freezes ?? 0],
    ['deaths at named places', sumOf(died), plan.deaths ?? 0],
  ];
  return wanted.flatMap(([what, had, least]) => (had < least ? [`${plan.name}: ${had} of ${least} ${what} within ${plan.limitSeconds} s`] : []));
}

export function isClean(result: CampaignResult): boolean {
  return totalOf(result.findings) === 0 && result.crashes.length === 0 && result.finished === result.transactions && result.orders === result.transactions;
}
