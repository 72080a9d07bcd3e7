/** What a campaign does to its nodes and its database while the devices work. */
import type { Cluster } from '../bench/postgres.js';
import type { Plan } from './campaign.js';
import type { ChaosNode } from './node.js';
import type { Randomness } from './randomness.js';
import { remoteLeaseMs } from './remote-issuer.js';

type IsOver = () => boolean;

/** Around a call of a CA: claimed and not called, answered and not recorded, recorded and not told, and the same of a look-up. */
export const failpoints = ['claimed', 'answered', 'settled', 'lookup-claimed', 'looked-up'] as const;

/** Shares of the plan, 1 when it is reached. */
export interface Progress {
  killed(): number;
  enrolled(): number;
}

/** How far kills, stops and freezes may be ahead of enrolments, and the other way round; of the plan. */
export const aheadShare = 0.05;

export interface Tally {
  databaseStops: number;
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/**
 * Kills one node after another and starts it again at once. The last that serves is mostly spared, so that enrolments go on beside the
 * kills; for moments all of them are gone all the same.
 */
export async function keepKilling(plan: Plan, nodes: readonly ChaosNode[], random: Randomness, isOver: IsOver, progress: Progress): Promise<void> {
  if (plan.kills === 0) return;
  const restarting = new Map<ChaosNode, Promise<void>>();
  while (!isOver()) {
    await pause(random.between(...plan.pauseMs) * (progress.killed() > 1 ? 4 : 1));
    const ready = nodes.filter((node) => !restarting.has(node));
    if (isOver() || ready.length === 0 || progress.killed() > progress.enrolled() + aheadShare) continue;
    if (ready.length === 1 && plan.nodes > 1 && random.chance(lastSparedShare)) continue;
    const victim = random.pick(ready);
    await victim.kill();
    victim.start(plan.hasHostileCa === true && random.chance(0.5) ? `${random.pick(failpoints)}:kill:${random.between(0, 4)}` : undefined);
    const restart = startAgain(victim, random, isOver).finally(() => restarting.delete(victim));
    restarting.set(victim, restart);
    if (plan.nodes === 1) await restart;
  }
  await Promise.all(restarting.values());
}

const lastSparedShare = 0.7;

/** Now and then a node is killed again while it starts. */
async function startAgain(node: ChaosNode, random: Randomness, isOver: IsOver): Promise<void> {
  while (random.chance(0.3) && !isOver()) {
    await pause(random.between(50, 900));
    await node.kill();
    node.start();
  }
  await node.untilReady();
}

const beyondLeaseMs = [remoteLeaseMs + 200, remoteLeaseMs + 2_000] as const;

/** Holds one node after another for longer than the lease of what it is doing; the others go on. */
export async function keepFreezing(plan: Plan, nodes: readonly ChaosNode[], random: Randomness, isOver: IsOver, progress: Progress): Promise<void> {
  const wanted = plan.freezes ?? 0;
  let left = wanted;
  while (left > 0 && !isOver()) {
    await pause(random.between(500, 2_000));
    if ((wanted - left) / wanted > progress.enrolled() + aheadShare) continue;
    await random.pick(nodes).freeze(random.between(...(plan.freezeMs ?? beyondLeaseMs)));
    left -= 1;
  }
}

/** Stops PostgreSQL as if its machine had died and starts it again, as often as the plan says. */
export async function keepStoppingDatabase(
  plan: Plan,
  cluster: Cluster | undefined,
  random: Randomness,
  isOver: IsOver,
  tally: Tally,
  progress: Progress,
): Promise<void> {
  while (cluster !== undefined && tally.databaseStops < plan.databaseStops && !isOver()) {
    await pause(random.between(3_000, 9_000));
    if (isOver()) break;
    if (tally.databaseStops / plan.databaseStops > progress.enrolled() + aheadShare) continue;
    cluster.stop('immediate');
    await pause(random.between(0, 800));
    cluster.start();
    tally.databaseStops += 1;
  }
}
