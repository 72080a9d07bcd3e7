import type { Issuer } from '../enrolment/ports.js';
import type { Log } from '../runtime/log.js';
import { type Breaker, createBreaker } from './breaker.js';
import { guarded } from './guarded-issuer.js';
import { createRetryBudget, type RetryBudget } from './retry-budget.js';

/** A CA that is taken for down by the whole installation. */
export interface OpenCircuit {
  readonly connectorId: string;
  readonly reason: string;
}

/** What all processes know of each other's breakers. */
export interface CircuitBoard {
  /** Puts up what this process found down and takes off what it found up, then tells what stands there. */
  exchange(opened: readonly OpenCircuit[], closed: readonly string[]): Promise<readonly OpenCircuit[]>;
  /** Of these, the ones whose probe is due, each for one process of all. */
  takeProbes(connectorIds: readonly string[]): Promise<readonly string[]>;
}

/** The breakers of a process, one for each connector whatever profile it is used by; they outlive a change of the configuration. */
export interface Circuits {
  guard(connectorId: string, issuer: Issuer): Issuer;
  /** Connectors whose CA is taken for down. */
  open(): readonly OpenCircuit[];
  /** Those of them that nobody here may probe now. */
  held(): readonly string[];
  /** Once a second: tells the others and hears them; a probe goes to one process of all. */
  share(board: CircuitBoard): Promise<void>;
}

interface Guard {
  readonly breaker: Breaker;
  readonly budget: RetryBudget;
  /** As the board was told. */
  isShared: boolean;
}

export function createCircuits(log: Log): Circuits {
  const guards = new Map<string, Guard>();
  const ticks = () => performance.now();

  function guardOf(connectorId: string): Guard {
    const known = guards.get(connectorId);
    if (known !== undefined) return known;
    const made: Guard = { breaker: createBreaker(ticks), budget: createRetryBudget(ticks), isShared: false };
    guards.set(connectorId, made);
    return made;
  }

  function open(): readonly OpenCircuit[] {
    return [...guards].flatMap(([connectorId, { breaker }]) => {
      const reason = breaker.openedBecause();
      return reason === undefined ? [] : [{ connectorId, reason }];
    });
  }

  async function share(board: CircuitBoard): Promise<void> {
    const ours = open();
    const wereOpen = new Set(ours.map(({ connectorId }) => connectorId));
    const opened = ours.filter(({ connectorId }) => !guardOf(connectorId).isShared);
    const closed = [...guards].filter(([id, { isShared }]) => isShared && !wereOpen.has(id)).map(([id]) => id);
    const standing = await board.exchange(opened, closed);
    for (const { connectorId, reason } of opened) log.warn({ connectorId, reason }, 'the CA is taken for down: its orders wait');
    for (const connectorId of closed) log.info({ connectorId }, 'the CA answers again');
    for (const circuit of standing) follow(guardOf(circuit.connectorId), circuit, wereOpen.has(circuit.connectorId));
    const stands = new Set(standing.map(({ connectorId }) => connectorId));
    for (const [connectorId, guard] of guards) if (!stands.has(connectorId)) unfollow(guard);
    if (standing.length === 0) return;
    for (const connectorId of await board.takeProbes([...stands])) guardOf(connectorId).breaker.grantProbe();
  }

  /** What was open here before the board was asked, and is not now, has been answered meanwhile: the board hears of it next time. */
  function follow(guard: Guard, { reason }: OpenCircuit, wasOpen: boolean): void {
    guard.isShared = true;
    if (!wasOpen) guard.breaker.open(reason);
  }

  /** Another process had an answer. What this one opened meanwhile stays open. */
  function unfollow(guard: Guard): void {
    if (guard.isShared) guard.breaker.close();
    guard.isShared = false;
  }

  return {
    guard: (connectorId, issuer) => {
      const { breaker, budget } = guardOf(connectorId);
      return guarded(issuer, breaker, budget);
    },
    open,
    held: () => [...guards].filter(([, { breaker }]) => breaker.isHeld()).map(([connectorId]) => connectorId),
    share,
  };
}
