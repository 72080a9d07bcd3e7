import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { createMacKeys, deriveMacKey, pbmac1Parameters, pbmParameters } from '../../../src/protocol/cmp/index.js';
import { isOutage } from '../../../src/runtime/outage.js';
import { createTurns } from '../../../src/runtime/turns.js';

/** A piece of work that ends when it is told to. */
function piece() {
  const ends: (() => void)[] = [];
  const state = { begun: 0, most: 0, running: 0 };
  const work = async (): Promise<string> => {
    state.begun += 1;
    state.running += 1;
    state.most = Math.max(state.most, state.running);
    await new Promise<void>((resolve) => void ends.push(resolve));
    state.running -= 1;
    return 'done';
  };
  return { state, work, endOne: () => ends.shift()?.() };
}

t.test('CMP-203 so many derivations run at once, the others in their turn; who sends too many is told to come again', async (t) => {
  const turns = createTurns({ atOnce: 2, waiting: 3, perSource: 3 }, 'Too many.');
  const { state, work, endOne } = piece();
  const begun = [turns.run('a', work), turns.run('a', work), turns.run('a', work)];
  await t.rejects(turns.run('a', work), { name: 'Busy' }, 'three of one source');
  begun.push(turns.run('b', work), turns.run('c', work));
  const refused: unknown = await turns.run('d', work).catch((error: unknown) => error);
  t.ok(isOutage(refused), 'three are waiting already: the device is told that the service is away for now');
  t.equal(state.begun, 2);
  for (let i = 0; i < 5; i += 1) {
    endOne();
    await setImmediate();
  }
  t.same(
    await Promise.all(begun),
    Array.from({ length: 5 }, () => 'done'),
  );
  t.equal(state.most, 2);
  const again = turns.run('a', work);
  await setImmediate();
  endOne();
  t.equal(await again, 'done', 'places are free again');
  await t.rejects(
    turns.run('a', async () => Promise.reject(new Error('broken'))),
    /broken/,
  );
  const last = turns.run('a', work);
  await setImmediate();
  endOne();
  t.equal(await last, 'done', 'also after a failure');
});

t.test('CMP-064 CMP-203 the longest chains of many devices leave the event loop a turn after each short piece', async (t) => {
  const keys = createMacKeys();
  const secret = randomBytes(24);
  const chains = Array.from({ length: 6 }, () => pbmParameters({ salt: randomBytes(16), owf: 'sha256', iterationCount: 100_000, mac: 'sha256' }));
  const counted = { turns: 0, isOver: false };
  const count = async (): Promise<void> => {
    while (!counted.isOver) {
      counted.turns += 1;
      await setImmediate();
    }
  };
  const counting = count();
  const derived = await Promise.all(chains.map((parameters, index) => keys.keyFor(parameters, secret, `source-${index}`)));
  counted.isOver = true;
  await counting;
  // 25 pieces of 4,000 hashes each, of two chains at a time.
  t.ok(counted.turns >= 6 * 24 * 0.4, `${counted.turns} turns`);
  t.same(derived[5], await deriveMacKey(chains[5] as (typeof chains)[number], secret));
  const again = await keys.keyFor(chains[5] as (typeof chains)[number], secret);
  t.equal(again, derived[5], 'kept');
});

t.test('CMP-203 PBKDF2 takes at most two threads of the pool, short chains none and no turn', async (t) => {
  const { state, work, endOne } = piece();
  const run = async <T>(_source: string, derive: () => Promise<T>): Promise<T> => {
    await work();
    return derive();
  };
  const turns = { run };
  const keys = createMacKeys(10, turns);
  const short = pbmParameters({ salt: randomBytes(16), owf: 'sha512', iterationCount: 2_000, mac: 'sha256' });
  await keys.keyFor(short, randomBytes(24));
  t.equal(state.begun, 0);
  const slow = pbmac1Parameters({ salt: randomBytes(16), iterationCount: 1_000, keyLength: 32, prf: 'sha256', mac: 'sha256' });
  const key = keys.keyFor(slow, randomBytes(24));
  await setImmediate();
  t.equal(state.begun, 1, 'in its turn');
  endOne();
  t.equal((await key).length, 32);
});
