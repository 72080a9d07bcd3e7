import type { BatchLimits } from '../batcher.js';
import type { Connection } from '../connection/connection.js';

/**
 * On PostgreSQL a second batch is parsed and written while the first waits for its commit, as long as few requests are open: measured with
 * two processes, 8 devices at a time are served 5 % faster by it, 64 at a time 10 % slower. PGlite does one thing at a time.
 */
export const batchLimits: Readonly<Record<Connection['kind'], BatchLimits>> = {
  postgres: { maxBatch: 64, maxInFlight: 2, singlyFrom: 16 },
  pglite: { maxBatch: 64, maxInFlight: 1 },
};
