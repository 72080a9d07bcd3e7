import { checkpointFolder } from './audit/kept-checkpoints.js';
import type { Config } from './config.js';
import type { Log } from './runtime/log.js';
import type { Store } from './store/store.js';
import type { Job } from './workers/loop.js';
import { sealAuditJob } from './workers/seal-audit.js';

interface AuditParts {
  readonly store: Pick<Store, 'auditChain'>;
  readonly config: Pick<Config, 'auditCheckpointDir'>;
  readonly log: Log;
}

/** What keeps the audit trail sealed. */
export function auditJobs({ store, config: { auditCheckpointDir: path }, log }: AuditParts): readonly Job[] {
  return [sealAuditJob({ auditChain: store.auditChain, log, ...(path !== undefined && { openFolder: () => checkpointFolder(path) }) })];
}
