import t from 'tap';
import { randomOctets } from '../../src/runtime/random.js';

t.test('gives as many octets as asked for, never the same ones and never wiped ones', async (t) => {
  const seen = new Set<string>();
  for (let round = 0; round < 2_000; round += 1) {
    const octets = randomOctets(16);
    t.equal(octets.length, 16);
    seen.add(octets.toString('hex'));
  }
  t.equal(seen.size, 2_000);
  t.notOk(seen.has('0'.repeat(32)));
});

t.test('what was given out is not changed by what is drawn later', async (t) => {
  const first = randomOctets(48);
  const copy = Buffer.from(first);
  for (let round = 0; round < 300; round += 1) randomOctets(48);
  t.ok(first.equals(copy));
});

t.test('gives whole pools and refuses more', async (t) => {
  t.equal(new Set(randomOctets(4096)).size > 200, true);
  t.throws(() => randomOctets(4097), RangeError);
});
