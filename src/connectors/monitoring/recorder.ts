import type { Clock } from '../../runtime/clock.js';
import type { Connector } from '../../tenancy/connector.js';
import type { CallOperation, CallOutcome, CallResult, ConnectorLog } from '../../tenancy/connector-call.js';
import { type Exchange, watchExchanges } from '../exchanges.js';
import { createMasker } from './masked-text.js';

/** Whose calls are recorded. */
export type Recorded = Pick<Connector, 'id' | 'tenantId' | 'version' | 'secrets'>;

export interface CallAbout {
  readonly operation: CallOperation;
  readonly requestId: string;
  readonly orderId?: string | null;
  /** `sent`: answers from memory leave no trace, unless they failed. `failed`: what goes well is not worth an entry. */
  readonly only?: 'sent' | 'failed';
}

/** What an answer means, as the log shows it. */
export interface CallMeaning {
  readonly outcome: CallOutcome;
  readonly result: CallResult;
  readonly detail?: string;
}

export type Recorder = <Answer>(about: CallAbout, work: () => Promise<Answer>, meaningOf: (answer: Answer) => CallMeaning) => Promise<Answer>;

/** Records calls of one connector: what was asked, how long it took, how it ended; adds nothing to the call but a note in memory. */
export function createRecorder(connector: Recorded, log: ConnectorLog, clock: Clock): Recorder {
  const mask = createMasker(Object.values(connector.secrets).map(({ value }) => value));

  function note(about: CallAbout, at: Date, durationMs: number, sent: readonly Exchange[], { outcome, result, detail = '' }: CallMeaning): void {
    if (result === 'ok' && (about.only === 'failed' || (about.only === 'sent' && sent.length === 0))) return;
    const { id: connectorId, tenantId, version: connectorVersion } = connector;
    const last = sent.at(-1);
    log.note({
      ...{ tenantId, connectorId, connectorVersion, at, operation: about.operation, outcome, result },
      ...{ orderId: about.orderId ?? null, requestId: about.requestId.slice(0, 200), durationMs: Math.round(durationMs), attempts: sent.length },
      ...{ method: last?.method ?? null, route: last?.route ?? null, status: last?.status ?? null, peer: last?.peer ?? null },
      detail: mask(detail),
    });
  }

  return async (about, work, meaningOf) => {
    const [at, begun, sent] = [clock.now(), performance.now(), [] as Exchange[]];
    const done = (meaning: CallMeaning): void => note(about, at, performance.now() - begun, sent, meaning);
    try {
      const answer = await watchExchanges(sent, work);
      done(meaningOf(answer));
      return answer;
    } catch (error) {
      done({ outcome: 'error', result: 'failed', detail: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  };
}
