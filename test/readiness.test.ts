import t from 'tap';
import { isClockRight, readinessOf } from '../src/readiness.js';

const at = (ms: number) => ({ now: () => new Date(ms) });
const saying = (ms: number) => ({ databaseNow: async () => new Date(ms) });
const now = Date.UTC(2030, 0, 1);

t.test('R6 a node whose clock is more than two seconds from that of the database is not ready', async (t) => {
  for (const [offset, isOk] of [
    [0, true],
    [1_900, true],
    [-1_900, true],
    [2_100, false],
    [-2_100, false],
    [3_600_000, false],
  ] as const) {
    const { ready, checks } = await readinessOf(saying(now + offset), at(now), false);
    t.same([ready, checks.clock, checks.database], [isOk, isOk ? 'ok' : 'failed', 'ok'], `${offset} ms`);
  }
});

t.test('a slow answer of the database is not taken for a wrong clock', async (t) => {
  const times = [now, now + 1_500];
  const clock = { now: () => new Date(times.shift() ?? now + 1_500) };
  t.equal((await readinessOf(saying(now + 3_400), clock, false)).ready, true);
});

t.test('a node without its database, or one that is closing, is not ready', async (t) => {
  const away = { databaseNow: () => Promise.reject(new Error('away')) };
  t.same(await readinessOf(away, at(now), false), { ready: false, checks: { database: 'failed', clock: 'ok', serving: 'ok' } });
  t.equal((await readinessOf(saying(now), at(now), true)).ready, false);
});

t.test('F18 what is known of the clock is known from a database that answers', async (t) => {
  const away = { databaseNow: () => Promise.reject(new Error('away')) };
  t.equal(isClockRight(await readinessOf(saying(now), at(now), true)), true);
  t.equal(isClockRight(await readinessOf(saying(now + 3_600_000), at(now), false)), false);
  t.equal(isClockRight(await readinessOf(away, at(now), false)), undefined);
});
