import t from 'tap';
import { type CallEnd, createBreaker } from '../../src/connectors/breaker.js';
import { type CircuitBoard, createCircuits, type OpenCircuit } from '../../src/connectors/circuits.js';
import { createRetryBudget } from '../../src/connectors/retry-budget.js';
import type { Issuer, IssuerAnswer } from '../../src/enrolment/ports.js';
import { createLog } from '../../src/runtime/log.js';

function stopwatch() {
  let now = 0;
  const pass = (ms: number): void => {
    now += ms;
  };
  return { ticks: () => now, pass };
}

const times = (count: number, work: () => void) => Array.from({ length: count }).forEach(work);

t.test('a breaker opens when half of twenty calls came to nothing, and not before', async (t) => {
  const { ticks, pass } = stopwatch();
  const breaker = createBreaker(ticks);
  const note = (end: CallEnd, count: number) => times(count, () => breaker.note(end));
  note('answered', 9);
  note('uncertain', 10);
  t.equal(breaker.openedBecause(), undefined, 'nineteen calls tell too little');
  note('uncertain', 1);
  t.equal(breaker.openedBecause(), 'Of 20 calls within 30 seconds 0 were not taken and 11 not answered.');

  const calm = createBreaker(ticks);
  times(40, () => calm.note('answered'));
  times(19, () => calm.note('uncertain'));
  t.equal(calm.openedBecause(), undefined, 'less than half');
  pass(31_000);
  times(19, () => calm.note('uncertain'));
  t.equal(calm.openedBecause(), undefined, 'what was before the window does not count');
  calm.note('uncertain');
  t.ok(calm.openedBecause());
});

t.test('five calls in a row that were not taken open it; one answer between closes the row', async (t) => {
  const breaker = createBreaker(stopwatch().ticks);
  times(4, () => breaker.note('definite'));
  breaker.note('answered');
  times(4, () => breaker.note('definite'));
  t.equal(breaker.openedBecause(), undefined);
  breaker.note('definite');
  t.equal(breaker.openedBecause(), '5 calls in a row were not taken.');
});

t.test('an open breaker lets one call through for each probe, and closes with the first answer', async (t) => {
  const breaker = createBreaker(stopwatch().ticks);
  breaker.open('another process says so');
  t.same([breaker.mayCall(), breaker.isHeld()], [false, true]);
  breaker.grantProbe();
  t.same([breaker.isHeld(), breaker.mayCall(), breaker.mayCall()], [false, true, false]);
  breaker.note('definite');
  t.ok(breaker.openedBecause(), 'the probe failed');
  breaker.grantProbe();
  t.equal(breaker.mayCall(), true);
  breaker.note('answered');
  t.same([breaker.openedBecause(), breaker.mayCall()], [undefined, true]);
  breaker.note('definite');
  t.equal(breaker.openedBecause(), undefined, 'it counts anew');
});

t.test('repeats are a tenth of the first calls, and one each second', async (t) => {
  const { ticks, pass } = stopwatch();
  const budget = createRetryBudget(ticks);
  let free = 0;
  while (budget.take()) free += 1;
  t.equal(free, 50, 'what was saved up');
  times(100, () => budget.noteFirst());
  let earned = 0;
  while (budget.take()) earned += 1;
  t.ok(earned === 9 || earned === 10, `${earned} for a hundred`);
  pass(3_000);
  let waited = 0;
  while (budget.take()) waited += 1;
  t.ok(waited === 3 || waited === 4, `${waited} for three seconds`);
});

/** What a database keeps for all processes. */
function sharedBoard(): CircuitBoard & { readonly standing: Map<string, string>; isProbeDue: boolean } {
  const standing = new Map<string, string>();
  const board = {
    standing,
    isProbeDue: false,
    async exchange(opened: readonly OpenCircuit[], closed: readonly string[]) {
      for (const id of closed) standing.delete(id);
      for (const { connectorId, reason } of opened) standing.set(connectorId, reason);
      return [...standing].map(([connectorId, reason]) => ({ connectorId, reason }));
    },
    async takeProbes(ids: readonly string[]) {
      if (!board.isProbeDue) return [];
      board.isProbeDue = false;
      return ids;
    },
  };
  return board;
}

function issuerThat(answer: () => IssuerAnswer): Issuer {
  return {
    timing: { timeoutMs: 1_000, maxProcessingMs: 0, concurrency: 1 },
    capabilities: { lookup: true, uniqueRef: false },
    issue: async () => answer(),
    lookup: async () => ({ kind: 'none' }),
    revoke: async () => ({ ok: true, value: true }),
    chain: async () => [],
  };
}

t.test('what one process finds down no process calls, one of them probes, and its answer opens the way for all', async (t) => {
  const board = sharedBoard();
  let isUp = false;
  const processes = Array.from({ length: 3 }, () => {
    const circuits = createCircuits(createLog('silent'));
    const issuer = circuits.guard(
      'ca',
      issuerThat(() => (isUp ? { kind: 'issued', certificate: Buffer.alloc(1) } : { kind: 'notSent', reason: 'refused' })),
    );
    return { circuits, issuer };
  });
  const shareAll = async () => {
    for (const { circuits } of processes) await circuits.share(board);
  };
  const may = () => processes.map(({ issuer }) => issuer.mayCall?.('first'));
  const [first] = processes;
  for (let call = 0; call < 5; call += 1) await first?.issuer.issue('ref', {} as never);
  t.same(may(), [false, true, true], 'nobody has been told yet');
  await shareAll();
  t.same(may(), [false, false, false]);
  t.same(
    processes.map(({ circuits }) => circuits.held()),
    [['ca'], ['ca'], ['ca']],
  );

  board.isProbeDue = true;
  await shareAll();
  t.same(may(), [true, false, false], 'one probe of all');
  await first?.issuer.issue('ref', {} as never);
  t.same(may(), [false, false, false], 'it was still down');

  isUp = true;
  board.isProbeDue = true;
  await shareAll();
  t.equal(first?.issuer.mayCall?.('lookup'), true, 'a look-up is as good a probe');
  await first?.issuer.issue('ref', {} as never);
  t.same(may(), [true, false, false]);
  await shareAll();
  t.same(may(), [true, true, true]);
  t.equal(board.standing.size, 0);
});

t.test('the engine in our own database is never held back', async (t) => {
  const circuits = createCircuits(createLog('silent'));
  const local = { ...issuerThat(() => ({ kind: 'notSent', reason: 'x' })), local: { sign: () => ({ ok: false, error: 'x' }) as const } };
  t.equal(circuits.guard('embedded', local), local);
});
