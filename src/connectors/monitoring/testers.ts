import type { Secret } from '../../runtime/secret.js';
import type { Connector, ConnectorType } from '../../tenancy/connector.js';
import type { CredentialLife, Probe } from '../../tenancy/connector-health.js';
import { firstOf } from '../first-of.js';
import type { TestReport, TestStep } from '../test-steps.js';
import { createMasker, type Masker } from './masked-text.js';

/** A connector as it would be used, saved or not. */
export interface UnderTest {
  readonly type: ConnectorType;
  readonly config: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly value: Secret }>>;
}

export interface TestOptions {
  /** Recipient of a test mail. */
  readonly to?: string | undefined;
  /** Asked once a minute by ourselves: nothing that is seen by people, no mails. */
  readonly isProbe: boolean;
  readonly deadline: AbortSignal;
}

/** What a setting of a connector may be, as the other side tells. */
export interface Choice {
  readonly field: string;
  readonly values: readonly string[];
  /** Why there are none, in words; absent where they are complete. */
  readonly missing?: string;
}

/** What a type of connector knows of itself. None of it changes anything on the other side, except a test mail that was asked for. */
export interface TypeTester {
  /** Step by step, up to the first that fails; what it throws is a failed step too. */
  test(connector: UnderTest, options: TestOptions): Promise<TestReport>;
  /** What ends by itself; asked only after a probe that succeeded. */
  credentials?(connector: Connector, deadline: AbortSignal): Promise<readonly CredentialLife[]>;
  choices?(connector: UnderTest, deadline: AbortSignal): Promise<readonly Choice[]>;
}

export type TypeTesters = Readonly<Partial<Record<ConnectorType, TypeTester>>>;

export interface Tests {
  /** Never rejects, and is over within 31 seconds whatever the other side does. */
  test(connector: UnderTest, to?: string): Promise<TestReport>;
  /** Within 16 seconds. */
  probe(connector: Connector): Promise<Probe>;
  /** Empty for types that offer nothing to choose from. */
  choices(connector: UnderTest): Promise<readonly Choice[]>;
}

export interface TestTimes {
  readonly testMs: number;
  readonly probeMs: number;
}

/** The step that waits when the time is over says so itself; this is for a tester that does not listen to its deadline. */
const graceMs = 1_000;

/** The frame of all tests: bounds in time, one shape of reports, and no secret in any of their words. */
export function createTests(testers: TypeTesters, times: TestTimes = { testMs: 30_000, probeMs: 15_000 }): Tests {
  async function report(connector: UnderTest, options: Omit<TestOptions, 'deadline'>, ms: number): Promise<TestReport> {
    const tester = testers[connector.type];
    if (tester === undefined) return failed('type', `Connectors of type "${connector.type}" cannot be tested here.`);
    const deadline = AbortSignal.timeout(ms);
    const tested = tester.test(connector, { ...options, deadline }).catch((error: unknown) => failed('test', wordsOf(error)));
    const late = () => failed('time', `The test did not end within ${ms / 1000} seconds and was given up.`);
    const found = await firstOf(tested, deadline, late, graceMs);
    return masked(found, maskerOf(connector));
  }

  return {
    test: (connector, to) => report(connector, { to, isProbe: false }, times.testMs),
    async probe(connector) {
      const begun = performance.now();
      const { ok, steps } = await report(connector, { isProbe: true }, times.probeMs);
      const ms = Math.round(performance.now() - begun);
      return { ok, steps, ms, credentials: ok ? await livesOf(testers[connector.type], connector, times.probeMs) : [] };
    },
    async choices(connector) {
      const deadline = AbortSignal.timeout(times.testMs);
      const mask = maskerOf(connector);
      const asked = testers[connector.type]?.choices?.(connector, deadline) ?? Promise.resolve([]);
      const found = await firstOf(
        asked.catch((error: unknown) => [{ field: '', values: [], missing: wordsOf(error) }]),
        deadline,
        () => [{ field: '', values: [], missing: 'The other side did not answer in time.' }],
      );
      return found.map((choice) => ({ ...choice, ...(choice.missing !== undefined && { missing: mask(choice.missing) }) }));
    },
  };
}

/** A connector that works is up even when nobody can say when its credentials end. */
async function livesOf(tester: TypeTester | undefined, connector: Connector, ms: number): Promise<readonly CredentialLife[]> {
  const deadline = AbortSignal.timeout(ms);
  const asked = tester?.credentials?.(connector, deadline) ?? Promise.resolve([]);
  return firstOf(
    asked.catch(() => []),
    deadline,
    () => [],
  );
}

function failed(name: string, message: string): TestReport {
  return { ok: false, steps: [{ name, ok: false, message, ms: 0 }] };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function maskerOf({ secrets }: UnderTest): Masker {
  return createMasker(Object.values(secrets).map(({ value }) => value));
}

function masked({ ok, steps }: TestReport, mask: Masker): TestReport {
  return { ok, steps: steps.map((step): TestStep => ({ ...step, message: mask(step.message) })) };
}
