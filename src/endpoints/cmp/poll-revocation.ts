import { ok } from '../../runtime/result.js';
import { type CmpReply, refuse, send, type VerifiedExchange } from './exchange.js';
import { fault } from './fault.js';
import { isRetransmission, maxPolls, moveOn, waiting } from './polling.js';
import { answerRevocation } from './revoke.js';
import { checkNonces, type RunningTransaction } from './transaction.js';

/** pollReq for an rr that waits for its CA: certReqId -1, as for every answer that is not a CertResponse (RFC 9483 section 4.4). */
export async function pollRevocation(exchange: VerifiedExchange, running: RunningTransaction, certReqIds: readonly number[]): Promise<CmpReply> {
  const { endpoint, peer, deps } = exchange;
  const [certReqId, ...further] = certReqIds;
  const isCompat = endpoint.profile.policy.cmp.conduct === 'compat' && certReqId === 0;
  if (further.length > 0 || (certReqId !== -1 && !isCompat)) return refuse(exchange, peer, fault('cert-req-id', String(certReqId)));
  const isRepeated = isRetransmission(exchange, running.session);
  const nonces = checkNonces(exchange, running.session);
  if (!isRepeated && !nonces.ok) return refuse(exchange, peer, nonces.error);
  if (running.session.polls >= maxPolls) return refuse(exchange, peer, fault('polled-too-often'));
  const moved = isRepeated ? ok(running.session) : await moveOn(exchange, running);
  if (!moved.ok) return refuse(exchange, peer, moved.error);
  const session = moved.value;
  const outcome = await deps.enrolment.pollRevocation(endpoint.profile, running.stored);
  if (outcome.kind === 'pending') return send(exchange, peer, waiting(certReqId, outcome.checkAfterSeconds, session));
  return answerRevocation(exchange, outcome, session.nonce);
}
