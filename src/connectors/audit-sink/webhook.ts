import type { ChainLine, ClaimedSink, WebhookSettings } from '../../audit/sink.js';
import type { Clock } from '../../runtime/clock.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { AddressGuard } from '../address-guard.js';
import { createOutbound } from '../outbound.js';
import { signatureOf } from '../webhook-signature.js';

/**
 * POSTs the lines as they stand in an export, newline-delimited. Taken: any 2xx. The first and last number of the chain are in the headers, so that a
 * batch that comes again after a lost answer is recognised.
 */
export async function carryToWebhook(
  sink: ClaimedSink,
  lines: readonly ChainLine[],
  deadline: AbortSignal,
  { guard, clock }: { readonly guard: AddressGuard; readonly clock: Clock },
): Promise<Result<true, string>> {
  const { url, trustedCa } = sink.settings as WebhookSettings;
  const outbound = createOutbound({ guard, trustedCa, concurrency: 1, maxAnswerBytes: 64 * 1024 });
  const body = lines.map(({ text }) => `${text}\n`).join('');
  const headers = {
    'content-type': 'application/x-ndjson',
    'gatehouse-sink': sink.id,
    'gatehouse-first': String(lines[0]?.seq ?? 0),
    'gatehouse-last': String(lines.at(-1)?.seq ?? 0),
    ...(sink.secret !== undefined && { 'gatehouse-signature': signatureOf(body, sink.secret, clock.now()) }),
  };
  try {
    const outcome = await outbound.send({ method: 'POST', url, headers, body }, deadline);
    if (outcome.kind !== 'answered') return fail(outcome.reason);
    return outcome.status >= 200 && outcome.status < 300 ? ok(true) : fail(`The webhook answered with status ${outcome.status}.`);
  } finally {
    outbound.close();
  }
}
