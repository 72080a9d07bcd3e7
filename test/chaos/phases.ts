/** Phases of a campaign that must each see so many enrolments, and what the devices met in them. */
import type { Fleet, Line } from './device/fleet.js';

export interface PhasePlan {
  /** Enrolments that each phase must see finished. */
  readonly perPhase: number;
  /** A phase that is not through by then was not served. */
  readonly phaseSeconds: number;
}

export interface Phase {
  readonly name: string;
  readonly enrolled: number;
  readonly seconds: number;
  /** Answers 503, after which a device asks again. */
  readonly askedToComeAgain: number;
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export const lineOf = ({ name, enrolled, seconds, askedToComeAgain }: Phase): string =>
  `${name.padEnd(38)} ${String(enrolled).padStart(5)} enrolled in ${seconds.toFixed(1).padStart(6)} s, ${askedToComeAgain} answers 503`;

/** What the line between devices and nodes saw, phase by phase. */
export class Tally {
  readonly phases: Phase[] = [];
  readonly line: Line = { noted: (what, status) => this.#noted(what, status) };
  readonly #broken: string[] = [];
  readonly #statuses = new Map<number, number>();
  #unavailable = 0;

  #noted(what: string, status = 0): void {
    if (what !== 'unavailable') return;
    if (status === 503) this.#unavailable += 1;
    else this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
  }

  note(line: string): void {
    this.#broken.push(line.trim());
  }

  broken(): readonly string[] {
    return [...this.#broken, ...[...this.#statuses].map(([status, times]) => `${times} answers ${status}: only 503 lets a device come again`)];
  }

  async phase(name: string, { history }: Fleet, { perPhase, phaseSeconds }: PhasePlan): Promise<void> {
    const [begun, finished, unavailable] = [performance.now(), history.finished, this.#unavailable];
    const seconds = () => (performance.now() - begun) / 1_000;
    while (history.finished - finished < perPhase && seconds() < phaseSeconds) await pause(50);
    const enrolled = history.finished - finished;
    this.phases.push({ name, enrolled, seconds: seconds(), askedToComeAgain: this.#unavailable - unavailable });
    if (enrolled < perPhase) this.note(`${name}: ${enrolled} of ${perPhase} enrolled within ${phaseSeconds} s`);
  }
}
