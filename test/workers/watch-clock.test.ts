import t from 'tap';
import { createLog } from '../../src/runtime/log.js';
import { watchClock } from '../../src/workers/watch-clock.js';

t.test('F18 a clock that is found wrong stays so until it is found right; a database that is away says nothing of it', async (t) => {
  const found: (boolean | undefined)[] = [];
  const watch = watchClock(async () => found.shift(), createLog('silent'));
  t.equal(watch.isWrong(), false, 'before it was looked at');
  for (const [next, isWrong] of [
    [undefined, false],
    [true, false],
    [false, true],
    [undefined, true],
    [false, true],
    [true, false],
  ] as const) {
    found.push(next);
    await watch.job.run();
    t.equal(watch.isWrong(), isWrong, `${next}`);
  }
});
