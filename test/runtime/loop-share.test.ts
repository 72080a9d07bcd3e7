import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { createLoopShare } from '../../src/runtime/loop-share.js';

/** A clock that work moves on, and a count of the turns of the event loop. */
function place(turnMs: number) {
  const state = { ms: 0, turn: 0 };
  return { share: createLoopShare(turnMs, () => state.ms), state };
}

t.test('what fits into one turn is begun at once; what comes beyond waits for later turns, each with its share, in the order asked', async (t) => {
  const { share, state } = place(25);
  const begun: (readonly [name: number, turn: number])[] = [];
  const work = async (name: number, ms: number): Promise<void> => {
    const turn = share.take();
    if (turn !== undefined) await turn;
    begun.push([name, state.turn]);
    state.ms += ms;
  };
  const all = [1, 2, 3, 4, 5].map((name) => work(name, 20));
  t.same(
    begun.map(([name]) => name),
    [1, 2],
    'the first, and the one that its share had room for',
  );
  for (; begun.length < 5; state.turn += 1) await setImmediate();
  await Promise.all(all);
  t.same(
    begun.map(([name]) => name),
    [1, 2, 3, 4, 5],
  );
  const turns = begun.slice(2).map(([, turn]) => turn);
  t.ok(
    turns.every((turn) => turns.filter((other) => other === turn).length <= 2),
    'no turn has more than its share',
  );
  await setImmediate();
  await setImmediate();
  t.equal(share.take(), undefined, 'nothing waits any more');
});

t.test('quick ones that wait begin together in one turn', async (t) => {
  const { share, state } = place(25);
  t.equal(share.take(), undefined);
  state.ms += 26;
  let begun = 0;
  const all = Array.from({ length: 40 }, async () => {
    await share.take();
    begun += 1;
  });
  t.equal(begun, 0);
  await setImmediate();
  await setImmediate();
  t.equal(begun, 40);
  await Promise.all(all);
});

t.test('who has had more than his share goes on in a later turn, of which each has one, even where nobody else waits', async (t) => {
  const { share, state } = place(25);
  const turns: number[] = [];
  const all = Array.from({ length: 5 }, async () => {
    await share.takeLater();
    turns.push(state.turn);
  });
  await Promise.resolve();
  t.same(turns, []);
  for (; turns.length < 5; state.turn += 1) await setImmediate();
  await Promise.all(all);
  t.equal(new Set(turns).size, 5);
});
