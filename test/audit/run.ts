/**
 * The tampering campaign: a thousand random changes of an export of the audit trail, and some hundred of the tables themselves, each judged by
 * both verifiers.
 *   npm run audit-tampering [-- --count N --seed N]
 */
import { parseArgs } from 'node:util';
import { rawStores } from '../support/raw-store.js';
import { type Attempt, isAgreed, isFound, tamperWithDatabase, tamperWithExports } from './campaign.js';
import { exported, growTrail } from './trail.js';
import { hasPython, ourVerdict, theirVerdicts } from './verifiers.js';

const { values } = parseArgs({ options: { count: { type: 'string', default: '1000' }, seed: { type: 'string' } } });
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

let failed = 0;
let passed = 0;

function report(what: string, attempts: readonly Attempt[]): void {
  const kinds = grouped(attempts);
  for (const [kind, some] of kinds) {
    const [found, agreed] = [some.filter(isFound).length, some.filter(isAgreed).length];
    say(
      `${what}: ${kind.padEnd(40)} ${String(some.length).padStart(5)} tried ${String(found).padStart(5)} found by both ${String(agreed).padStart(5)} at the same place`,
    );
  }
  for (const attempt of attempts.filter((item) => !isFound(item) || !isAgreed(item)).slice(0, 10)) say(`  ${JSON.stringify(attempt)}`);
  const found = attempts.filter((attempt) => isFound(attempt) && isAgreed(attempt)).length;
  passed += found;
  failed += attempts.length - found;
}

function grouped(attempts: readonly Attempt[]): ReadonlyMap<string, readonly Attempt[]> {
  const kinds = new Map<string, Attempt[]>();
  for (const attempt of attempts) kinds.set(attempt.kind, [...(kinds.get(attempt.kind) ?? []), attempt]);
  return kinds;
}

say(`seed ${seed}${hasPython() ? '' : '; python3 is missing: only one verifier judges'}`);
for (const raw of await rawStores()) {
  await growTrail(raw, 600, 6);
  const [lines, key, checkpoints] = [await exported(raw), await raw.store.auditChain.key(), await raw.store.auditChain.checkpoints(0, 100)];
  const evidence = { key, kept: checkpoints.slice(-1).map(({ note }) => note) };
  const untouched = [await ourVerdict(lines, evidence), ...(hasPython() ? await theirVerdicts([lines], evidence) : [])];
  say(`${raw.name}: untouched: ${untouched.join('; ')}`);
  if (untouched.every((verdict) => verdict === `sound 600 ${checkpoints.length}`)) passed += 1;
  else failed += 1;
  report(raw.name, await tamperWithExports(lines, evidence, Number(values.count), seed));
  report(`${raw.name}, in the tables`, await tamperWithDatabase(raw, evidence, 10, seed));
  await raw.close();
}
say(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
