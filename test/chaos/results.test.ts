import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { plansFor, shareOf } from './plans.js';
import { type CampaignRecord, type ChaosRecord, keep, missingIn, readRecords, totalsOf } from './results.js';

const [plan] = plansFor(false, true);
if (plan === undefined) throw new Error('There is no plan.');

const run = (change: Partial<CampaignRecord> = {}): CampaignRecord => {
  const counts = { kills: 500, databaseStops: 25, freezes: 20, deaths: 50, finished: 10_000 };
  return { program: 'p', seed: 7, seconds: 60, plan: plan.name, isClean: true, findings: 0, ...counts, ...change };
};

t.test('shares of a plan add up to no less than the plan', async (t) => {
  for (const shares of [1, 3, 5, 7]) {
    const { kills, orders, databaseStops, freezes = 0 } = shareOf(plan, shares);
    t.ok(kills * shares >= 1_000 && orders * shares >= 20_000 && databaseStops * shares >= 50 && freezes * shares >= (plan.freezes ?? 0), `${shares}`);
  }
  t.same(shareOf(plan, 1), plan);
});

t.test('the short form is worth 200 kills and 2,000 enrolments', async (t) => {
  const sum = (count: 'kills' | 'orders') => plansFor(true, true).reduce((total, item) => total + item[count], 0);
  t.ok(sum('kills') >= 200 && sum('orders') >= 2_000, `${sum('kills')} kills, ${sum('orders')} enrolments`);
});

t.test('runs add up to the full form, and what is missing is named', async (t) => {
  t.same(missingIn([plan], [], [run(), run()]), []);
  t.same(missingIn([plan], [], [run()]), [
    `${plan.name}: 500 of 1000 kills`,
    `${plan.name}: 10000 of 20000 enrolments`,
    `${plan.name}: 25 of 50 database stops`,
    `${plan.name}: 20 of 40 freezes`,
    `${plan.name}: 50 of 100 deaths at named places`,
  ]);
  t.match(totalsOf(plan, [run(), run({ plan: 'another' }), run({ kills: 1 })]), { kills: 501 });
});

t.test('one run with a finding cannot be made good by others', async (t) => {
  t.same(missingIn([plan], [], [run(), run(), run({ isClean: false, findings: 1 })]), [`${plan.name}, seed 7: 1 findings or a crash`]);
});

t.test('each planted bug must have been found once', async (t) => {
  const hunt = (isFound: boolean): ChaosRecord => ({ program: 'p', seed: 1, seconds: 1, planted: 'naive-retry', isFound });
  t.same(missingIn([], ['naive-retry'], [hunt(false)]), ['the planted bug naive-retry']);
  t.same(missingIn([], ['naive-retry'], [hunt(false), hunt(true)]), []);
});

t.test('what another program has shown counts for nothing', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'gatehouse-chaos-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'results.jsonl');
  t.same(readRecords(file, 'p'), [], 'nothing yet');
  for (const record of [run(), run({ program: 'older' })]) keep(file, record);
  t.same(readRecords(file, 'p'), [run()]);
});
