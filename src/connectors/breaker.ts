/** Monotonic milliseconds. */
export type Ticks = () => number;

/** `definite`: the call did nothing at the CA; `uncertain`: it may have. Each alone says that the CA does not serve. */
export type CallEnd = 'answered' | 'definite' | 'uncertain';

export interface Breaker {
  /** Whether a call may go out: always while the CA is taken for up, else only on a granted probe, which is used up by asking. */
  mayCall(): boolean;
  note(end: CallEnd): void;
  /** Whether a call would be kept back now; asking uses nothing up. */
  isHeld(): boolean;
  /** Why the CA is taken for down; undefined while it is up. */
  openedBecause(): string | undefined;
  /** Another process found it down, or up again. */
  open(reason: string): void;
  close(): void;
  /** One call may try whether it is up again. */
  grantProbe(): void;
}

const windowMs = 30_000;
const leastCalls = 20;
const badShare = 0.5;
/** In a row and without one answer between: nobody is there. */
const definiteInARow = 5;

interface Second {
  readonly at: number;
  calls: number;
  definite: number;
  uncertain: number;
}

/**
 * Opens when half of at least twenty calls of the last thirty seconds came to nothing, or five in a row did nothing at all; closes with the
 * first answer. Who may probe is decided elsewhere, for all processes together.
 */
export function createBreaker(now: Ticks): Breaker {
  let seconds: Second[] = [];
  let inARow = 0;
  let reason: string | undefined;
  let isProbeGranted = false;

  function count(end: CallEnd): void {
    const at = Math.floor(now() / 1_000);
    seconds = seconds.filter((second) => second.at > at - windowMs / 1_000);
    const last = seconds.at(-1);
    const second = last?.at === at ? last : { at, calls: 0, definite: 0, uncertain: 0 };
    if (second !== last) seconds.push(second);
    second.calls += 1;
    if (end !== 'answered') second[end] += 1;
    inARow = end === 'definite' ? inARow + 1 : 0;
  }

  function verdict(): string | undefined {
    if (inARow >= definiteInARow) return `${inARow} calls in a row were not taken.`;
    const sum = (field: 'calls' | 'definite' | 'uncertain') => seconds.reduce((total, second) => total + second[field], 0);
    const [calls, definite, uncertain] = [sum('calls'), sum('definite'), sum('uncertain')];
    if (calls < leastCalls || (definite + uncertain) / calls < badShare) return undefined;
    return `Of ${calls} calls within 30 seconds ${definite} were not taken and ${uncertain} not answered.`;
  }

  function forget(): void {
    seconds = [];
    inARow = 0;
    reason = undefined;
    isProbeGranted = false;
  }

  return {
    mayCall() {
      if (reason === undefined) return true;
      const isProbe = isProbeGranted;
      isProbeGranted = false;
      return isProbe;
    },
    note(end) {
      if (reason !== undefined && end === 'answered') return forget();
      count(end);
      reason ??= verdict();
    },
    isHeld: () => reason !== undefined && !isProbeGranted,
    openedBecause: () => reason,
    open(why) {
      reason ??= why;
    },
    close: forget,
    grantProbe() {
      isProbeGranted = reason !== undefined;
    },
  };
}
