/**
 * The campaign of master keys: processes that change it are killed at random steps, and afterwards every value must open under the last key.
 *   npm run rotation [-- --kills N --values N --seed N]      on PGlite, and on PostgreSQL where TEST_DATABASE_URL is set
 *   npm run rotation -- --online [--kills N ...]             while two nodes serve devices, on a PostgreSQL of its own
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCompiled } from '../bench/compiled.js';
import { createCluster } from '../bench/postgres.js';
import { totalOf } from '../chaos/checker.js';
import { rsaKeys } from '../chaos/device/keys.js';
import { createDatabase } from '../support/database.js';
import { seededRandom } from '../support/random.js';
import { type Place, rotateUnderKills } from './campaign.js';
import { rotateWhileServing } from './serving.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    values: { type: 'string', default: '3000' },
    seed: { type: 'string' },
    online: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

if (values.online) {
  await runCompiled('test/rotation/run');
  process.exit((await runServing()) ? 0 : 1);
}

async function runServing(): Promise<boolean> {
  const cluster = await createCluster();
  if (cluster === undefined) {
    say('PostgreSQL is not installed: nodes that serve have nothing to share');
    return false;
  }
  say(`seed ${seed}`);
  const parts = { cluster, keys: await rsaKeys(8), random: seededRandom(seed), say };
  const { kills, rotations, enrolled, opened, unreadable, findings, broken } = await rotateWhileServing(parts, Number(values.values), Number(values.kills));
  for (const line of [...broken, ...Object.values(findings).flat()].slice(0, 20)) say(`    ${line}`);
  const isPassed = kills >= Number(values.kills) && unreadable === 0 && opened >= Number(values.values) && totalOf(findings) + broken.length === 0;
  say(
    `while two nodes serve: ${kills} kills, ${rotations} changes of the master key, ${enrolled} devices enrolled meanwhile, ${opened} values opened, ` +
      `${unreadable} unreadable, ${totalOf(findings)} findings of devices, ${broken.length} other faults: ${isPassed ? 'passed' : 'failed'}`,
  );
  return isPassed;
}

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-rotation-'));
const database = await createDatabase();
const places: readonly Place[] = [...(database === undefined ? [] : [{ name: 'PostgreSQL', at: database.url }]), { name: 'PGlite', at: join(folder, 'db') }];
say(`seed ${seed}`);
let [passed, failed] = [0, 0];
for (const place of places) {
  const { kills, rotations, opened, unreadable, wronglyOpened } = await rotateUnderKills(
    place,
    Number(values.values),
    Number(values.kills),
    seededRandom(seed),
  );
  say(
    `${place.name}: ${kills} kills, ${rotations} changes of the master key, ${opened} values opened, ${unreadable} unreadable, ${wronglyOpened} servers that started too early`,
  );
  for (const isGood of [kills >= Number(values.kills), rotations > 0, opened > Number(values.values), unreadable === 0, wronglyOpened === 0]) {
    if (isGood) passed += 1;
    else failed += 1;
  }
}
await database?.drop();
rmSync(folder, { recursive: true, force: true });
say(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
