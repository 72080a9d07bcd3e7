import { fail, ok, type Result } from '../runtime/result.js';
import { certReqMsg, requestHeader } from './certificate-wish.js';
import { type CmpEnrolment, isImplicit, responsesIn, sendCertConf, statusFor, type Taken, takeCertificate } from './cmp.js';
import { beginConversation, type CmpAnswer, type Conversation, pollAfter, send, withDemandedKem } from './cmp-conversation.js';
import { type CmpClientFault, invalid, refused, type Step } from './cmp-fault.js';
import { buildMessage } from './cmp-messages.js';

/** Several certificates asked for in one message: all of the type, the server and the credential of the first. */
export type Verdicts = readonly Result<Taken, CmpClientFault>[];

/**
 * One ir or cr with a request for each wish, and one certConf for all that was granted at once (RFC 9810 section 5.3.4); those that
 * wait are polled for and confirmed when they have come. Fails when the message as a whole did.
 */
export function enrolSeveralByCmp(wishes: readonly [CmpEnrolment, ...CmpEnrolment[]]): Step<Verdicts> {
  const [first, ...others] = wishes;
  return withDemandedKem(first, (leading) => enrolSeveralOnce([leading, ...others]));
}

async function enrolSeveralOnce(wishes: readonly [CmpEnrolment, ...CmpEnrolment[]]): Step<Verdicts> {
  const [leading] = wishes;
  const { type } = leading;
  if (type !== 'ir' && type !== 'cr') return invalid(`${type} asks for one certificate.`);
  const begun = await beginConversation(leading);
  if (!begun.ok) return begun;
  const exchange = begun.value;
  const body = { type, messages: wishes.map(certReqMsg) } as const;
  const header = requestHeader(leading, new Date());
  let answer = await send(exchange, (senderNonce) => buildMessage(exchange.transaction, { senderNonce }, body, header));
  const verdicts = new Map<number, Result<Taken, CmpClientFault>>();
  for (let open = wishes.map((_, index) => index); ; ) {
    if (!answer.ok) return answer;
    const decided = await settleAnswer(exchange, wishes, answer.value, verdicts);
    if (!decided.ok) return decided;
    open = open.filter((certReqId) => !verdicts.has(certReqId));
    if (open.length === 0) return ok(wishes.map((_, index) => verdicts.get(index) ?? fail({ kind: 'invalid-answer', text: 'No answer.' })));
    answer = await pollAfter(exchange, answer.value, secondsIn(answer.value), open);
  }
}

function secondsIn({ body }: CmpAnswer): number {
  return body.type === 'pollRep' ? Math.max(0, ...body.entries.map(({ checkAfter }) => checkAfter)) : 0;
}

/** Takes what an answer decides and confirms it. */
async function settleAnswer(
  exchange: Conversation,
  wishes: readonly [CmpEnrolment, ...CmpEnrolment[]],
  answer: CmpAnswer,
  verdicts: Map<number, Result<Taken, CmpClientFault>>,
): Step<true> {
  const [leading] = wishes;
  const { body, isVerified } = answer;
  if (body.type === 'pollRep') return ok(true);
  if (body.type === 'error') return refused(body.content.pKIStatusInfo, isVerified);
  const responses = responsesIn(body, leading.type);
  if (responses === undefined) return invalid(`The answer to ${leading.type} is ${body.type}.`);
  const statuses = [];
  for (const response of responses.response.filter(({ status }) => status.status !== 'waiting')) {
    const wish = wishes[response.certReqId];
    if (wish === undefined || verdicts.has(response.certReqId)) return invalid('An answer to no request.');
    const taken = takeCertificate(response, wish, isVerified);
    verdicts.set(response.certReqId, taken);
    const status = taken.ok ? statusFor(taken.value.certificate, response.certReqId, leading.confirmation) : undefined;
    if (status?.ok) statuses.push(status.value);
  }
  const isSilent = statuses.length === 0 || leading.confirmation === 'none' || isImplicit(leading, answer);
  return isSilent ? ok(true) : sendCertConf(exchange, answer, statuses);
}
