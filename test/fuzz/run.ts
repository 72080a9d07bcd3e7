/** Mutates captured messages and holds the readers and handlers of untrusted bytes to their promises. `--help` tells the rest. */
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzzApi } from './api/run.js';
import type { Progress } from './loop.js';
import { slowMs } from './loop.js';
import { chooseTargets } from './targets.js';
import type { Message, Order } from './worker.js';

const help = `node --import tsx test/fuzz/run.ts [options]

  --short           1,000,000 messages on two processes (the default)
  --messages N      as many messages
  --workers N       on as many processes (default 2)
  --seed S          start from this number; the same seed, count and workers try the same messages (default: the time)
  --target NAME     only this target (see --list)
  --deep            300,000 requests that are right in form, signature and MAC whatever was changed inside, against profiles of all
                    kinds; what is issued is held against the policy by other people's readers. With --short: 3,000
  --target api      calls of the admin API of a whole node, made from its OpenAPI document: as it says, at its boundaries, hostile, by all
                    roles of two tenants and by strangers; --calls N (default 50,000; with --short 2,000). On PGlite, or in a fraction
                    of the time on PostgreSQL where TEST_DATABASE_URL is set
  --planted         with two bugs planted, which must be found: exit code 1 is then what you want
  --replay FILE     try one saved input again with --target; names that end in -vouched.bin are sent as vouched
  --list            the targets

Promises: no exception, no unhandled rejection, no message slower than ${slowMs} ms (measured again three times before it is
believed), every reply readable, memory bounded, no order recorded without authorisation; of the API:
no answer 5xx, every status and body as declared, nobody let in against the table of permissions or shown another tenant. Exit code 1 when one is broken.
`;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

interface Options {
  readonly messages: number;
  readonly workers: number;
  readonly seed: number;
  readonly planted: boolean;
  readonly deep: boolean;
  readonly only: string | undefined;
}

interface Totals {
  crashes: number;
  slow: number;
  memory: number;
}

async function run(options: Options): Promise<number> {
  const { messages, workers, seed, planted, deep, only } = options;
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-fuzz-'));
  const totals: Totals = { crashes: 0, slow: 0, memory: 0 };
  const states = new Map<number, Progress>();
  const start = Date.now();
  const seconds = () => Math.max(1, Math.round((Date.now() - start) / 1000));
  const summary = () => summarise([...states.values()]);
  say(`fuzz: seed ${seed}, ${messages} messages, ${workers} processes; inputs that find something go to ${folder}`);

  const timer = setInterval(() => {
    const { done, slowest, rssMb } = summary();
    const rate = Math.round(done / seconds());
    say(`fuzz: ${done} of ${messages}, ${rate}/s, ${totals.crashes} crashes, ${totals.slow} slow, slowest ${slowest}, ${rssMb} MB`);
  }, 5_000);
  const ends = await Promise.all(
    Array.from({ length: workers }, (_, worker) => {
      const slice = { seed, first: worker, step: workers, end: messages };
      const order: Order = { slice, planted, deep, folder, ...(only === undefined ? {} : { only }) };
      return startWorker(order, (message) => onMessage(message, worker, states, totals));
    }),
  );
  clearInterval(timer);

  for (const line of outcomeLines([...states.values()])) say(line);
  const { done, slowest, rssMb } = summary();
  const isClean = totals.crashes + totals.slow + totals.memory === 0 && ends.every((end) => end === 0) && done === messages;
  if (ends.some((end) => end !== 0)) say(`fuzz: a process ended with ${ends.join(', ')}`);
  const facts = `${totals.crashes} crashes, ${totals.slow} slower than ${slowMs} ms, slowest ${slowest}, ${rssMb} MB, ${seconds()} s`;
  say(`fuzz: ${done} messages, ${facts}, seed ${seed}, ${isClean ? 'passed' : 'FAILED'}`);
  return isClean ? 0 : 1;
}

/** What happened how often, the most frequent first. */
function outcomeLines(states: readonly Progress[]): string[] {
  const sums = new Map<string, number>();
  for (const { outcomes } of states) for (const [what, times] of Object.entries(outcomes)) sums.set(what, (sums.get(what) ?? 0) + times);
  const line = ([what, times]: readonly [string, number]) => `${String(times).padStart(8)}  ${what}`;
  return [...[...sums].sort((left, right) => right[1] - left[1]), ...[...groupSums(sums)].sort()].map(line);
}

/** Outcomes that begin with how their message was made, summed by that. */
function groupSums(sums: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const groups = new Map<string, number>();
  for (const [what, times] of sums) {
    const [target, group, ...rest] = what.split(': ');
    if (rest.length > 0) groups.set(`${target}: ${group}`, (groups.get(`${target}: ${group}`) ?? 0) + times);
  }
  return groups;
}

function startWorker(order: Order, listen: (message: Message) => void): Promise<number> {
  const child = fork(join(import.meta.dirname, 'worker.ts'), [JSON.stringify(order)], { execArgv: ['--import', 'tsx'] });
  child.on('message', (message) => listen(message as Message));
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 70)));
}

function onMessage(message: Message, worker: number, states: Map<number, Progress>, totals: Totals): void {
  if (message.kind !== 'finding') {
    states.set(worker, message.progress);
    return;
  }
  const { what, target, index, reason, file } = message;
  if (what === 'crash') totals.crashes += 1;
  else if (what === 'slow') totals.slow += 1;
  else totals.memory += 1;
  say(`fuzz: ${what} in ${target}, message ${index}: ${reason}`);
  say(`      again: node --import tsx test/fuzz/run.ts${target.endsWith('-deep') ? ' --deep' : ''} --target ${target} --replay ${file}`);
}

function summarise(states: readonly Progress[]): { done: number; slowest: string; rssMb: number } {
  const worst = states.reduce<Progress | undefined>((left, right) => (left === undefined || right.slowestMs > left.slowestMs ? right : left), undefined);
  const done = states.reduce((sum, state) => sum + state.done, 0);
  const rssMb = Math.round(Math.max(0, ...states.map((state) => state.rssBytes)) / 1_048_576);
  return { done, slowest: worst === undefined ? '-' : `${worst.slowestMs.toFixed(1)} ms (${worst.slowestTarget})`, rssMb };
}

async function replay(file: string, choice: { readonly only: string | undefined; readonly planted: boolean; readonly deep: boolean }): Promise<number> {
  const [target] = await chooseTargets({ ...choice, only: choice.only ?? '' });
  if (target === undefined) throw new Error('--replay needs --target with one of the names of --list.');
  const place = /-at(\d+)[-.]/.exec(file)?.[1];
  const trial = { bytes: readFileSync(file), isVouched: file.endsWith('-vouched.bin'), ...(place === undefined ? {} : { place: Number(place) }) };
  try {
    for (let times = 0; times < 3; times += 1) {
      const start = performance.now();
      say(`${await target.check(trial)}: ${(performance.now() - start).toFixed(1)} ms`);
    }
    return 0;
  } catch (error) {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return 1;
  }
}

async function runApi(calls: number, seed: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-fuzz-api-'));
  say(`fuzz api: seed ${seed}, ${calls} calls; those that find something go to ${folder}`);
  const begun = Date.now();
  const { findings, statuses, succeeded, operations, slowestMs, database, repeated } = await fuzzApi({ calls, seed, folder, say });
  for (const [status, times] of Object.entries(statuses)) say(`${String(times).padStart(8)}  ${status}`);
  const fives = Object.entries(statuses).reduce((sum, [status, times]) => (status.startsWith('5') ? sum + times : sum), 0);
  const again = repeated === 0 ? '' : `, ${repeated} asked again after a standstill of the machine`;
  const facts = `${findings.length} findings, ${fives} x 5xx, ${succeeded} of ${operations} operations succeeded at least once, slowest ${slowestMs} ms${again}`;
  say(
    `fuzz api on ${database}: ${calls} calls, ${facts}, ${Math.round((Date.now() - begun) / 1000)} s, seed ${seed}, ${findings.length === 0 ? 'passed' : 'FAILED'}`,
  );
  return findings.length === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      short: { type: 'boolean' },
      list: { type: 'boolean' },
      planted: { type: 'boolean', default: false },
      deep: { type: 'boolean', default: false },
      messages: { type: 'string' },
      calls: { type: 'string' },
      workers: { type: 'string', default: '2' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      target: { type: 'string' },
      replay: { type: 'string' },
    },
  });
  const { planted, deep, target: only } = values;
  const messages = Number(values.messages ?? (deep ? (values.short ? 3_000 : 300_000) : 1_000_000));
  if (values.help) say(help);
  else if (values.list) say((await chooseTargets({ planted, deep })).map((target) => target.name).join('\n'));
  else if (only === 'api') return runApi(Number(values.calls ?? (values.short ? 2_000 : 50_000)), Number(values.seed));
  else if (values.replay !== undefined) return replay(values.replay, { only, planted, deep });
  else return run({ messages, workers: Number(values.workers), seed: Number(values.seed), planted, deep, only });
  return 0;
}

process.exitCode = await main();
