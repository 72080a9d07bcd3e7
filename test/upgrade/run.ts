/**
 * The upgrade campaign: two nodes of the version before serve devices on PostgreSQL, the schema is brought up with this version, and the nodes are
 * replaced one after the other. Nothing may be lost, double or refused, and no device may be answered anything worse than 503.
 *   npm run upgrade [-- --short] [--from REF] [--seed N] [--planted]
 * With `--planted` the schema loses a column that the version before needs: exit code 1 is then what you want.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCompiled, tree } from '../bench/compiled.js';
import { createCluster } from '../bench/postgres.js';
import { say } from '../bench/report.js';
import { totalOf } from '../chaos/checker.js';
import { rsaKeys } from '../chaos/device/keys.js';
import { seeded } from '../chaos/randomness.js';
import { upgradeUnderLoad } from './campaign.js';
import { buildFormer, formerRef } from './former.js';

await runCompiled('test/upgrade/run');

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    from: { type: 'string' },
    seed: { type: 'string' },
    planted: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const root = process.cwd();
const ref = values.from ?? formerRef(root);
const cluster = await createCluster();
if (ref === undefined || cluster === undefined) {
  say(ref === undefined ? 'upgrade: there is no version before this one in the history; name one with --from' : 'upgrade: PostgreSQL is not installed');
  process.exit(2);
}
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
say(`upgrade: from ${ref}, seed ${seed}`);
const former = buildFormer(root, ref);
const plan = {
  perPhase: values.short ? 60 : 1_000,
  devices: values.short ? 8 : 24,
  phaseSeconds: values.planted ? 60 : 600,
  ...(values.planted && { planted: 'alter table orders rename column subject to device' }),
};
const parts = { cluster, keys: await rsaKeys(8), random: seeded(seed), former: former.main, present: join(tree, 'src/main.js'), say };
const { phases, steps, transactions, orders, findings, broken } = await upgradeUnderLoad(plan, parts);
say(`steps that ran meanwhile: ${steps.length === 0 ? 'none' : steps.join(', ')}`);
for (const line of [...broken, ...Object.values(findings).flat()].slice(0, 20)) say(`    ${line}`);
const isPassed = totalOf(findings) === 0 && broken.length === 0 && orders === transactions;
say(
  `upgrade: ${phases.reduce((sum, { enrolled }) => sum + enrolled, 0)} enrolled in ${phases.length} phases, ${transactions} transactions, ${orders} orders; ` +
    `lost ${findings.lost.length}, double ${findings.double.length}, changed ${findings.changed.length}, refused ${findings.refused.length}, ` +
    `unfinished ${findings.unfinished.length}, other faults ${broken.length}: ${isPassed ? 'passed' : 'failed'}`,
);
process.exit(isPassed ? 0 : 1);
