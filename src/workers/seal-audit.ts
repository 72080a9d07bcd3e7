import { type AuditChain, sealedAtOnce } from '../audit/chain.js';
import type { CheckpointFolder } from '../audit/kept-checkpoints.js';
import type { Log } from '../runtime/log.js';
import { gauge } from '../runtime/metrics.js';
import type { Job } from './loop.js';

interface SealDeps {
  readonly auditChain: Pick<AuditChain, 'seal' | 'sign' | 'checkpoints'>;
  /** Opened when it is first needed, so that a folder that is away does not keep a node from starting. */
  readonly openFolder?: () => CheckpointFolder;
  readonly log: Log;
}

const contradictions = gauge(
  'gatehouse_audit_contradictions',
  'Checkpoints kept outside the database that it contradicts; anything but 0 is an alarm',
  'max',
)({});

/** Puts what was committed into the chain, signs it from time to time, and copies the checkpoints out of the database. */
export function sealAuditJob({ auditChain, openFolder, log }: SealDeps): Job {
  return {
    name: 'seal-audit',
    everyMs: 1_000,
    async run(stopping) {
      while ((await auditChain.seal()) >= sealedAtOnce && stopping?.aborted !== true);
      await auditChain.sign('due');
      if (openFolder !== undefined) await copyOut(auditChain, openFolder(), log);
    },
  };
}

/** The newest copy must be what the database says of it, before another is put beside it. */
async function copyOut(auditChain: SealDeps['auditChain'], folder: CheckpointFolder, log: Log): Promise<void> {
  const newest = folder.sizes().at(-1) ?? 0;
  if (newest > 0 && !(await isStill(auditChain, newest, folder.read(newest)))) {
    contradictions.set(1);
    log.error({ size: newest }, 'the audit trail in the database contradicts a checkpoint that was kept outside; run "gatehouse audit verify --kept"');
    return;
  }
  contradictions.set(0);
  for (const checkpoint of await auditChain.checkpoints(newest, 100)) folder.keep(checkpoint);
}

async function isStill(auditChain: SealDeps['auditChain'], size: number, note: string): Promise<boolean> {
  const [standing] = await auditChain.checkpoints(size - 1, 1);
  return standing?.size === size && standing.note === note;
}
