import t from 'tap';
import { boundPairs, counter, type Figure, figuresHere, gauge, histogram, metricsText } from '../../src/runtime/metrics.js';

const requests = counter<'type'>('test_requests_total', 'Requests');
const depth = gauge<'queue'>('test_depth', 'Depth');
const seconds = histogram<'step'>('test_seconds', 'Seconds', [0.1, 1]);

const ours = async (): Promise<readonly Figure[]> => (await figuresHere()).filter(({ name }) => name.startsWith('test_'));

t.test('figures are told as Prometheus reads them', async (t) => {
  requests({ type: 'a' }).add();
  requests({ type: 'a' }).add(2);
  requests({ type: 'quoted "b"\n' }).add();
  depth({ queue: 'q' }).set(7);
  for (const value of [0.05, 0.1, 0.5, 3]) seconds({ step: 's' }).observe(value);
  const text = await metricsText([await ours()]);
  for (const line of [
    '# TYPE test_requests_total counter',
    'test_requests_total{type="a"} 3',
    'test_requests_total{type="quoted \\"b\\"\\n"} 1',
    'test_depth{queue="q"} 7',
    '# TYPE test_seconds histogram',
    'test_seconds_bucket{le="0.1",step="s"} 2',
    'test_seconds_bucket{le="1",step="s"} 3',
    'test_seconds_bucket{le="+Inf",step="s"} 4',
    'test_seconds_sum{step="s"} 3.65',
    'test_seconds_count{step="s"} 4',
  ]) {
    t.ok(text.split('\n').includes(line), line);
  }
});

t.test('what several processes counted is added up, and a figure of the installation is not', async (t) => {
  const one = await ours();
  const travelled = JSON.parse(JSON.stringify(one)) as readonly Figure[];
  const more: Figure = { name: 'test_up', help: 'Up', type: 'gauge', aggregator: 'max', values: [{ labels: {}, value: 1 }] };
  const lines = (await metricsText([one, travelled], [more])).split('\n');
  for (const line of ['test_requests_total{type="a"} 6', 'test_depth{queue="q"} 14', 'test_seconds_count{step="s"} 8', 'test_up 1'])
    t.ok(lines.includes(line), line);
  t.equal(lines.filter((line) => line.startsWith('# TYPE test_seconds ')).length, 1);
});

t.test('a single process tells of its memory and its start, several of what can be added', async (t) => {
  const all = await figuresHere();
  t.match(await metricsText([all]), /^process_start_time_seconds \d/m);
  t.match(await metricsText([all, all]), /^process_resident_memory_bytes \d+$/m);
  t.ok(all.every(({ values }) => values.every(({ value }) => Number.isFinite(value))));
});

t.test('a child of two labels is bound once', (t) => {
  const bound: string[] = [];
  const pairs = boundPairs((first: 'a' | 'b', second: 'x' | 'y') => {
    bound.push(first + second);
    return { first, second };
  });
  t.equal(pairs('a', 'x'), pairs('a', 'x'));
  t.same(pairs('b', 'y'), { first: 'b', second: 'y' });
  pairs('a', 'y');
  t.same(bound, ['ax', 'by', 'ay']);
  t.end();
});
