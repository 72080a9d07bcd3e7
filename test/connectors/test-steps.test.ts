import t from 'tap';
import { runSteps, type Step } from '../../src/connectors/test-steps.js';

// Deadlines alone keep no process alive, and what hangs here holds nothing else.
const alive = setInterval(() => {}, 1_000);
t.teardown(() => clearInterval(alive));

const never: Step[1] = () => new Promise(() => {});
const said =
  (message: string): Step[1] =>
  async () =>
    message;

t.test('steps run in turn up to the first that fails, which says why', async (t) => {
  const report = await runSteps(
    [
      ['one', said('well')],
      ['two', () => Promise.reject(new Error('not well'))],
      ['three', never],
    ],
    { stepMs: 60_000 },
  );
  t.match(report, {
    ok: false,
    steps: [
      { name: 'one', ok: true, message: 'well' },
      { name: 'two', ok: false, message: 'not well' },
    ],
  });
  t.equal(report.steps.length, 2);
});

t.test('a step that waits for a silent peer fails in words, whether or not it listens to its deadline', async (t) => {
  t.match(await runSteps([['dns', never]], { stepMs: 20 }), { ok: false, steps: [{ name: 'dns', message: 'No answer within 0.02 seconds.' }] });
  t.match(await runSteps([['tcp', never, 30]], { stepMs: 60_000 }), { steps: [{ message: 'No answer within 0.03 seconds.' }] }, 'its own bound');
  t.match(await runSteps([['tcp', never, 60_000]], { stepMs: 40 }), { steps: [{ message: 'No answer within 0.04 seconds.' }] }, 'never above that of all');
  const listening: Step[1] = (deadline) =>
    new Promise((_, reject) => deadline.addEventListener('abort', () => setImmediate(reject, new Error('ca.example did not answer in time'))));
  t.match(await runSteps([['rest', listening]], { stepMs: 20 }), { steps: [{ message: 'ca.example did not answer in time' }] }, 'its own words are better');
});

t.test('the time of the whole test ends the step that runs, and what was found before stays', async (t) => {
  const whole = AbortSignal.timeout(50);
  const report = await runSteps(
    [
      ['dns', said('found')],
      ['tcp', never],
    ],
    { stepMs: 60_000, whole },
  );
  t.match(report, {
    ok: false,
    steps: [
      { ok: true, message: 'found' },
      { name: 'tcp', ok: false, message: 'The time for the whole test was over.' },
    ],
  });
});
