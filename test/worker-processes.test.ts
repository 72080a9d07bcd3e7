import t from 'tap';
import { createLog } from '../src/runtime/log.js';
import { keepWorkers, type Nursery } from '../src/worker-processes.js';

type Listener = (code: number | null, signal: string | null) => void;

/** Workers that are ready at once unless `isReady` is false, end when they are told to, and a clock that is turned by hand. */
function stage(count: number, isReady = true) {
  const listeners: Listener[] = [];
  const stopped: number[] = [];
  const pauses: { readonly ms: number; readonly work: () => void }[] = [];
  const gaveUp: number[] = [];
  let time = 0;
  const nursery: Nursery = {
    fork() {
      const pid = listeners.length;
      return {
        pid,
        stop: () => void stopped.push(pid),
        onceReady: (listener) => (isReady ? listener() : undefined),
        onceEnded: (listener) => void listeners.push(listener),
      };
    },
    now: () => time,
    after(ms, work) {
      const pause = { ms, work };
      pauses.push(pause);
      return () => void pauses.splice(pauses.indexOf(pause), 1);
    },
  };
  const workers = keepWorkers(count, nursery, createLog('silent'), (code) => gaveUp.push(code));
  return {
    workers,
    stopped,
    gaveUp,
    pauses,
    forked: () => listeners.length,
    end(pid: number, livedMs: number, code: number | null, signal: string | null = null) {
      time += livedMs;
      listeners[pid]?.(code, signal);
    },
    /** Lets the first pause go by; says how long it was. */
    pass() {
      const pause = pauses.shift();
      time += pause?.ms ?? 0;
      pause?.work();
      return pause?.ms;
    },
  };
}

t.test('a worker that ends again and again is started again after pauses from 1 s to 30 s', async (t) => {
  const { end, pass, forked, gaveUp } = stage(2);
  t.equal(forked(), 2);
  const pauses = [1, 2, 3, 4, 5, 6, 7].map((round) => {
    end(forked() - 1, 100, null, 'SIGKILL');
    t.equal(forked(), round + 1, 'not at once');
    return pass();
  });
  t.strictSame(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  t.strictSame(gaveUp, []);
});

t.test('a worker that lived for a minute starts the pauses anew, and each place counts for itself', async (t) => {
  const { end, pass } = stage(2);
  end(1, 100, null, 'SIGSEGV');
  t.equal(pass(), 1_000);
  end(2, 100, 1);
  t.equal(pass(), 2_000, 'a failure is no reason to give up later than the first start');
  end(0, 100, null, 'SIGKILL');
  t.equal(pass(), 1_000, 'the other place');
  end(3, 60_000, 1);
  t.equal(pass(), 1_000);
  end(5, 59_999, 0);
  t.equal(pass(), 2_000);
});

t.test('a worker that fails within two seconds of the very first start ends the primary with its code', async (t) => {
  const first = stage(3);
  first.end(1, 1_999, 69);
  t.strictSame(first.gaveUp, [69]);
  t.strictSame(first.stopped, [0, 2]);
  first.end(0, 10, 0);
  first.end(2, 10, 70);
  t.equal(first.pauses.length, 0, 'nothing is started again');
  t.strictSame(first.gaveUp, [69], 'the first code counts');
  for (const [livedMs, code, signal] of [
    [2_000, 69, null],
    [10, null, 'SIGKILL'],
    [10, 0, null],
  ] as const) {
    const later = stage(1);
    later.end(0, livedMs, code, signal);
    t.strictSame(later.gaveUp, []);
    t.equal(later.pass(), 1_000);
    t.equal(later.forked(), 2);
  }
});

t.test('on the very first start a worker that fails before it was ready ends the primary, however slow the machine', async (t) => {
  const slow = stage(2, false);
  slow.end(0, 15_000, 78);
  t.strictSame(slow.gaveUp, [78]);
  const killed = stage(1, false);
  killed.end(0, 15_000, null, 'SIGKILL');
  t.equal(killed.pass(), 1_000, 'a signal says nothing about the next one');
  killed.end(1, 100, 78);
  t.strictSame(killed.gaveUp, []);
  t.equal(killed.pass(), 2_000);
});

t.test('who is stopped starts nothing again, not even what was pausing', async (t) => {
  const { workers, end, forked, stopped, pauses } = stage(2);
  end(0, 5_000, 1);
  t.equal(pauses.length, 1);
  workers.stop();
  t.equal(pauses.length, 0);
  t.strictSame(stopped, [1]);
  end(1, 10, 0);
  t.equal(pauses.length, 0);
  t.equal(forked(), 2);
});
