/** The master key is changed again and again while two nodes serve devices; the command that changes it is killed at random steps. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../bench/children.js';
import { tree } from '../bench/compiled.js';
import type { Cluster } from '../bench/postgres.js';
import { awakeMs } from '../chaos/awake.js';
import { createDatabase, createFleet, readFirstRun, type State } from '../chaos/campaign.js';
import { check, type Findings } from '../chaos/checker.js';
import type { Fleet } from '../chaos/device/fleet.js';
import type { DeviceKey } from '../chaos/device/keys.js';
import { runDevices } from '../chaos/device/run-devices.js';
import { readFacts } from '../chaos/facts.js';
import { ChaosNode } from '../chaos/node.js';
import { packServer } from '../chaos/packed.js';
import { seeded } from '../chaos/randomness.js';
import type { Random } from '../support/random.js';
import { fill, openAll } from './campaign.js';

export interface ServingFigures {
  readonly kills: number;
  readonly rotations: number;
  /** Enrolments that devices finished meanwhile. */
  readonly enrolled: number;
  readonly opened: number;
  readonly unreadable: number;
  readonly findings: Findings;
  /** Ends of nodes that nobody asked for, and answers worse than 503. */
  readonly broken: readonly string[];
}

export interface ServingParts {
  readonly cluster: Cluster;
  readonly keys: readonly DeviceKey[];
  readonly random: Random;
  say(line: string): void;
}

interface Keys {
  readonly own: Buffer;
  readonly other?: Buffer;
}

const devices = 8;
/** Enrolments that are waited for before the next step: nodes serve in every state of the change. */
const enrolledBetween = 20;
const stepsAtMost = 10;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const settingsOf = ({ own, other }: Keys) => ({
  GATEHOUSE_MASTER_KEY: own.toString('base64'),
  GATEHOUSE_OTHER_MASTER_KEY: other?.toString('base64') ?? '',
});

export async function rotateWhileServing(parts: ServingParts, values: number, kills: number): Promise<ServingFigures> {
  const { cluster, keys, random, say } = parts;
  const directory = temporaryDirectory();
  const url = await createDatabase(cluster);
  let key: Buffer = random.bytes(32);
  const nodes = await startNodes(directory.path, url, key);
  try {
    const state: State = { isStopping: false, deadline: Number.POSITIVE_INFINITY, isAhead: () => false };
    const broken: string[] = [];
    const noted = (what: string, status?: number) =>
      void (what === 'unavailable' && status !== 503 ? broken.push(`a device was answered ${status}`) : undefined);
    const made = await createFleet(nodes, readFirstRun(directory.path), { keys, random: seeded(random.below(1_000_000)), cluster, server: '' }, state);
    const fleet: Fleet = { ...made, line: { noted } };
    const working = Promise.all(Array.from({ length: devices }, (_, slot) => runDevices(fleet, slot, 0.6)));
    await fill(url, key, values);
    let [killed, rotations] = [0, 0];
    while (killed < kills) {
      const next = random.bytes(32);
      for (const ring of [
        { own: key, other: next },
        { own: next, other: key },
      ])
        await roll(nodes, ring, fleet);
      for (;;) {
        const isKilled = await attempt(url, { own: next, other: key }, killed < kills ? 1 + random.below(stepsAtMost) : undefined);
        if (!isKilled) break;
        killed += 1;
      }
      [key, rotations] = [next, rotations + 1];
      say(`  ${rotations} changes, ${killed} kills, ${fleet.history.finished} enrolled`);
    }
    await roll(nodes, { own: key }, fleet);
    state.isStopping = true;
    state.deadline = awakeMs() + 120_000;
    await working;
    for (const node of nodes) await node.stop();
    const findings = check(fleet.history.transactions, await readFacts({ url }));
    broken.push(...nodes.flatMap((node) => node.crashes));
    return { kills: killed, rotations, enrolled: fleet.history.finished, findings, broken, ...(await openAll(url, key)) };
  } finally {
    for (const node of nodes) await node.stop();
    directory.remove();
  }
}

async function startNodes(directory: string, url: string, key: Buffer): Promise<readonly ChaosNode[]> {
  const server = await packServer();
  const nodes: ChaosNode[] = [];
  for (const name of ['node-0', 'node-1']) {
    const dataDir = join(directory, name);
    mkdirSync(dataDir, { recursive: true });
    const node = await ChaosNode.create({ server, dataDir, environment: { GATEHOUSE_DATABASE_URL: url } });
    node.start(undefined, settingsOf({ own: key }));
    await node.untilReady();
    nodes.push(node);
  }
  return nodes;
}

/** The nodes are restarted one after the other with these keys, and then enrol. */
async function roll(nodes: readonly ChaosNode[], keys: Keys, { history }: Fleet): Promise<void> {
  for (const node of nodes) {
    await node.stop();
    node.start(undefined, settingsOf(keys));
    await node.untilReady();
  }
  const before = history.finished;
  while (history.finished < before + enrolledBetween) await pause(50);
}

/** True when the command was killed after `steps` lines; false when it came to its end before. */
function attempt(url: string, keys: Keys, steps: number | undefined): Promise<boolean> {
  const environment = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', GATEHOUSE_DATABASE_URL: url, ...settingsOf(keys) };
  const child = spawn(process.execPath, [join(tree, 'src/main.js'), 'secret', 'rotate', '--online'], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
    if (steps !== undefined && output.split('\n').length > steps) child.kill('SIGKILL');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  return new Promise((resolve, reject) => {
    child.once('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve(true);
      else if (code === 0) resolve(false);
      else reject(new Error(`secret rotate --online ended with ${code}: ${output}`));
    });
  });
}
