import type { Result } from '../runtime/result.js';

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

/** Each step returns what to show, or throws an Error whose message is shown. */
export async function runSteps(steps: readonly (readonly [name: string, run: () => Promise<string>])[]): Promise<TestReport> {
  const done: TestStep[] = [];
  for (const [name, run] of steps) {
    const begun = performance.now();
    const result = await run().then(
      (message) => ({ ok: true, message }),
      (error: unknown) => ({ ok: false, message: error instanceof Error ? error.message : String(error) }),
    );
    done.push({ name, ...result, ms: Math.round(performance.now() - begun) });
    if (!result.ok) return { ok: false, steps: done };
  }
  return { ok: true, steps: done };
}

/** The value of a step's result; its error is what the step shows. */
export function demand<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}
