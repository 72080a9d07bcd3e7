/**
 * The chaos campaign: kill -9 of server processes under load, judged by what the devices themselves wrote down and by the CA's own list.
 *   node --import tsx test/chaos/run.ts [--short] [--seed N] [--planted NAME|all] [--only NAME] [--limit SECONDS] [--share N] [--results FILE]
 *   node --import tsx test/chaos/run.ts --failpoints [--least 50] [--points F6,F7] [--limit SECONDS]
 *   node --import tsx test/chaos/run.ts --sum --results FILE
 * With `--planted` only the named bug is hunted, or all of them; without, the campaigns run and then each planted bug is hunted.
 * `--share 5` does a fifth of each campaign and hunts nothing. `--results` keeps what a run has shown; what was kept of the same program
 * adds up, and `--sum` says whether the full form has been passed.
 */
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCompiled } from '../bench/compiled.js';
import { createCluster } from '../bench/postgres.js';
import { say } from '../bench/report.js';
import { awakeMs } from './awake.js';
import { type CampaignResult, isClean, type Parts, runCampaign, shortfalls } from './campaign.js';
import { rsaKeys } from './device/keys.js';
import { huntFor } from './hunts.js';
import { packedName, packServer } from './packed.js';
import { plansFor, shareOf, shortHunts, shortSeconds } from './plans.js';
import { type PlantedBug, planted, plantedBugs } from './planted.js';
import { runPoints } from './points/run-points.js';
import { seeded } from './randomness.js';
import { type ChaosRecord, keep, missingIn, programOf, readRecords, recordOf, totalsOf } from './results.js';

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
    share: { type: 'string', default: '1' },
    results: { type: 'string' },
    sum: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
/** A fault point that was not hit often enough by then has failed. */
const usualPointSeconds = 420;

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
  const isFound = result.findings[planted[bug].effect].length > 0;
  note({ ...common, planted: bug, isFound, seconds: Math.round(result.seconds) });
  return isFound;
}

function note(record: ChaosRecord): void {
  if (values.results !== undefined) keep(values.results, record);
}

/** What stands so far, and whether that is all of it. */
function tellSum(file: string): boolean {
  const [records, plans] = [readRecords(file, common.program), plansFor(false, true)];
  for (const plan of plans) {
    const { kills, databaseStops, freezes, finished } = totalsOf(plan, records);
    say(
      `so far, ${plan.name}: ${kills} of ${plan.kills} kills, ${databaseStops} of ${plan.databaseStops} database stops, ${freezes} freezes, ${finished} of ${plan.orders} enrolled`,
    );
  }
  const missing = missingIn(plans, plantedBugs, records);
  for (const line of missing) say(`not reached: ${line}`);
  say(`chaos, the full form in ${records.length} runs: ${missing.length === 0 ? 'passed' : 'not passed yet'}`);
  return missing.length === 0;
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

const server = await packServer();
const common = { program: programOf(join(dirname(server), packedName), server), seed };
if (values.sum) process.exit(tellSum(values.results ?? '') ? 0 : 1);
const cluster = await createCluster();
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
say(`seed ${seed}; PostgreSQL ${cluster === undefined ? 'not installed: only the embedded database is tried' : 'ready'}`);
const parts: Parts = { keys: await rsaKeys(24), random: seeded(seed), cluster, server };
if (values.failpoints) {
  if (cluster === undefined) throw new Error('The fault points need PostgreSQL.');
  const only = values.points.split(',').filter((id) => id !== '');
  const effort = { least: Number(values.least), limitMs: Number(values.limit ?? usualPointSeconds) * 1000 };
  process.exit((await runPoints(parts, cluster, effort, only)) ? 0 : 1);
}
const wanted = plantedBugs.find((name) => name === values.planted);
if (values.planted !== undefined && values.planted !== 'all' && wanted === undefined) throw new Error(`No such bug; there are ${plantedBugs.join(', ')}.`);

const results: CampaignResult[] = [];
const shares = Number(values.share);
for (const whole of values.planted === undefined ? plansFor(values.short, cluster !== undefined) : []) {
  if (!whole.name.includes(values.only ?? '')) continue;
  const plan = shareOf(whole, shares);
  const result = await runCampaign(values.limit === undefined ? plan : { ...plan, limitSeconds: Number(values.limit) }, parts);
  report(result);
  note(recordOf(result, common));
  results.push(result);
}
const all = values.short ? shortHunts : plantedBugs;
const isCampaignAlone = values.planted === undefined && (values.only !== undefined || shares > 1);
const hunted = cluster === undefined || isCampaignAlone ? [] : wanted !== undefined ? [wanted] : all;
const missed = await huntAll(hunted, parts);

const sum = (count: (result: CampaignResult) => number) => results.reduce((total, result) => total + count(result), 0);
const seconds = Math.round(awakeMs() / 1000);
const unreached = results.flatMap(shortfalls);
if (values.short && seconds > shortSeconds) say(`the short form took ${seconds} s; on a machine of its own it is to take ${shortSeconds} s at most`);
for (const line of [...unreached, ...missed.map((bug) => `the planted bug ${bug}`)]) say(`not reached: ${line}`);
const isPassed = results.every(isClean) && unreached.length === 0 && missed.length === 0;
say(
  `chaos: ${sum((item) => item.kills)} kills, ${sum((item) => item.databaseStops)} database stops, ${sum((item) => item.freezes)} freezes, ` +
    `${sum((item) => item.orders)} orders; ${sum((item) => item.findings.lost.length)} lost, ${sum((item) => item.findings.double.length)} double, ` +
    `${sum((item) => item.findings.changed.length)} changed answers; planted bugs found ${hunted.length - missed.length} of ${hunted.length}; ` +
    `${seconds} s: ${isPassed ? 'passed' : 'failed'}`,
);
if (values.results !== undefined) tellSum(values.results);
process.exit(isPassed ? 0 : 1);
