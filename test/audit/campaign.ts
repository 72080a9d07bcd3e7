import { sql } from 'kysely';
import { seededRandom } from '../support/random.js';
import type { RawStore } from '../support/raw-store.js';
import { tamperings } from './tampering.js';
import { databaseTamperings, exported, keepCopies, restoreCopies } from './trail.js';
import { type Evidence, hasPython, ourVerdict, theirVerdicts } from './verifiers.js';

/** One attempt; `theirs` is undefined without Python. */
export interface Attempt {
  readonly kind: string;
  readonly ours: string;
  readonly theirs: string | undefined;
}

const batch = 50;

/** Tampers with the lines `count` times, every kind in turn. */
export async function tamperWithExports(lines: readonly string[], evidence: Evidence, count: number, seed: number): Promise<readonly Attempt[]> {
  const names = Object.keys(tamperings);
  const made = Array.from({ length: count }, (_, index) => {
    const kind = names[index % names.length] as string;
    return { kind, lines: tampered(lines, kind, evidence, seed, index) };
  });
  return judged(made, evidence);
}

/** A bit or a swap can leave things as they were: then the next number of the stream is taken. */
function tampered(lines: readonly string[], kind: string, { key }: Evidence, seed: number, index: number): readonly string[] {
  const random = seededRandom(seed, index);
  const before = lines.join('\n');
  for (let tries = 0; tries < 100; tries += 1) {
    const copy = [...lines];
    tamperings[kind]?.(copy, random, key);
    if (copy.join('\n') !== before) return copy;
  }
  throw new Error(`"${kind}" changes nothing.`);
}

/** Tampers with the tables themselves, each time with those of before, and exports. */
export async function tamperWithDatabase(raw: RawStore, evidence: Evidence, rounds: number, seed: number): Promise<readonly Attempt[]> {
  const events = (await raw.store.auditChain.state()).signed;
  const random = seededRandom(seed);
  const made: { kind: string; lines: readonly string[] }[] = [];
  await keepCopies(raw);
  for (let round = 0; round < rounds; round += 1) {
    for (const [kind, statement] of Object.entries(databaseTamperings(1 + random.below(events)))) {
      await sql.raw(statement).execute(raw.connection.kysely);
      made.push({ kind, lines: await exported(raw) });
      await restoreCopies(raw);
    }
  }
  return judged(made, evidence);
}

async function judged(made: readonly { readonly kind: string; readonly lines: readonly string[] }[], evidence: Evidence): Promise<readonly Attempt[]> {
  const attempts: Attempt[] = [];
  for (let from = 0; from < made.length; from += batch) {
    const some = made.slice(from, from + batch);
    const theirs = hasPython()
      ? await theirVerdicts(
          some.map(({ lines }) => lines),
          evidence,
        )
      : [];
    for (const [at, { kind, lines }] of some.entries()) attempts.push({ kind, ours: await ourVerdict(lines, evidence), theirs: theirs[at] });
  }
  return attempts;
}

export const isFound = ({ ours, theirs }: Attempt): boolean => ours.startsWith('fault ') && (theirs === undefined || theirs.startsWith('fault '));
export const isAgreed = ({ ours, theirs }: Attempt): boolean => theirs === undefined || ours === theirs;
