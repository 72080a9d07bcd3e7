import { join } from 'node:path';
import type { Config } from '../config.js';
import { devMasterKey } from '../master-key.js';
import { createLog } from '../runtime/log.js';
import { fail, type Result } from '../runtime/result.js';
import { type StartFault, storeExitCodes } from '../start-fault.js';
import { describeStoreFault } from '../store/fault.js';
import { openStore } from '../store/open.js';
import type { Store } from '../store/store.js';

/** The database for one command, migrated; close it. An embedded one that a running server holds is refused with 75. */
export async function openDatabase(config: Config): Promise<Result<Store, StartFault>> {
  const opened = await openStore({
    ...(config.databaseUrl && { databaseUrl: config.databaseUrl.reveal() }),
    dataDir: join(config.dataDir, 'db'),
    masterKey: config.masterKey?.reveal() ?? (await devMasterKey(config.dataDir)),
    nodeId: `cli-${process.pid}`,
    log: createLog('error'),
    poolSize: 2,
  });
  if (opened.ok) return opened;
  return fail({ message: describeStoreFault(opened.error), exitCode: storeExitCodes[opened.error.kind] });
}
