import t from 'tap';
import { figure, isKept, lineOf } from './figure.js';
import { slopeOf } from './memory.js';

t.test('the slope is that of the line through the checkpoints', async (t) => {
  const points = [1, 2, 3, 4].map((step) => ({ requests: step * 1_000, bytes: 5_000_000 + step * 16_000 }));
  t.equal(slopeOf(points), 16);
  t.equal(slopeOf(points.map((point) => ({ ...point, bytes: 7 }))), 0);
});

t.test('a figure fails by its limit and by wrong answers', async (t) => {
  t.ok(isKept(figure('a', 1, 'ms', { most: 1 })));
  t.notOk(isKept(figure('a', 1.01, 'ms', { most: 1 })));
  t.notOk(isKept(figure('a', 0, 'ms', { faults: 1 })));
  t.equal(lineOf(figure('a poll', 1.2345, 'ms', { most: 1, faults: 2 })), 'FAILED a poll: 1.234 ms, at most 1, 2 WRONG ANSWERS');
});
