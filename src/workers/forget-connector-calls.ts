import type { Log } from '../runtime/log.js';
import type { ConnectorLogReader } from '../tenancy/connector-call.js';
import type { ConnectorHealthStore } from '../tenancy/connector-health.js';
import { systemContext } from '../tenancy/context.js';
import type { Job } from './loop.js';

export interface ForgetCallsDeps {
  readonly connectorLog: Pick<ConnectorLogReader, 'forget' | 'makeRoom'>;
  readonly connectorHealth: Pick<ConnectorHealthStore, 'forget'>;
  readonly log: Log;
}

const context = systemContext('worker:forget');

/** Prepares the days to come of the connectors' log, and forgets calls and changes of state that are older than so many days. */
export function forgetConnectorCallsJob({ connectorLog, connectorHealth, log }: ForgetCallsDeps, days: number): Job {
  return {
    name: 'forget-connector-calls',
    everyMs: 600_000,
    async run() {
      await connectorLog.makeRoom(context);
      const [calls, changes] = [await connectorLog.forget(context, days), await connectorHealth.forget(context, days)];
      if (calls + changes > 0) log.info({ calls, changes }, 'old connector logs were forgotten');
    },
  };
}
