import type { Result } from '../runtime/result.js';
import { firstOf } from './first-of.js';

export interface TestStep {
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
  /** milliseconds */
  readonly ms: number;
}

export interface TestReport {
  readonly ok: boolean;
  readonly steps: readonly TestStep[];
}

/** Returns what to show, or throws an Error whose message is shown; `deadline` ends it. `ms`: its own bound, where that is shorter than that of all. */
export type Step = readonly [name: string, run: (deadline: AbortSignal) => Promise<string>, ms?: number];

export interface StepBounds {
  /** Milliseconds for each step by itself. */
  readonly stepMs: number;
  /** Ends the step that runs, and with it the test. */
  readonly whole?: AbortSignal | undefined;
}

/** For what ends by the deadline too and knows better what it waited for. */
const graceMs = 250;

/** Steps in turn up to the first that fails. A peer that is silent fails the step that waits for it, in words and within its bound. */
export async function runSteps(steps: readonly Step[], { stepMs, whole }: StepBounds): Promise<TestReport> {
  const done: TestStep[] = [];
  for (const [name, run, ms = stepMs] of steps) {
    const begun = performance.now();
    const result = await runStep(run, Math.min(ms, stepMs), whole);
    done.push({ name, ...result, ms: Math.round(performance.now() - begun) });
    if (!result.ok) return { ok: false, steps: done };
  }
  return { ok: true, steps: done };
}

type StepResult = Pick<TestStep, 'ok' | 'message'>;

function runStep(run: Step[1], ms: number, whole: AbortSignal | undefined): Promise<StepResult> {
  const bound = AbortSignal.timeout(ms);
  const deadline = whole === undefined ? bound : AbortSignal.any([whole, bound]);
  const result = run(deadline).then(
    (message): StepResult => ({ ok: true, message }),
    (error: unknown): StepResult => ({ ok: false, message: error instanceof Error ? error.message : String(error) }),
  );
  const late = (): StepResult => ({ ok: false, message: bound.aborted ? `No answer within ${ms / 1000} seconds.` : 'The time for the whole test was over.' });
  return firstOf(result, deadline, late, graceMs);
}

/** A test that ends before anything is asked: the settings themselves are wrong. */
export function faultyConfiguration(message: string): TestReport {
  return { ok: false, steps: [{ name: 'configuration', ok: false, message, ms: 0 }] };
}

/** The value of a step's result; its error is what the step shows. */
export function demand<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}
