import t from 'tap';
import { createAwake } from './awake.js';

function stand() {
  const clock = { ms: 5_000 };
  return { clock, awake: createAwake(() => clock.ms) };
}

t.test('time in which nobody could look is not counted', async (t) => {
  const { clock, awake } = stand();
  for (let look = 0; look < 10; look += 1) {
    clock.ms += 100;
    awake.now();
  }
  t.equal(awake.now(), 1_000);
  clock.ms += 120_000;
  t.equal(awake.now(), 1_500, 'half a second of it may have been its own');
});

t.test('tells for how long it was held since a time', async (t) => {
  const { clock, awake } = stand();
  clock.ms += 400;
  t.equal(awake.heldMsSince(5_000), 0);
  clock.ms += 60_000;
  t.equal(awake.heldMsSince(5_000), 60_000);
  t.equal(awake.heldMsSince(clock.ms - 10_000), 10_000, 'only what lies behind that time');
  t.equal(awake.heldMsSince(clock.ms), 0);
  clock.ms += 300;
  t.equal(awake.heldMsSince(5_000), 60_000);
});
