/**
 * Time in which this process could run. A machine with other work to do may hold a whole campaign for minutes - devices, CA, nodes and
 * database together; what is counted by this clock stands still meanwhile, so that no limit of the harness is used up by it.
 */

/** A look at the clock each so often; a look that comes much later than that was held up. */
const lookMs = 100;
const heldFromMs = 500;

export interface Awake {
  /** Milliseconds awake. */
  now(): number;
  /** For how long it was held since then, by the clock of the machine; of the last ten minutes. */
  heldMsSince(sinceMs: number): number;
}

interface Hold {
  readonly end: number;
  readonly ms: number;
}

const keptMs = 600_000;

/** `monotonicMs`: of the machine. Needs a look at it now and then, which `now` takes. */
export function createAwake(monotonicMs: () => number): Awake {
  let [awake, last] = [0, monotonicMs()];
  let holds: readonly Hold[] = [];
  const look = () => {
    const at = monotonicMs();
    if (at - last > heldFromMs) holds = [...holds.filter(({ end }) => end > at - keptMs), { end: at, ms: at - last }];
    awake += Math.min(at - last, heldFromMs);
    last = at;
  };
  return {
    now() {
      look();
      return awake;
    },
    heldMsSince(sinceMs) {
      look();
      return holds.reduce((sum, { end, ms }) => sum + Math.max(0, Math.min(ms, end - sinceMs)), 0);
    },
  };
}

/** The same for every process of the machine, whatever it takes the date for. */
export function machineMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

const own = createAwake(machineMs);
setInterval(own.now, lookMs).unref();

export const awakeMs = own.now;
export const heldMsSince = own.heldMsSince;
