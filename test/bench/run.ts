/**
 * The benchmark: what the cryptography alone would cost, and what Gatehouse takes, in one run and as a ratio.
 *   node --import tsx test/bench/run.ts [--short] [--only NAME] [--json FILE]
 * It measures and never judges by time: the exit code is 1 only when an answer was wrong or refused.
 */
import { parseArgs } from 'node:util';
import { rsaKeys } from '../chaos/device/keys.js';
import { kurRow, pbmac1Row, rrRow } from './cmp-operations.js';
import { irRow, p10crRow } from './cmp-path.js';
import { runCompiled } from './compiled.js';
import { farRows } from './far-path.js';
import { type Extent, httpRows, peerRows } from './http-path.js';
import { listRows } from './lists.js';
import { describeMachine } from './machine.js';
import { overloadRows } from './overload-path.js';
import { type Row, say, table, writeJson } from './report.js';
import { scepRow, type ThreadExtent } from './scep-path.js';
import { startRows } from './start-path.js';

await runCompiled('test/bench/run');

const { values } = parseArgs({ options: { short: { type: 'boolean', default: false }, only: { type: 'string' }, json: { type: 'string' } } });
const extent: Extent = values.short
  ? { windows: 2, seconds: 1, requests: 2_000, connections: [16] }
  : { windows: 5, seconds: 2, requests: 6_000, connections: [8, 16, 32, 64] };

const thread: ThreadExtent = values.short ? { windows: 3, seconds: 1, messages: 2_000 } : { windows: 5, seconds: 2, messages: 4_000 };

const machine = describeMachine();
for (const [name, value] of Object.entries(machine)) say(`${name.padEnd(12)}${value}`);
const keys = await rsaKeys(32);

const parts: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  scep: async () => [await scepRow('P-256', keys, thread), await scepRow('RSA-2048', keys, thread)],
  cmp: async () => [
    await irRow('P-256', thread),
    await irRow('RSA-2048', thread),
    await p10crRow('P-256', thread),
    await p10crRow('RSA-2048', thread),
    await pbmac1Row('P-256', thread),
    await kurRow('P-256', thread),
    await rrRow('P-256', thread),
  ],
  http: () => httpRows(keys, extent),
  remote: () => farRows(keys, extent),
  overload: () => overloadRows(keys, extent),
  micromdm: () => peerRows(keys, extent),
  lists: () =>
    listRows(
      values.short ? { orders: 20_000, certificates: 2_000, tenants: 10, rounds: 5 } : { orders: 1_000_000, certificates: 100_000, tenants: 50, rounds: 100 },
    ),
  start: () => startRows(values.short ? 1 : 3),
};
const wanted = Object.keys(parts).filter((name) => values.only === undefined || name === values.only);
if (wanted.length === 0) throw new Error(`--only takes one of ${Object.keys(parts).join(', ')}.`);

const rows: Row[] = [];
for (const name of wanted) {
  say(`\n${name}`);
  rows.push(...((await parts[name]?.()) ?? []));
}
say(`\n${table(rows)}`);
if (values.json !== undefined) writeJson(values.json, machine, rows);
process.exit(rows.every((row) => row.faults === 0) ? 0 : 1);
