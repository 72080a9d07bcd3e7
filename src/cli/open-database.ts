import { join } from 'node:path';
import type { Config } from '../config.js';
import { masterKeyOf, otherKeyOf } from '../master-key.js';
import { createLog } from '../runtime/log.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { type StartFault, storeExitCodes } from '../start-fault.js';
import { describeStoreFault } from '../store/fault.js';
import type { StoreOptions } from '../store/open.js';
import type { Store } from '../store/store.js';

/** The database for one command, migrated; close it. An embedded one that a running server holds is refused with 75. */
export async function openDatabase(config: Config): Promise<Result<Store, StartFault>> {
  const options = await storeOptions(config, `cli-${process.pid}`);
  if (!options.ok) return options;
  const { openStore } = await import('../store/open.js');
  const opened = await openStore(options.value);
  if (opened.ok) return opened;
  return fail({ message: describeStoreFault(opened.error), exitCode: storeExitCodes[opened.error.kind] });
}

/** How a command opens the database; the fault is a data directory that cannot be used (73). */
export async function storeOptions(config: Config, nodeId: string): Promise<Result<StoreOptions, StartFault>> {
  const masterKey = await masterKeyOf(config);
  if (!masterKey.ok) return masterKey;
  return ok({
    ...(config.databaseUrl && { databaseUrl: config.databaseUrl.reveal() }),
    dataDir: join(config.dataDir, 'db'),
    masterKey: masterKey.value,
    ...otherKeyOf(config),
    nodeId,
    log: createLog('error'),
    poolSize: 2,
  });
}
