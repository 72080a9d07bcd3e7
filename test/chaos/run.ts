/**
 * The chaos campaign: kill -9 of server processes under load, judged by what the devices themselves wrote down.
 *   node --import tsx test/chaos/run.ts [--short] [--seed N] [--planted NAME] [--only NAME]
 * With `--planted` the named bug is in the server and the campaign must fail; without, each planted bug is hunted at the end.
 */
import { parseArgs } from 'node:util';
import { runCompiled } from '../bench/compiled.js';
import { createCluster } from '../bench/postgres.js';
import { say } from '../bench/report.js';
import { type CampaignResult, isClean, type Parts, type Plan, runCampaign, shortfalls } from './campaign.js';
import { rsaKeys } from './device/keys.js';
import { packServer } from './packed.js';
import { type PlantedBug, plantedBugs, plantedEffect } from './planted.js';
import { seeded } from './randomness.js';

await runCompiled('test/chaos/run');

const { values } = parseArgs({
  options: { short: { type: 'boolean', default: false }, seed: { type: 'string' }, planted: { type: 'string' }, only: { type: 'string' } },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);

/** The short form is for every change: longer than this (besides compiling) it is of no use, and what it proves is the kills and orders of its plans. */
const shortSeconds = 280;

const embedded: Plan = {
  name: 'embedded database, one node',
  database: 'pglite',
  nodes: 1,
  devices: 16,
  scepShare: 0.7,
  kills: values.short ? 12 : 240,
  orders: values.short ? 200 : 3_600,
  limitSeconds: values.short ? 60 : 900,
  pauseMs: [150, 700],
  databaseStops: 0,
};
const postgres: Plan = {
  name: 'PostgreSQL, three nodes',
  database: 'postgres',
  nodes: 3,
  devices: 24,
  scepShare: 0.6,
  kills: values.short ? 150 : 700,
  orders: values.short ? 1_600 : 15_000,
  limitSeconds: values.short ? 130 : 1_800,
  pauseMs: [20, 120],
  databaseStops: values.short ? 1 : 40,
};
const hostile: Plan = {
  ...postgres,
  name: 'PostgreSQL, three nodes, hostile CA outside',
  devices: 60,
  kills: values.short ? 45 : 300,
  orders: values.short ? 300 : 3_000,
  limitSeconds: values.short ? 80 : 1_200,
  pauseMs: [100, 500],
  databaseStops: values.short ? 1 : 10,
  freezes: values.short ? 1 : 50,
  hasHostileCa: true,
};
const hunt = (bug: PlantedBug): Plan => ({
  ...(bug === 'naive-retry' ? hostile : postgres),
  name: `planted: ${bug}`,
  nodes: 2,
  kills: 10,
  orders: 60,
  limitSeconds: 30,
  databaseStops: 0,
  freezes: 0,
  planted: bug,
});

function report(result: CampaignResult): void {
  const { plan, findings } = result;
  const { lost, double, changed, refused, unfinished } = findings;
  say(
    `${plan.name}: ${result.kills} kills, ${result.databaseStops} database stops, ${result.freezes} freezes, ${result.transactions} transactions in ${result.sends} sends, ` +
      `${result.finished} enrolled, ${result.orders} orders; lost ${lost.length}, double ${double.length}, changed answers ${changed.length}, ` +
      `refused ${refused.length}, unfinished ${unfinished.length}, crashes ${result.crashes.length}; ${result.seconds.toFixed(0)} s`,
  );
  if (plan.hasHostileCa === true)
    say(
      `    died at named places: ${Object.entries(result.died)
        .map(([name, count]) => `${name} ${count}`)
        .join(', ')}`,
    );
  const lines = [...result.crashes, ...lost, ...double, ...changed, ...refused, ...unfinished];
  for (const line of lines.slice(0, plan.planted === undefined ? 20 : 3)) say(`    ${line}`);
}

async function huntBug(bug: PlantedBug, parts: Parts): Promise<boolean> {
  const result = await runCampaign(hunt(bug), parts);
  report(result);
  return result.findings[plantedEffect[bug]].length > 0;
}

const cluster = await createCluster();
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
say(`seed ${seed}; PostgreSQL ${cluster === undefined ? 'not installed: only the embedded database is tried' : 'ready'}`);
const parts: Parts = { keys: await rsaKeys(24), random: seeded(seed), cluster, server: await packServer() };
const planted = plantedBugs.find((name) => name === values.planted);
if (values.planted !== undefined && planted === undefined) throw new Error(`No such bug; there are ${plantedBugs.join(', ')}.`);

const available =
  cluster === undefined
    ? [{ ...embedded, kills: embedded.kills * 4, orders: embedded.orders * 6, limitSeconds: embedded.limitSeconds * 4 }]
    : [embedded, postgres, hostile];
const plans = (planted === undefined ? available : [hunt(planted)]).filter((plan) => plan.name.includes(values.only ?? ''));
const results: CampaignResult[] = [];
for (const plan of plans) {
  const result = await runCampaign(plan, parts);
  report(result);
  results.push(result);
}
const bugs = planted === undefined && values.only === undefined && cluster !== undefined ? plantedBugs : [];
let found = 0;
for (const bug of bugs) found += (await huntBug(bug, parts)) ? 1 : 0;

const sum = (count: (result: CampaignResult) => number) => results.reduce((total, result) => total + count(result), 0);
const seconds = Math.round(performance.now() / 1000);
const short = results.flatMap(shortfalls);
const isLate = values.short && seconds > shortSeconds ? [`the short form took ${seconds} s, more than ${shortSeconds}`] : [];
for (const line of [...short, ...isLate]) say(`not reached: ${line}`);
const passed = results.every(isClean) && short.length === 0 && isLate.length === 0 && found === bugs.length;
say(
  `chaos: ${sum((item) => item.kills)} kills, ${sum((item) => item.databaseStops)} database stops, ${sum((item) => item.orders)} orders; ` +
    `${sum((item) => item.findings.lost.length)} lost, ${sum((item) => item.findings.double.length)} double, ` +
    `${sum((item) => item.findings.changed.length)} changed answers; planted bugs found ${found} of ${bugs.length}; ${seconds} s: ${passed ? 'passed' : 'failed'}`,
);
process.exit(passed ? 0 : 1);
