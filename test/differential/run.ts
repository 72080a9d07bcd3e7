/** Holds our reading of the outer SignedData of SCEP requests against OpenSSL's. `--help` tells the rest. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadCorpus } from '../fuzz/corpus.js';
import { loadWorld } from '../fuzz/world.js';
import { seededRandom } from '../support/random.js';
import { compare, ourReader, type Tally } from './compare.js';
import { exceptions } from './exceptions.js';
import { createMutants, type Mutant, mutantKinds } from './mutants.js';
import { commandOracle, hasPython, libcryptoOracle, type Oracle } from './oracle.js';

const help = `npm run differential -- [options]

  --short           10,000 mutants, 200 of them also by the openssl command
  --messages N      as many mutants (default 200,000)
  --confirm N       try so many of them with the openssl command too (default 2,000): both ways to ask OpenSSL must agree
  --seed S          start from this number; the same seed tries the same mutants (default: the time)
  --replay FILE     what both sides say of one saved mutant

Promise: nothing is accepted here that OpenSSL refuses, but for the exceptions that are listed with their reasons.
Exit code 1 when it is broken. Without python3, every mutant costs one run of the openssl command.
`;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h' },
    short: { type: 'boolean', default: false },
    messages: { type: 'string' },
    confirm: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    replay: { type: 'string' },
  },
});
const messages = Number(values.messages ?? (values.short ? 10_000 : 200_000));
const confirmations = Number(values.confirm ?? (values.short ? 200 : 2_000));
const seed = Number(values.seed);

/** How often the quick oracle and the command disagree on a sample spread over the campaign. */
async function disagreements(quick: Oracle, make: (index: number) => Mutant): Promise<number> {
  const command = commandOracle();
  let [wrong, accepted] = [0, 0];
  const count = Math.min(confirmations, messages);
  for (let number = 0; number < count; number += 1) {
    const { bytes } = make(Math.floor((number * messages) / count));
    const [left, right] = [await quick.verify(bytes), await command.verify(bytes)];
    if (left.isAccepted !== right.isAccepted) wrong += 1;
    if (right.isAccepted) accepted += 1;
  }
  command.close();
  say(`differential: ${count} mutants by both oracles, ${accepted} accepted, ${wrong} verdicts differ`);
  return wrong;
}

function report(tally: Tally, found: number): void {
  const { both, neither, onlyOpenssl, excepted, acceptedByKind } = tally;
  const only = [...onlyOpenssl.values()].reduce((sum, item) => sum + item, 0);
  say(`\naccepted by both         ${both}`);
  for (const kind of mutantKinds) say(`    accepted by us: ${kind.padEnd(36)} ${acceptedByKind.get(kind) ?? 0}`);
  say(`refused by both          ${neither}`);
  say(`accepted by OpenSSL only ${only}`);
  for (const [code, times] of [...onlyOpenssl].sort((left, right) => right[1] - left[1])) say(`    ours says ${code.padEnd(42)} ${times}`);
  say(`accepted by us only, listed   ${[...excepted.values()].reduce((sum, item) => sum + item, 0)}`);
  for (const [exception, times] of excepted) say(`    ${String(times).padStart(6)}  ${exception}: ${exceptions[exception]}`);
  say(`accepted by us only, unlisted ${found}`);
}

async function replay(file: string, oracle: Oracle): Promise<number> {
  const bytes = readFileSync(file);
  const ours = ourReader(bytes);
  const theirs = await oracle.verify(bytes);
  say(`ours: ${ours.ok ? 'accepted' : `${ours.error.code}: ${ours.error.detail}`}\nOpenSSL: ${theirs.isAccepted ? 'accepted' : theirs.reason}`);
  return ours.ok && !theirs.isAccepted ? 1 : 0;
}

async function campaign(oracle: Oracle): Promise<number> {
  const make = createMutants(loadCorpus(), loadWorld());
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-differential-'));
  say(`differential: seed ${seed}, ${messages} mutants, ${oracle.name}; what finds something goes to ${folder}`);
  const start = Date.now();
  let [found, told] = [0, start];
  const tally = await compare({
    seed,
    messages,
    make,
    read: ourReader,
    oracle,
    found: ({ index, mutant, reason }) => {
      found += 1;
      if (found > 20) return;
      const file = join(folder, `${seed}-${index}.der`);
      writeFileSync(file, mutant.bytes);
      say(`differential: accepted here, and OpenSSL says "${reason}" (${mutant.kind}): --replay ${file}`);
    },
    progress: (done, { both }) => {
      if (Date.now() - told < 5_000) return;
      told = Date.now();
      say(`differential: ${done} of ${messages}, ${Math.round((done * 1000) / (told - start))}/s, ${both} accepted by both, ${found} findings`);
    },
  });
  const wrong = hasPython() ? await disagreements(oracle, (index) => make(seededRandom(seed, index))) : 0;
  report(tally, found);
  const isClean = found === 0 && wrong === 0 && tally.both > 0;
  say(`differential: ${messages} mutants, ${found} findings, ${Math.round((Date.now() - start) / 1000)} s, seed ${seed}, ${isClean ? 'passed' : 'FAILED'}`);
  return isClean ? 0 : 1;
}

if (values.help) say(help);
else {
  const oracle = hasPython() ? await libcryptoOracle() : commandOracle();
  process.exitCode = values.replay === undefined ? await campaign(oracle) : await replay(values.replay, oracle);
  oracle.close();
}
