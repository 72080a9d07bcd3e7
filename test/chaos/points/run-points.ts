/** Tries each fault point so often, one after another on the same stage, and judges it by itself. */

import type { Cluster } from '../../bench/postgres.js';
import { say } from '../../bench/report.js';
import { awakeMs } from '../awake.js';
import type { Parts } from '../campaign.js';
import { check, type Findings } from '../checker.js';
import type { ChaosNode } from '../node.js';
import { keepOperating } from '../operator.js';
import { type FaultPoint, points } from './points.js';
import { factsFor, fleetFor, openStage, type Stage } from './stage.js';

export interface PointResult {
  readonly point: FaultPoint;
  readonly hits: number;
  readonly orders: number;
  readonly findings: Findings;
  readonly broken: readonly string[];
  readonly seconds: number;
}

const devicesOf = (point: FaultPoint) => point.devices ?? 24;
/** On a machine that is crowded all the time; nobody waits so long elsewhere. */
const patienceMs = 600_000;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function tryPoint(point: FaultPoint, stage: Stage, { least, limitMs }: Effort): Promise<PointResult> {
  const begun = awakeMs();
  const counts: Record<string, number> = {};
  const broken: string[] = [];
  const { ca, nodes, parts } = stage;
  const metBefore = { ...ca.met };
  for (const node of nodes) node.hits = 0;
  let events = 0;
  const hits = () => {
    const died = nodes.reduce((sum, node) => sum + node.hits, 0);
    const met = (point.counted ?? []).reduce((sum, mood) => sum + (ca.met[mood] ?? 0) - (metBefore[mood] ?? 0), 0);
    return events + died + met + (point.noted === undefined ? 0 : (counts[point.noted] ?? 0));
  };
  const isOver = () => hits() >= least || awakeMs() - begun > limitMs;
  const load = fleetFor(stage, point, counts);
  ca.setMoods(point.moods ?? {});
  const { arm, passes = 0, event } = point;
  const arming = arm === undefined || event !== undefined ? undefined : () => `${arm}:${parts.random.between(0, passes)}`;
  for (const node of nodes) node.arm(arming);
  const running = load.run(devicesOf(point));
  const operator = { isOver: false };
  const operating = point.hasOperator ? keepOperating((nodes[0] as ChaosNode).adminUrl, stage.made.admin.token, ca, () => operator.isOver) : undefined;
  const hit = (times = 1) => {
    events += times;
  };
  await event?.({ stage, counts, broken, hit, isOver });
  while (!isOver()) await pause(50);
  for (const node of nodes) node.arm(undefined);
  ca.setMoods({});
  await Promise.all(nodes.map((node) => node.untilReady()));
  load.stop(patienceMs);
  await running;
  await untilSettled(stage, load.fleet.prefix, point.hasOperator === true);
  operator.isOver = true;
  await operating;
  const facts = await factsFor(stage, load.fleet.prefix);
  for (const node of nodes) broken.push(...node.crashes.splice(0));
  const findings = check(load.fleet.history.transactions, facts);
  return { point, hits: hits(), orders: facts.orders.length, findings, broken, seconds: (awakeMs() - begun) / 1000 };
}

const openStates = "('ACCEPTED', 'ISSUING', 'UNCERTAIN', 'CA_PENDING', 'STUCK', 'REVOKE_WANTED')";

/** The last look-ups and revocations may go on behind the last device. */
async function untilSettled(stage: Stage, prefix: string, hasRevocations: boolean): Promise<void> {
  const end = awakeMs() + patienceMs;
  while (awakeMs() < end) {
    const open = await stage.query(`select 1 from orders where subject like '%${prefix}%' and state in ${openStates} limit 1`);
    const isRevoked = !hasRevocations || stage.ca.issued().every(({ isWrong, isRevoked }) => isWrong !== true || isRevoked === true);
    if (open.length === 0 && isRevoked) return;
    await pause(250);
  }
}

function sumOf({ refused, unfinished, surplus }: Findings): number {
  return refused.length + unfinished.length + surplus.length;
}

export function isGood({ findings, broken, hits }: PointResult, least: number): boolean {
  return hits >= least && broken.length === 0 && Object.values(findings).every((list: readonly string[]) => list.length === 0);
}

function tell(result: PointResult): void {
  const { point, hits, orders, findings, broken, seconds } = result;
  const { lost, double, changed } = findings;
  const cells = [hits, orders, lost.length, double.length, changed.length, sumOf(findings) + broken.length].map((cell) => String(cell).padStart(7)).join(' ');
  say(`${point.id.padEnd(4)} ${point.what.padEnd(42)} ${cells}   ${seconds.toFixed(0)} s`);
  for (const line of [...broken, ...Object.values(findings).flat()].slice(0, 5)) say(`     ${line}`);
}

export interface Effort {
  /** How often each point is to be hit. */
  readonly least: number;
  /** For each point; what was not hit often enough by then has failed. */
  readonly limitMs: number;
}

/** `only`: the ids to try, all where it is empty. True when each was hit often enough and nothing was found. */
export async function runPoints(parts: Parts, cluster: Cluster, effort: Effort, only: readonly string[]): Promise<boolean> {
  const { least } = effort;
  const stage = await openStage(parts, cluster);
  try {
    say(`${'point'.padEnd(47)} ${['hits', 'orders', 'lost', 'double', 'changed', 'other'].map((cell) => cell.padStart(7)).join(' ')}`);
    const chosen = points.filter(({ id }) => only.length === 0 || only.includes(id));
    const results: PointResult[] = [];
    for (const point of chosen) {
      const result = await tryPoint(point, stage, effort);
      tell(result);
      results.push(result);
    }
    const good = results.filter((result) => isGood(result, least)).length;
    const hits = results.reduce((sum, result) => sum + result.hits, 0);
    say(`fault points: ${good} of ${results.length} held, each tried at least ${least} times, ${hits} hits; ${Math.round(awakeMs() / 1000)} s`);
    return good === results.length;
  } finally {
    await stage.close();
  }
}
