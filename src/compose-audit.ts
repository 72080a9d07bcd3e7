import { checkpointFolder } from './audit/kept-checkpoints.js';
import type { Config } from './config.js';
import type { AddressGuard } from './connectors/address-guard.js';
import { sinkCarrier } from './connectors/audit-sink/index.js';
import type { Clock } from './runtime/clock.js';
import type { Log } from './runtime/log.js';
import type { Store } from './store/store.js';
import { feedSinksJob } from './workers/feed-sinks.js';
import type { Job } from './workers/loop.js';
import { sealAuditJob } from './workers/seal-audit.js';

interface AuditParts {
  readonly store: Pick<Store, 'auditChain' | 'sinkQueue'>;
  readonly guard: AddressGuard;
  readonly clock: Clock;
  readonly config: Pick<Config, 'auditCheckpointDir'>;
  readonly log: Log;
}

/** What keeps the audit trail sealed, and copies it to those who keep it elsewhere. */
export function auditJobs({ store, guard, clock, config: { auditCheckpointDir: path }, log }: AuditParts): readonly Job[] {
  return [
    sealAuditJob({ auditChain: store.auditChain, log, ...(path !== undefined && { openFolder: () => checkpointFolder(path) }) }),
    feedSinksJob({ sinks: store.sinkQueue, carry: sinkCarrier({ guard, clock }), log }),
  ];
}
