import type { Mailer, SendOutcome } from '../../notification/ports.js';
import type { CallMeaning, Recorder } from './recorder.js';

/** The same mailer, with every mail handed over in the connector's log: never who gets it nor what it says. */
export function loggedMailer(mailer: Mailer, record: Recorder): Mailer {
  return {
    ...mailer,
    send: (message) => record({ operation: 'send', requestId: message.id }, () => mailer.send(message), meaningOf),
  };
}

function meaningOf(outcome: SendOutcome): CallMeaning {
  if (outcome.kind === 'sent') return { outcome: 'sent', result: 'ok', detail: outcome.response };
  return { outcome: outcome.kind, result: outcome.kind === 'refused' ? 'refused' : 'failed', detail: outcome.reason };
}
