import t from 'tap';
import { growthOf } from './endurance.js';
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

t.test('growth is that of what the collector leaves, after the first third', async (t) => {
  const minute = (index: number, megabytes: number) => ({ hours: index / 60, megabytes });
  const saw = Array.from({ length: 90 }, (_, index) => minute(index, 50 + (index % 6) * 4));
  t.ok(Math.abs(growthOf(saw)) < 1e-9, 'a heap that fills and is emptied does not grow');
  t.ok(Math.abs(growthOf(saw.map(({ hours, megabytes }) => ({ hours, megabytes: megabytes + 30 * hours }))) - 30) < 1e-6, 'a leak beneath it is seen');
  t.ok(Math.abs(growthOf(saw.map((one, index) => (index < 30 ? minute(index, index) : one)))) < 1e-9, 'warming up is not a leak');
  t.equal(growthOf([]), 0);
});
