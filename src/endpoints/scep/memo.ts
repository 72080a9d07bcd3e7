import type { ScepEndpoint } from '../../tenancy/directory.js';

interface Remembered<T> {
  readonly value: T;
  /** Times between which the value holds, milliseconds. */
  readonly from: number;
  readonly until: number;
}

/**
 * Answers that are the same for every device, made once per endpoint: the directory replaces the endpoint when anything in it
 * changes, and what depends on the time changes only when an RA certificate begins or ends.
 */
export function createMemo<T>(): (endpoint: ScepEndpoint, now: Date, make: () => T) => T {
  const memory = new WeakMap<ScepEndpoint, Remembered<T>>();
  return (endpoint, now, make) => {
    const known = memory.get(endpoint);
    const time = now.getTime();
    if (known !== undefined && time >= known.from && time < known.until) return known.value;
    const value = make();
    memory.set(endpoint, { value, ...between(endpoint, time) });
    return value;
  };
}

function between(endpoint: ScepEndpoint, time: number): { readonly from: number; readonly until: number } {
  const turns = endpoint.raKeys.flatMap(({ certificate }) => [certificate.notBefore.getTime(), certificate.notAfter.getTime()]);
  return {
    from: Math.max(Number.NEGATIVE_INFINITY, ...turns.filter((turn) => turn <= time)),
    until: Math.min(Number.POSITIVE_INFINITY, ...turns.filter((turn) => turn > time)),
  };
}
