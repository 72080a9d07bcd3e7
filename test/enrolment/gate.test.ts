import t from 'tap';
import { createGate, maxWaiting } from '../../src/enrolment/gate.js';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Calls that end when they are told to. */
function held() {
  const ends: (() => void)[] = [];
  const call = () => new Promise<void>((resolve) => void ends.push(resolve));
  const release = async () => {
    while (ends.length > 0) {
      ends.shift()?.();
      await turn();
    }
  };
  return { call, release, running: () => ends.length };
}

t.test('no more calls of a connector are under way than its limit, and another connector does not wait for them', async (t) => {
  const gate = createGate();
  const [slow, other] = [held(), held()];
  const calls = [1, 2, 3].map(() => gate.run('slow', 2, slow.call));
  calls.push(gate.run('other', 2, other.call));
  await turn();
  t.equal(slow.running(), 2);
  t.equal(other.running(), 1);
  await Promise.all([slow.release(), other.release()]);
  await Promise.all(calls);
  t.equal(slow.running(), 0);
});

t.test('what arrives just as a waiting call is woken does not go beside it', async (t) => {
  const gate = createGate();
  const slow = held();
  let under = 0;
  let most = 0;
  const call = async () => {
    under += 1;
    most = Math.max(most, under);
    await slow.call();
    under -= 1;
  };
  const first = gate.run('c', 1, call);
  const waiting = gate.run('c', 1, call);
  const late = first.then(() => gate.run('c', 1, call));
  for (let turns = 0; turns < 3; turns += 1) await slow.release();
  await Promise.all([first, waiting, late]);
  t.equal(most, 1);
});

t.test('a call that fails makes room for the next', async (t) => {
  const gate = createGate();
  const broken = gate.run('c', 1, () => Promise.reject(new Error('broken')));
  let didRun = false;
  const next = gate.run('c', 1, async () => {
    didRun = true;
  });
  await t.rejects(broken, /broken/);
  await next;
  t.ok(didRun);
});

t.test('a connector that hangs gathers no endless queue: what finds it full is left to the worker', async (t) => {
  const gate = createGate();
  const hanging = held();
  let ran = 0;
  const first = gate.run('c', 1, hanging.call);
  const waiting = Array.from({ length: maxWaiting }, () =>
    gate.run('c', 1, async () => {
      ran += 1;
    }),
  );
  await gate.run('c', 1, () => Promise.reject(new Error('one too many was run')));
  let elsewhere = 0;
  await gate.run('d', 1, async () => {
    elsewhere += 1;
  });
  t.equal(elsewhere, 1, 'only the full connector is closed');
  await hanging.release();
  await Promise.all([first, ...waiting]);
  t.equal(ran, maxWaiting, 'all that waited had their turn');
  await gate.run('c', 1, async () => {
    ran += 1;
  });
  t.equal(ran, maxWaiting + 1, 'and the connector is open again');
});

t.test('a place is had at once, in its turn, or not within the patience of who asks; none is lost to one who gave up', async (t) => {
  const gate = createGate();
  const first = await gate.enter('c', 1, 0);
  t.ok(first);
  t.equal(gate.free('c', 1), 0);
  t.equal(await gate.enter('c', 1, 1), undefined, 'nobody left in that time');
  const second = gate.enter('c', 1, 60_000);
  await turn();
  first?.();
  const late = gate.enter('c', 1, 1);
  const leave = await second;
  t.ok(leave, 'who waited goes before who came late');
  t.equal(await late, undefined);
  leave?.();
  t.equal(gate.free('c', 1), 1);
  t.ok(await gate.enter('c', 1, 0));
});
