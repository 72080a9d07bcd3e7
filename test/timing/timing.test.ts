import { generateKeyPairSync, randomBytes } from 'node:crypto';
import t from 'tap';
import { createKeyUnwrapper } from '../../src/protocol/cms/index.js';
import { leakyUnwrapper } from './classes.js';
import { measure } from './measure.js';
import { compareSamples, normalP } from './statistics.js';
import { judge } from './verdict.js';

const sorted = (values: readonly number[]): Float64Array => Float64Array.from(values).sort();

t.test('the statistics are those of the tables, and of a small case worked out by hand', async (t) => {
  t.ok(Math.abs(normalP(1.959964) - 0.05) < 1e-6);
  t.ok(Math.abs(normalP(3.290527) - 0.001) < 1e-7);
  // Means 3.5 and 7.5, variances 3.5 and 39.5. U = 8 of 36 with four ties of two, so that its variance is 3 (13 - 24/132).
  const [left, right] = [sorted([1, 2, 3, 4, 5, 6]), sorted([3, 4, 5, 6, 7, 20])];
  const { welchT, mannWhitneyZ, ksD, difference } = compareSamples(left, right, Number.POSITIVE_INFINITY);
  t.equal(difference, 4);
  t.ok(Math.abs(welchT - 4 / Math.sqrt(43 / 6)) < 1e-9, String(welchT));
  t.ok(Math.abs(mannWhitneyZ + 10 / Math.sqrt(3 * (13 - 24 / 132))) < 1e-9, String(mannWhitneyZ));
  t.ok(Math.abs(ksD - 1 / 3) < 1e-12, String(ksD));
  const same = compareSamples(left, left, Number.POSITIVE_INFINITY);
  t.same([same.welchT, same.mannWhitneyZ, same.ksD], [0, 0, 0]);
});

t.test('a shift is a difference, the same distribution is none', async (t) => {
  const noise = (shift: number) => Float64Array.from({ length: 4_000 }, () => 1_000 + shift + (randomBytes(1)[0] as number));
  const verdict = judge(new Map(Object.entries({ one: noise(0), two: noise(0), three: noise(40) })));
  t.same(
    verdict.pairs.filter(({ left, right }) => left !== 'one' || right !== 'two').map(({ isDifferent }) => isDifferent),
    [true, true],
  );
  t.equal(verdict.classes.length, 3);
});

t.test('every class is measured as often as asked, each time on a trial of its own', async (t) => {
  const made: Record<string, number> = { left: 0, right: 0 };
  const maker = (name: string) => () => {
    made[name] = (made[name] ?? 0) + 1;
    return () => undefined;
  };
  const samples = await measure({ left: maker('left'), right: maker('right') }, 450, () => undefined);
  t.same(
    [...samples].map(([name, values]) => [name, values.length, values.every((value) => value > 0)]),
    [
      ['left', 450, true],
      ['right', 450, true],
    ],
  );
  t.ok((made.left ?? 0) >= 450 + 450 && made.left === made.right, 'with the warm-up');
});

t.test('the planted leak unwraps what the real unwrapper does', async (t) => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const real = createKeyUnwrapper(privateKey);
  const noise = randomBytes(256).fill(0, 0, 1);
  t.equal(leakyUnwrapper(real).pkcs1(noise, 16).length, 16);
  t.notSame(leakyUnwrapper(real).pkcs1(noise, 16), real.pkcs1(noise, 16));
});
