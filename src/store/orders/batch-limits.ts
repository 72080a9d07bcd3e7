import type { BatchLimits } from '../batcher.js';
import type { Connection } from '../connection/connection.js';

/** On PostgreSQL a second batch is parsed and written while the first waits for its commit; PGlite does one thing at a time. */
export const batchLimits: Readonly<Record<Connection['kind'], BatchLimits>> = {
  postgres: { maxBatch: 64, maxInFlight: 2 },
  pglite: { maxBatch: 64, maxInFlight: 1 },
};
