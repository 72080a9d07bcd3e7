import type { Engine } from '../crypto-engine/ports.js';
import type { Log } from '../runtime/log.js';
import type { Job } from './loop.js';

export interface RenewSignersDeps {
  readonly engine: Pick<Engine, 'renewOcspSigners'>;
  readonly log: Log;
}

/** Keeps the keys that sign OCSP answers ahead of their end, so that nobody who asks waits for a new one, or meets a database that is away then. */
export function renewOcspSignersJob({ engine, log }: RenewSignersDeps): Job {
  return {
    name: 'renew-ocsp-signers',
    everyMs: 600_000,
    async run() {
      const made = await engine.renewOcspSigners();
      if (made > 0) log.info({ keys: made }, 'keys for OCSP answers were made');
    },
  };
}
