/** An upgrade as the guide says it, while devices enrol: migrate with the new version, replace the nodes one after the other, and hold everything against the devices' own notes. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { temporaryDirectory } from '../bench/children.js';
import type { Cluster } from '../bench/postgres.js';
import { awakeMs } from '../chaos/awake.js';
import { createDatabase, createFleet, readFirstRun, type State } from '../chaos/campaign.js';
import { check, type Findings } from '../chaos/checker.js';
import type { Fleet } from '../chaos/device/fleet.js';
import type { DeviceKey } from '../chaos/device/keys.js';
import { runDevices } from '../chaos/device/run-devices.js';
import { readFacts } from '../chaos/facts.js';
import { ChaosNode } from '../chaos/node.js';
import { lineOf, type Phase, type PhasePlan, Tally } from '../chaos/phases.js';
import type { Randomness } from '../chaos/randomness.js';

export interface UpgradePlan extends PhasePlan {
  readonly devices: number;
  /** A step that takes away what the version before needs, which no step may do: the campaign must find it. */
  readonly planted?: string;
}

export interface UpgradeParts {
  readonly cluster: Cluster;
  readonly keys: readonly DeviceKey[];
  readonly random: Randomness;
  /** Programs of the version before and of this one. */
  readonly former: string;
  readonly present: string;
  say(line: string): void;
}

export interface UpgradeResult {
  readonly phases: readonly Phase[];
  /** Steps of the schema that ran while nodes of the version before served. */
  readonly steps: readonly string[];
  readonly transactions: number;
  readonly orders: number;
  readonly findings: Findings;
  /** Whatever else broke a promise, one line each. */
  readonly broken: readonly string[];
}

const nodesAtOnce = 2;
const patienceSeconds = 120;
/** sysexits.h EX_CONFIG: a program that is older than the schema does not start. */
const refusedExitCode = 78;

export async function upgradeUnderLoad(plan: UpgradePlan, parts: UpgradeParts): Promise<UpgradeResult> {
  const directory = temporaryDirectory();
  const databaseUrl = await createDatabase(parts.cluster);
  const settings = { GATEHOUSE_MASTER_KEY: randomBytes(32).toString('base64'), GATEHOUSE_DATABASE_URL: databaseUrl };
  const nodes = await startFormer(parts.former, directory.path, settings);
  try {
    const tally = new Tally();
    const state: State = { isStopping: false, deadline: Number.POSITIVE_INFINITY, isAhead: () => false };
    const fleet = { ...(await createFleet(nodes, readFirstRun(directory.path), { ...parts, server: parts.former }, state)), line: tally.line };
    const devices = Promise.all(Array.from({ length: plan.devices }, (_, slot) => runDevices(fleet, slot, 0.6)));
    const environment = { ...settings, GATEHOUSE_DATA_DIR: join(directory.path, 'commands') };
    const steps = await upgrade(plan, parts, { nodes, fleet, tally, environment, databaseUrl });
    state.isStopping = true;
    state.deadline = awakeMs() + patienceSeconds * 1_000;
    await devices;
    for (const node of nodes) await node.stop();
    await judgeTrail(parts.present, environment, tally);
    const facts = await readFacts({ url: databaseUrl });
    const { transactions } = fleet.history;
    const broken = [...tally.broken(), ...nodes.flatMap((node) => node.crashes)];
    return { phases: tally.phases, steps, transactions: transactions.length, orders: facts.orders.length, findings: check(transactions, facts), broken };
  } finally {
    for (const node of nodes) await node.stop();
    directory.remove();
  }
}

async function startFormer(former: string, directory: string, settings: Readonly<Record<string, string>>): Promise<readonly ChaosNode[]> {
  const nodes: ChaosNode[] = [];
  for (let index = 0; index < nodesAtOnce; index += 1) {
    const dataDir = join(directory, `node-${index}`);
    mkdirSync(dataDir, { recursive: true });
    const node = await ChaosNode.create({ server: former, dataDir, environment: settings });
    node.start();
    await node.untilReady();
    nodes.push(node);
  }
  return nodes;
}

interface Stage {
  readonly nodes: readonly ChaosNode[];
  readonly fleet: Fleet;
  readonly tally: Tally;
  readonly environment: Readonly<Record<string, string>>;
  readonly databaseUrl: string;
}

/** The steps of the guide, each followed by enrolments; gives the steps of the schema that ran. */
async function upgrade(plan: UpgradePlan, parts: UpgradeParts, stage: Stage): Promise<readonly string[]> {
  const { nodes, fleet, tally, environment, databaseUrl } = stage;
  const phase = async (name: string) => {
    await tally.phase(name, fleet, plan);
    parts.say(lineOf(tally.phases.at(-1) as Phase));
  };
  await phase('before');
  const before = await stepsOf(databaseUrl);
  const migrated = await runProgram(parts.present, ['migrate'], environment);
  if (migrated.exitCode !== 0) tally.note(`gatehouse migrate ended with ${migrated.exitCode}: ${migrated.output}`);
  if (plan.planted !== undefined) await execute(databaseUrl, plan.planted);
  const steps = (await stepsOf(databaseUrl)).filter((name) => !before.includes(name));
  await phase('the version before on the new schema');
  for (const [index, node] of nodes.entries()) {
    await node.stop();
    node.runFrom(parts.present);
    node.start();
    await node.untilReady();
    await phase(index + 1 < nodes.length ? 'both versions' : 'the new version');
  }
  if (steps.length > 0) await judgeOldStart(parts.former, environment, tally);
  return steps;
}

async function judgeOldStart(former: string, environment: Readonly<Record<string, string>>, tally: Tally): Promise<void> {
  const { exitCode, output } = await runProgram(former, ['migrate'], environment);
  if (exitCode !== refusedExitCode) tally.note(`a program older than the schema ended with ${exitCode}, not ${refusedExitCode}: ${output}`);
}

async function judgeTrail(present: string, environment: Readonly<Record<string, string>>, tally: Tally): Promise<void> {
  const { exitCode, output } = await runProgram(present, ['audit', 'verify'], environment);
  if (exitCode !== 0) tally.note(`the audit trail is not sound: ${output}`);
}

async function execute(databaseUrl: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query(statement)).rows as readonly Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

async function stepsOf(databaseUrl: string): Promise<readonly string[]> {
  return (await execute(databaseUrl, 'select name from schema_migrations order by name')).map(({ name }) => String(name));
}

function runProgram(
  program: string,
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<{ readonly exitCode: number | null; readonly output: string }> {
  const environment = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', GATEHOUSE_MODE: 'dev', GATEHOUSE_LOG_LEVEL: 'error', ...settings };
  const child = spawn(process.execPath, [program, ...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const read = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-2_000);
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  return new Promise((resolve) => child.once('close', (exitCode) => resolve({ exitCode, output })));
}
