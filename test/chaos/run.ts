/**
 * The chaos campaign: kill -9 of server processes under load, judged by what the devices themselves wrote down.
 *   node --import tsx test/chaos/run.ts [--short] [--seed N] [--planted NAME] [--only NAME]
 * With `--planted` the named bug is in the server and the campaign must fail; without, each planted bug is hunted at the end.
 */
import { parseArgs } from 'node:util';
import { runCompiled } from '../bench/compiled.js';
import { createCluster } from '../bench/postgres.js';
import { say } from '../bench/report.js';
import { type CampaignResult, isClean, type Parts, type Plan, runCampaign } from './campaign.js';
import { rsaKeys } from './device/keys.js';
import { type PlantedBug, plantedBugs, plantedEffect } from './planted.js';
import { seeded } from './randomness.js';

await runCompiled('test/chaos/run');

const { values } = parseArgs({
  options: { short: { type: 'boolean', default: false }, seed: { type: 'string' }, planted: { type: 'string' }, only: { type: 'string' } },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const size = values.short ? 1 : 12;

const embedded: Plan = {
  name: 'embedded database, one node',
  database: 'pglite',
  nodes: 1,
  devices: 16,
  scepShare: 0.7,
  kills: 20 * size,
  orders: 300 * size,
  limitSeconds: 90 * size,
  pauseMs: [150, 700],
  databaseStops: 0,
};
const postgres: Plan = {
  name: 'PostgreSQL, three nodes',
  database: 'postgres',
  nodes: 3,
  devices: 24,
  scepShare: 0.7,
  kills: 180 * size,
  orders: 1_700 * size,
  limitSeconds: 150 * size,
  pauseMs: [50, 300],
  databaseStops: values.short ? 1 : 40,
};
const hostile: Plan = {
  ...postgres,
  name: 'PostgreSQL, two nodes, hostile CA outside',
  nodes: 2,
  devices: 40,
  kills: 12 * size,
  orders: 150 * size,
  limitSeconds: 40 * size,
  pauseMs: [300, 1_200],
  databaseStops: values.short ? 0 : 10,
  hasHostileCa: true,
};
const hunt = (bug: PlantedBug): Plan => ({
  ...(bug === 'naive-retry' ? hostile : postgres),
  name: `planted: ${bug}`,
  kills: 12,
  orders: 60,
  limitSeconds: 30,
  databaseStops: 0,
  planted: bug,
});

function report(result: CampaignResult): void {
  const { plan, findings } = result;
  const { lost, double, changed, refused, unfinished } = findings;
  say(
    `${plan.name}: ${result.kills} kills, ${result.databaseStops} database stops, ${result.transactions} transactions in ${result.sends} sends, ` +
      `${result.finished} enrolled, ${result.orders} orders; lost ${lost.length}, double ${double.length}, changed answers ${changed.length}, ` +
      `refused ${refused.length}, unfinished ${unfinished.length}, crashes ${result.crashes.length}; ${result.seconds.toFixed(0)} s`,
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
const parts: Parts = { keys: await rsaKeys(24), random: seeded(seed), cluster };
const planted = plantedBugs.find((name) => name === values.planted);
if (values.planted !== undefined && planted === undefined) throw new Error(`No such bug; there are ${plantedBugs.join(', ')}.`);

const available = cluster === undefined ? [{ ...embedded, kills: 80 * size, orders: 2_000 * size }] : [embedded, postgres, hostile];
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
const passed = results.every(isClean) && found === bugs.length;
say(
  `chaos: ${sum((item) => item.kills)} kills, ${sum((item) => item.databaseStops)} database stops, ${sum((item) => item.orders)} orders; ` +
    `${sum((item) => item.findings.lost.length)} lost, ${sum((item) => item.findings.double.length)} double, ` +
    `${sum((item) => item.findings.changed.length)} changed answers; planted bugs found ${found} of ${bugs.length}: ${passed ? 'passed' : 'failed'}`,
);
process.exit(passed ? 0 : 1);
