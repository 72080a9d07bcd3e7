import { setTimeout as sleep } from 'node:timers/promises';
import type { Readiness } from './admin/index.js';
import type { Clock } from './runtime/clock.js';
import type { Store } from './store/store.js';

/** The longest a database may take to answer. */
const patienceMs = 2_000;
/** How far the node's clock may be from the database's. */
const skewMs = 2_000;

/**
 * Ready: the database answers within two seconds, the node's clock agrees with the database's (certificates are dated by the one, leases
 * and deadlines by the other), and the node is not stopping.
 */
export async function readinessOf(store: Pick<Store, 'databaseNow'>, clock: Clock, isClosing: boolean): Promise<Readiness> {
  const answered = store.databaseNow().catch(() => undefined);
  const before = clock.now().getTime();
  const databaseNow = await Promise.race([answered, sleep(patienceMs, undefined, { ref: false })]);
  const isClockOk = databaseNow === undefined || isWithin(databaseNow.getTime(), before, clock.now().getTime());
  const state = (isOk: boolean) => (isOk ? 'ok' : 'failed');
  const checks = { database: state(databaseNow !== undefined), clock: state(isClockOk), serving: state(!isClosing) } as const;
  return { ready: databaseNow !== undefined && isClockOk && !isClosing, checks };
}

/** Undefined where the database does not answer: then nothing is known of the clock. */
export function isClockRight({ checks }: Readiness): boolean | undefined {
  return checks.database === 'ok' ? checks.clock === 'ok' : undefined;
}

/** The database said its time at some moment in between. */
function isWithin(time: number, before: number, after: number): boolean {
  return time >= before - skewMs && time <= after + skewMs;
}
