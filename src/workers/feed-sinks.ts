import type { ClaimedSink, SinkCarrier, SinkQueue } from '../audit/sink.js';
import type { Log } from '../runtime/log.js';
import { counter } from '../runtime/metrics.js';
import type { Job } from './loop.js';

interface FeedDeps {
  readonly sinks: SinkQueue;
  readonly carry: SinkCarrier;
  readonly log: Log;
}

const events = counter<'type' | 'outcome'>('gatehouse_audit_sink_batches_total', 'Batches of audit events handed to a sink, and those it did not take');
/** Of one batch; its lease is longer, so that nobody else begins while one is under way. */
const patienceMs = 20_000;
const leaseMs = 60_000;
const batchEvents = 200;
const longestPauseMs = 300_000;

/** Brings every sink up to the end of the chain, in its order. What a sink does not take comes again, first after a second, at last every five minutes. */
export function feedSinksJob(deps: FeedDeps): Job {
  return {
    name: 'feed-sinks',
    everyMs: 1_000,
    async run(stopping) {
      await Promise.all((await deps.sinks.claim(leaseMs)).map((sink) => feed(sink, deps, stopping)));
    },
  };
}

async function feed(sink: ClaimedSink, { sinks, carry, log }: FeedDeps, stopping: AbortSignal | undefined): Promise<void> {
  let { at } = sink;
  while (stopping?.aborted !== true) {
    const page = await sinks.next(sink, at, batchEvents);
    if (page === undefined) break;
    const taken = page.lines.length === 0 ? undefined : await carry(sink, page.lines, AbortSignal.timeout(patienceMs));
    if (taken !== undefined) events({ type: sink.type, outcome: taken.ok ? 'taken' : 'failed' }).add();
    if (taken?.ok === false) {
      log.warn({ sink: sink.id, name: sink.name, reason: taken.error, attempts: sink.attempts }, 'an audit sink does not take events');
      return sinks.release(sink, taken.error, Math.min(longestPauseMs, 1_000 * 2 ** Math.min(sink.attempts - 1, 16)));
    }
    if (!(await sinks.advance(sink, page.at, leaseMs))) return;
    at = page.at;
  }
  await sinks.release(sink, null, 0);
}
