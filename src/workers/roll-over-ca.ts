import type { Engine } from '../crypto-engine/ports.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { Job } from './loop.js';

export interface RollOverDeps {
  readonly engine: Pick<Engine, 'cas' | 'activateNext'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Lets the prepared CA of the embedded engine take over when its time has come; of several nodes one does it, and all hear of it. */
export function rollOverCaJob({ engine, clock, log }: RollOverDeps): Job {
  return {
    name: 'roll-over-ca',
    everyMs: 1_000,
    async run() {
      const next = engine.cas().find((ca) => ca.state === 'next');
      if (next?.activatesAt == null || next.activatesAt > clock.now()) return;
      if (await engine.activateNext(next.id, 'worker:roll-over-ca')) log.info({ caId: next.id }, 'A new issuing CA has taken over.');
    },
  };
}
