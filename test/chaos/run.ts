/**
 * The chaos campaign: kill -9 of server processes under load, judged by what the devices themselves wrote down and by the CA's own list.
 *   node --import tsx test/chaos/run.ts [--short] [--seed N] [--planted NAME] [--only NAME] [--limit SECONDS]
 *   node --import tsx test/chaos/run.ts --failpoints [--least 50] [--points F6,F7]
 * With `--planted` only the named bug is hunted; without, the campaigns run and then each planted bug is hunted.
 */
import { parseArgs } from 'node:util';
import { runCompiled } from '../bench/compiled.js';
import { createCluster } from '../bench/postgres.js';
import { say } from '../bench/report.js';
import { type CampaignResult, isClean, type Parts, runCampaign, shortfalls } from './campaign.js';
import { rsaKeys } from './device/keys.js';
import { huntFor } from './hunts.js';
import { packServer } from './packed.js';
import { plansFor, shortHunts, shortSeconds } from './plans.js';
import { type PlantedBug, planted, plantedBugs } from './planted.js';
import { runPoints } from './points/run-points.js';
import { seeded } from './randomness.js';

await runCompiled('test/chaos/run');

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    seed: { type: 'string' },
    planted: { type: 'string' },
    only: { type: 'string' },
    limit: { type: 'string' },
    failpoints: { type: 'boolean', default: false },
    least: { type: 'string', default: '50' },
    points: { type: 'string', default: '' },
  },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);

function listOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function report(result: CampaignResult): void {
  const { plan, findings } = result;
  const { lost, double, changed, refused, unfinished, surplus } = findings;
  say(
    `${plan.name}: ${result.kills} kills, ${result.databaseStops} database stops, ${result.freezes} freezes, ${result.transactions} transactions in ${result.sends} sends, ` +
      `${result.finished} enrolled, ${result.orders} orders; lost ${lost.length}, double ${double.length}, changed answers ${changed.length}, ` +
      `refused ${refused.length}, unfinished ${unfinished.length}, surplus ${surplus.length}, crashes ${result.crashes.length}; ${result.seconds.toFixed(0)} s`,
  );
  if (plan.hasHostileCa === true && plan.planted === undefined) {
    say(`    died at named places: ${listOf(result.died)}`);
    say(`    ${result.calls} calls of the CA: ${listOf(result.met)}`);
  }
  const lines = [...result.crashes, ...lost, ...double, ...changed, ...refused, ...unfinished, ...surplus];
  for (const line of lines.slice(0, plan.planted === undefined ? 20 : 1)) say(`    ${line}`);
}

async function huntBug(bug: PlantedBug, parts: Parts): Promise<boolean> {
  const result = await runCampaign(huntFor(bug), parts);
  report(result);
  return result.findings[planted[bug].effect].length > 0;
}

/** Two hunts side by side: each of them mostly waits. */
async function huntAll(bugs: readonly PlantedBug[], parts: Parts): Promise<readonly PlantedBug[]> {
  const left = [...bugs];
  const missed: PlantedBug[] = [];
  const hunt = async () => {
    for (let bug = left.shift(); bug !== undefined; bug = left.shift()) if (!(await huntBug(bug, parts))) missed.push(bug);
  };
  await Promise.all([hunt(), hunt()]);
  return missed;
}

const cluster = await createCluster();
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
say(`seed ${seed}; PostgreSQL ${cluster === undefined ? 'not installed: only the embedded database is tried' : 'ready'}`);
const parts: Parts = { keys: await rsaKeys(24), random: seeded(seed), cluster, server: await packServer() };
if (values.failpoints) {
  if (cluster === undefined) throw new Error('The fault points need PostgreSQL.');
  const only = values.points.split(',').filter((id) => id !== '');
  process.exit((await runPoints(parts, cluster, Number(values.least), only)) ? 0 : 1);
}
const wanted = plantedBugs.find((name) => name === values.planted);
if (values.planted !== undefined && wanted === undefined) throw new Error(`No such bug; there are ${plantedBugs.join(', ')}.`);

const results: CampaignResult[] = [];
for (const plan of wanted === undefined ? plansFor(values.short, cluster !== undefined) : []) {
  if (!plan.name.includes(values.only ?? '')) continue;
  const result = await runCampaign(values.limit === undefined ? plan : { ...plan, limitSeconds: Number(values.limit) }, parts);
  report(result);
  results.push(result);
}
const all = values.short ? shortHunts : plantedBugs;
const hunted = cluster === undefined ? [] : wanted !== undefined ? [wanted] : values.only === undefined ? all : [];
const missed = await huntAll(hunted, parts);

const sum = (count: (result: CampaignResult) => number) => results.reduce((total, result) => total + count(result), 0);
const seconds = Math.round(performance.now() / 1000);
const unreached = results.flatMap(shortfalls);
const late = values.short && seconds > shortSeconds ? [`the short form took ${seconds} s, more than ${shortSeconds}`] : [];
for (const line of [...unreached, ...late, ...missed.map((bug) => `the planted bug ${bug}`)]) say(`not reached: ${line}`);
const isPassed = results.every(isClean) && unreached.length === 0 && late.length === 0 && missed.length === 0;
say(
  `chaos: ${sum((item) => item.kills)} kills, ${sum((item) => item.databaseStops)} database stops, ${sum((item) => item.freezes)} freezes, ` +
    `${sum((item) => item.orders)} orders; ${sum((item) => item.findings.lost.length)} lost, ${sum((item) => item.findings.double.length)} double, ` +
    `${sum((item) => item.findings.changed.length)} changed answers; planted bugs found ${hunted.length - missed.length} of ${hunted.length}; ` +
    `${seconds} s: ${isPassed ? 'passed' : 'failed'}`,
);
process.exit(isPassed ? 0 : 1);
