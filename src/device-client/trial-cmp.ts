import { decodePkiMessage } from '../protocol/cmp/index.js';
import { fail } from '../runtime/result.js';
import { type CmpEnrolment, enrolByCmp } from './cmp.js';
import { type CmpClientFault, faultText } from './cmp-fault.js';
import { httpTransport, type Transport } from './cmp-transport.js';
import type { ExchangeFetch } from './exchange-fetch.js';
import { certificateStep, type Trial, type TrialOutcome, TrialSteps } from './trial.js';

export interface CmpTrial extends Omit<CmpEnrolment, 'transport' | 'observe' | 'timeoutMs'> {
  /** Whether an order that waits is polled, until ten seconds are over. */
  readonly isPatient: boolean;
  readonly fetch: ExchangeFetch;
}

const timeoutMs = 10_000;

/** What a CMP device does from its request to the confirmation (RFC 9483 section 4.1), told message by message; never rejects for what the server does. */
export async function tryCmp({ fetch, isPatient, ...enrolment }: CmpTrial): Promise<Trial> {
  const steps = new TrialSteps();
  const told = telling(httpTransport(enrolment.url, fetch), isPatient, steps);
  const done = await enrolByCmp({ ...enrolment, timeoutMs, transport: told.transport });
  const transactionId = told.transactionId();
  const sent = transactionId === undefined ? {} : { transactionId };
  if (done.ok) {
    steps.add(certificateStep(done.value.certificate));
    return { outcome: 'issued', steps: steps.all, ...sent };
  }
  const outcome = outcomeOf(done.error, told.isWaiting());
  const detail = outcome === 'pending' ? 'The order is not decided yet: the device was told to ask again later.' : faultText(done.error);
  steps.correctLast({ ok: outcome === 'pending', detail });
  return { outcome, steps: steps.all, ...sent };
}

function outcomeOf(fault: CmpClientFault, isWaiting: boolean): TrialOutcome {
  if (fault.kind === 'timeout' && isWaiting) return 'pending';
  return fault.kind === 'refused' ? 'refused' : 'failed';
}

/** A transport that notes every exchange as a step, and carries no pollReq of an impatient device. */
function telling(transport: Transport, isPatient: boolean, steps: TrialSteps) {
  let transactionId: string | undefined;
  let isWaiting = false;
  return {
    transactionId: () => transactionId,
    /** The last exchange was answered with something other than an error. */
    isWaiting: () => isWaiting,
    async transport(...[message, deadline]: Parameters<Transport>) {
      const sent = decodePkiMessage(message);
      if (!sent.ok) throw sent.error;
      if (sent.value.bodyType === 'pollReq' && !isPatient) return fail({ kind: 'timeout' } as const);
      transactionId = sent.value.header.transactionID?.toString('hex');
      const begun = performance.now();
      const answer = await transport(message, deadline);
      const received = answer.ok ? decodePkiMessage(answer.value) : undefined;
      isWaiting = received?.ok === true && received.value.bodyType !== 'error';
      const detail = received?.ok ? `Answered with ${received.value.bodyType}.` : 'There was no answer that could be read.';
      steps.add({ name: sent.value.bodyType, ok: isWaiting, detail, ms: Math.round(performance.now() - begun) });
      return answer;
    },
  };
}
