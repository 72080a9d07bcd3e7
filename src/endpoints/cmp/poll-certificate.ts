import type { OrderState } from '../../enrolment/order.js';
import { ok } from '../../runtime/result.js';
import { namedTime } from './confirmation-time.js';
import { findDelayed, pollDelayed } from './delayed.js';
import { type CmpReply, refuse, send, type VerifiedExchange } from './exchange.js';
import { fault } from './fault.js';
import { pollRevocation } from './poll-revocation.js';
import { pollSeveral } from './poll-several.js';
import { isRetransmission, maxPolls, moveOn, pollRep } from './polling.js';
import type { CmpSession } from './session.js';
import { checkNonces, findRunning } from './transaction.js';
import { toAnswer } from './translate.js';

const closed: ReadonlySet<OrderState> = new Set(['CONFIRMED', 'REVOKE_WANTED', 'REVOKED']);

/** pollReq (RFC 9483 section 4.4): pollRep while the order waits, then the answer to the request itself. */
export async function pollCertificate(exchange: VerifiedExchange, certReqIds: readonly number[]): Promise<CmpReply> {
  const { endpoint, peer, deps, now } = exchange;
  const delayed = deps.delaying !== undefined && certReqIds[0] === -1 ? await findDelayed(exchange) : undefined;
  if (delayed !== undefined && deps.delaying) return pollDelayed(exchange, delayed, deps.delaying.store);
  const running = await findRunning(exchange);
  if (!running.ok) return refuse(exchange, peer, running.error);
  if (running.value.stored.session.type === 'rr') return pollRevocation(exchange, running.value, certReqIds);
  if (running.value.session.furtherIds !== undefined) return pollSeveral(exchange, running.value, certReqIds);
  const { stored, query } = running.value;
  const [certReqId, ...further] = certReqIds;
  if (certReqId === undefined || further.length > 0 || !isAwaited(certReqId, running.value.session)) return refuse(exchange, peer, fault('cert-req-id'));
  const isRepeated = isRetransmission(exchange, running.value.session);
  const nonces = checkNonces(exchange, running.value.session);
  if (!isRepeated && !nonces.ok) return refuse(exchange, peer, nonces.error);
  if (!isRepeated && closed.has(stored.order.state)) return refuse(exchange, peer, fault('not-awaited', stored.order.state));
  if (running.value.session.polls >= maxPolls) return refuse(exchange, peer, fault('polled-too-often'));
  const moved = isRepeated ? ok(running.value.session) : await moveOn(exchange, running.value);
  if (!moved.ok) return refuse(exchange, peer, moved.error);
  const session = moved.value;
  const outcome = await deps.enrolment.poll(endpoint.profile, query);
  if (outcome.kind === 'pending')
    return send(exchange, peer, { body: { type: 'pollRep', entries: [pollRep(certReqId, outcome)] }, senderNonce: session.nonce });
  const isUnconfirmed = outcome.kind === 'issued' && !session.implicitConfirm;
  const named = isUnconfirmed ? { ...(await namedTime(exchange, query, outcome)), nonce: session.nonce } : session;
  const answer = toAnswer(outcome, named, endpoint, now);
  return send(exchange, peer, answer.reply, answer.delivered);
}

/** 0, the only request there is; for p10cr -1, though clients poll by 0 as well (row CMP-148). */
function isAwaited(certReqId: number, session: CmpSession): boolean {
  return certReqId === 0 || certReqId === session.certReqId;
}
