import { counter } from '../../runtime/metrics.js';
import { isConnectionLost, isOutage } from '../../runtime/outage.js';

const retries = counter('gatehouse_database_retries_total', 'Transactions tried again after a lost race or a lost connection')({});
const outages = counter('gatehouse_database_outages_total', 'Transactions given up because the database was away, busy or without writes')({});

const lostRaces = new Set(['40001', '40P01']);

/** Errors after which the same transaction may be tried again as it is: lost races, and servers or connections that went away. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  return isConnectionLost(error) || (typeof code === 'string' && lostRaces.has(code));
}

/** PostgreSQL's name of a violated constraint, when `error` is about one. */
export function violatedConstraint(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  const isViolation = code === '23505' || code === '23503' || code === '23514';
  return isViolation && typeof constraint === 'string' ? constraint : undefined;
}

const attempts = 6;
const firstDelayMs = 20;

/** Runs `work` until it succeeds, for well under a second in all; `attempt` counts from 0. Other errors pass at once. */
export async function retrying<T>(work: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work(attempt);
    } catch (error) {
      if (attempt + 1 >= attempts || !isTransient(error)) {
        if (isOutage(error)) outages.add();
        throw error;
      }
      retries.add();
      await pause(firstDelayMs * 2 ** attempt);
    }
  }
}

/** Up to half as much again, by the clock's last digits: two transactions that hit each other must not do so again. */
function pause(ms: number): Promise<void> {
  const jitter = (Number(process.hrtime.bigint() % 1000n) / 1000) * (ms / 2);
  return new Promise((resolve) => {
    setTimeout(resolve, ms + jitter);
  });
}
