/**
 * The failover campaign: two nodes serve devices on a PostgreSQL that Patroni keeps available; its leader is killed and its lead handed over, again
 * and again. Nothing acknowledged may be lost, double or changed, and no device may be answered anything worse than 503.
 *   npm run failover [-- --short] [--seed N] [--planted]
 * With `--planted` the standbys are asynchronous and behind: exit code 1 is then what you want.
 */
import { parseArgs } from 'node:util';
import { runCompiled } from '../bench/compiled.js';
import { say } from '../bench/report.js';
import { totalOf } from '../chaos/checker.js';
import { rsaKeys } from '../chaos/device/keys.js';
import { seeded } from '../chaos/randomness.js';
import { failOverUnderLoad } from './campaign.js';
import { missingPackages } from './high-availability.js';

await runCompiled('test/failover/run');

const { values } = parseArgs({
  options: { short: { type: 'boolean', default: false }, seed: { type: 'string' }, planted: { type: 'boolean', default: false } },
});
const missing = missingPackages();
if (missing.length > 0) {
  say(`failover: apt-get install -y ${missing.join(' ')}`);
  process.exit(2);
}
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const isBrief = values.short || values.planted;
say(`failover: seed ${seed}${values.planted ? ', asynchronous standbys' : ''}`);
const plan = {
  perPhase: isBrief ? 100 : 500,
  devices: 16,
  phaseSeconds: 300,
  kills: isBrief ? 1 : 10,
  switchovers: isBrief ? 1 : 5,
  planted: values.planted,
};
const { phases, transactions, orders, findings, broken } = await failOverUnderLoad(plan, { keys: await rsaKeys(8), random: seeded(seed), say });
for (const line of [...broken, ...Object.values(findings).flat()].slice(0, 20)) say(`    ${line}`);
const isPassed = totalOf(findings) === 0 && broken.length === 0 && orders === transactions;
say(
  `failover: ${plan.kills} kills of the leader, ${plan.switchovers} switchovers, ${phases.reduce((sum, { enrolled }) => sum + enrolled, 0)} enrolled, ` +
    `${transactions} transactions, ${orders} orders; lost ${findings.lost.length}, double ${findings.double.length}, changed ${findings.changed.length}, ` +
    `refused ${findings.refused.length}, unfinished ${findings.unfinished.length}, other faults ${broken.length}: ${isPassed ? 'passed' : 'failed'}`,
);
process.exit(isPassed ? 0 : 1);
