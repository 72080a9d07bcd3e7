import t from 'tap';
import { armFailpoints, disarmFailpoints, failpoint } from '../../src/runtime/failpoint.js';

t.teardown(disarmFailpoints);

t.test('a place that nobody armed is passed', async (t) => {
  failpoint('claimed');
  armFailpoints('answered:throw');
  failpoint('claimed');
  t.throws(() => failpoint('answered'), /failpoint answered/);
});

t.test('an armed place is passed so often before, and acts once', async (t) => {
  armFailpoints('claimed:throw:2,settled:throw');
  failpoint('claimed');
  failpoint('claimed');
  t.throws(() => failpoint('claimed'));
  failpoint('claimed');
  t.throws(() => failpoint('settled'));
});

t.test('what is no failpoint is refused', async (t) => {
  for (const spec of ['', 'claimed', 'claimed:explode', 'claimed:kill:x']) t.throws(() => armFailpoints(spec), /is no failpoint/);
});

t.test('an error that nobody catches comes from a promise, not from the place itself', async (t) => {
  armFailpoints('here:reject');
  t.teardown(disarmFailpoints);
  const caught = new Promise((resolve) => process.once('unhandledRejection', resolve));
  t.doesNotThrow(() => failpoint('here'));
  t.match(String(await caught), /failpoint here/);
});
