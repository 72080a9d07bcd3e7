/**
 * Long loads: devices that poll, a million requests, the questions of discovery, and a quarter of an hour of everything at once.
 *   node --import tsx test/soak/run.ts [--short] [--only polls|memory|discovery|endurance] [--minutes 15]
 * Exit code 1 when an answer was wrong or a limit was passed.
 */
import { parseArgs } from 'node:util';
import { runCompiled } from '../bench/compiled.js';
import { describeMachine } from '../bench/machine.js';
import { say } from '../bench/report.js';
import { rsaKeys } from '../chaos/device/keys.js';
import { discoveryRate } from './discovery.js';
import { endure } from './endurance.js';
import { type Figure, isKept, lineOf } from './figure.js';
import { flatMemory } from './memory.js';
import { pollStorm } from './polls.js';

await runCompiled('test/soak/run');

const { values } = parseArgs({ options: { short: { type: 'boolean', default: false }, only: { type: 'string' }, minutes: { type: 'string' } } });
const { short } = values;
for (const [name, value] of Object.entries(describeMachine())) say(`${name.padEnd(12)}${value}`);
const keys = await rsaKeys(16);

const parts: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  memory: () => flatMemory(keys, short ? 20_000 : 1_000_000),
  polls: () => pollStorm(keys, short ? 1_000 : 10_000, short ? 1 : 3),
  discovery: () => discoveryRate(short ? 5_000 : 100_000),
  endurance: () => endure(keys, Number(values.minutes ?? (short ? 1 : 15))),
};
const wanted = Object.keys(parts).filter((name) => values.only === undefined || name === values.only);
if (wanted.length === 0) throw new Error(`--only takes one of ${Object.keys(parts).join(', ')}.`);

const figures: Figure[] = [];
for (const name of wanted) {
  say(`\n${name}`);
  const found = (await parts[name]?.()) ?? [];
  for (const item of found) say(lineOf(item));
  figures.push(...found);
}
const broken = figures.filter((item) => !isKept(item)).length;
say(`\nsoak: ${figures.length} figures, ${broken} FAILED`.replace('0 FAILED', 'none failed'));
process.exit(broken === 0 ? 0 : 1);
