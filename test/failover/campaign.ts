/** Failovers of PostgreSQL while devices enrol, and everything held against the devices' own notes afterwards. */
import { join } from 'node:path';
import { temporaryDirectory } from '../bench/children.js';
import { tree } from '../bench/compiled.js';
import { awakeMs } from '../chaos/awake.js';
import { createDatabase, createFleet, readFirstRun, type State, startNodes } from '../chaos/campaign.js';
import { check, type Findings } from '../chaos/checker.js';
import type { DeviceKey } from '../chaos/device/keys.js';
import { runDevices } from '../chaos/device/run-devices.js';
import { readFacts } from '../chaos/facts.js';
import { lineOf, type Phase, type PhasePlan, Tally } from '../chaos/phases.js';
import type { Randomness } from '../chaos/randomness.js';
import { type HighAvailability, startHighAvailability } from './high-availability.js';

export interface FailoverPlan extends PhasePlan {
  readonly devices: number;
  /** How often the leader is killed. */
  readonly kills: number;
  /** How often the lead is handed over. */
  readonly switchovers: number;
  /** The standbys are asynchronous and held before a kill: orders are lost then, and the campaign must find them. */
  readonly planted: boolean;
}

export interface FailoverParts {
  readonly keys: readonly DeviceKey[];
  readonly random: Randomness;
  say(line: string): void;
}

export interface FailoverResult {
  readonly phases: readonly Phase[];
  readonly transactions: number;
  readonly orders: number;
  readonly findings: Findings;
  /** Whatever else broke a promise, one line each. */
  readonly broken: readonly string[];
}

/** Devices still ask for what the last failover interrupted. */
const patienceSeconds = 180;

export async function failOverUnderLoad(plan: FailoverPlan, parts: FailoverParts): Promise<FailoverResult> {
  const directory = temporaryDirectory();
  const database = await startHighAvailability({ isSynchronous: !plan.planted });
  try {
    const url = await createDatabase(database);
    const server = join(tree, 'src/main.js');
    const nodes = await startNodes({ nodes: 2, planted: undefined }, server, directory.path, url, undefined);
    try {
      const tally = new Tally();
      const state: State = { isStopping: false, deadline: Number.POSITIVE_INFINITY, isAhead: () => false };
      const fleet = { ...(await createFleet(nodes, readFirstRun(directory.path), { ...parts, server, cluster: undefined }, state)), line: tally.line };
      const devices = Promise.all(Array.from({ length: plan.devices }, (_, slot) => runDevices(fleet, slot, 0.6)));
      const phase = async (name: string): Promise<void> => {
        await tally.phase(name, fleet, plan);
        parts.say(lineOf(tally.phases.at(-1) as Phase));
      };
      await disturb(plan, database, phase);
      state.isStopping = true;
      state.deadline = awakeMs() + patienceSeconds * 1_000;
      await devices;
      for (const node of nodes) await node.stop();
      const facts = await readFacts({ url });
      const { transactions } = fleet.history;
      const broken = [...tally.broken(), ...nodes.flatMap((node) => node.crashes)];
      return { phases: tally.phases, transactions: transactions.length, orders: facts.orders.length, findings: check(transactions, facts), broken };
    } finally {
      for (const node of nodes) await node.stop();
    }
  } finally {
    await database.remove();
    directory.remove();
  }
}

async function disturb(plan: FailoverPlan, database: HighAvailability, phase: (name: string) => Promise<void>): Promise<void> {
  await phase('before');
  for (let kill = 1; kill <= plan.kills; kill += 1) {
    const drop = plan.planted ? await database.holdStandbys() : undefined;
    if (drop !== undefined) await phase('the standbys are held');
    const name = await database.killLeader();
    drop?.();
    await phase(`${kill}: the leader was killed`);
    database.revive(name);
    await database.untilWhole();
  }
  for (let switchover = 1; switchover <= plan.switchovers; switchover += 1) {
    await database.switchOver();
    await phase(`${switchover}: the lead was handed over`);
    await database.untilWhole();
  }
}
