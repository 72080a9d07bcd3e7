import { hash } from 'node:crypto';
import type { DelayedAnswer, DelayedAnswerStore } from '../../enrolment/delayed-answers.js';
import { checkAfter } from '../../enrolment/poll.js';
import { decodePkiBody, decodePkiMessage } from '../../protocol/cmp/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { type TenantContext, tenantContext } from '../../tenancy/context.js';
import { requesterOf } from './authenticate.js';
import { type CmpReply, refuse, send, type VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import { isRetransmission, maxPolls, nextPoll, pollKind, standing } from './polling.js';
import { freshNonce } from './reply.js';
import { decodeSession, encodeNonces, encodePoll, type NonceState } from './session.js';

/** An answer that is not there by then was lost with its node; the device may ask anew. */
const longestMs = 600_000;

interface Place {
  readonly context: TenantContext;
  readonly key: Buffer;
}

function placeOf({ endpoint, header }: VerifiedExchange): Place {
  const { id, tenantId } = endpoint.profile;
  return { context: tenantContext(tenantId, 'device'), key: hash('sha256', `${id} ${header.transactionID.toString('hex')}`, 'buffer') };
}

/**
 * The answer if it comes soon, else an `error` with status `waiting` (RFC 9483 section 4.4): the device then polls by certReqId -1, and
 * whichever node it asks gives it the answer. For messages that belong to no order.
 */
export async function answerInTime(exchange: VerifiedExchange, work: Promise<CmpReply>): Promise<CmpReply> {
  const { delaying } = exchange.deps;
  if (delaying === undefined) return work;
  const timer: { handle?: NodeJS.Timeout } = {};
  const patience = new Promise<undefined>((resolve) => {
    timer.handle = setTimeout(resolve, delaying.patienceMs, undefined);
  });
  const first = await Promise.race([work, patience]).finally(() => clearTimeout(timer.handle));
  return first ?? postpone(exchange, work, delaying.store);
}

async function postpone(exchange: VerifiedExchange, work: Promise<CmpReply>, store: DelayedAnswerStore): Promise<CmpReply> {
  const { header, peer, deps, nonceSuffix } = exchange;
  // Nobody may be left to hear of its end.
  work.catch(() => undefined);
  const { context, key } = placeOf(exchange);
  const state: NonceState = { nonce: freshNonce(nonceSuffix), requestNonce: header.senderNonce, polls: 0 };
  const isAnnounced = await store.announce(context, key, requesterOf(peer), encodeNonces(state));
  if (isAnnounced) {
    keep(work, (bytes) => store.complete(context, key, bytes)).catch((error: unknown) => deps.log.error({ err: error }, 'a delayed CMP answer was lost'));
    return sendWaiting(exchange, state.nonce);
  }
  // The same question again, while the first copy of it is still being answered.
  const standing = await store.find(context, key);
  if (standing === undefined || !standing.requester.equals(requesterOf(peer))) return refuse(exchange, peer, fault('transaction-in-use'));
  return sendWaiting(exchange, decodeSession(standing.session).nonce);
}

async function keep(work: Promise<CmpReply>, complete: (bytes: Buffer) => Promise<void>): Promise<void> {
  const reply = await work;
  if (reply.status === 200) await complete(reply.bytes);
}

function sendWaiting(exchange: VerifiedExchange, senderNonce: Buffer): CmpReply {
  return send(exchange, exchange.peer, { body: { type: 'error', content: { pKIStatusInfo: { status: 'waiting' } } }, senderNonce });
}

export async function findDelayed(exchange: VerifiedExchange): Promise<DelayedAnswer | undefined> {
  const { context, key } = placeOf(exchange);
  return exchange.deps.delaying?.store.find(context, key);
}

/** pollReq with certReqId -1, which asks for a whole message. */
export async function pollDelayed(exchange: VerifiedExchange, delayed: DelayedAnswer, store: DelayedAnswerStore): Promise<CmpReply> {
  const { peer, now } = exchange;
  if (!delayed.requester.equals(requesterOf(peer))) return refuse(exchange, peer, fault('other-credential'));
  const state: NonceState = decodeSession(delayed.session);
  const kind = pollKind(exchange, state);
  if (kind.fault !== undefined) return refuse(exchange, peer, kind.fault);
  if (state.polls >= maxPolls) return refuse(exchange, peer, fault('polled-too-often'));
  const moved = kind.isRepeated ? ok(state) : await movedOn(exchange, state, store);
  if (!moved.ok) return refuse(exchange, peer, moved.error);
  const next = moved.value;
  if (delayed.answer !== null) return sendStored(exchange, delayed.answer, next.nonce);
  if (now.getTime() - delayed.since.getTime() > longestMs) return refuse(exchange, peer, fault('unavailable', 'the answer was lost with its node'));
  const entry = { certReqId: -1, checkAfter: checkAfter(delayed.since, now), reason: ['The answer is being prepared.'] };
  return send(exchange, peer, { body: { type: 'pollRep', entries: [entry] }, senderNonce: next.nonce });
}

/** As `moveOn`, for a conversation that belongs to no order. */
async function movedOn(exchange: VerifiedExchange, state: NonceState, store: DelayedAnswerStore): Promise<Result<NonceState, Fault>> {
  const { context, key } = placeOf(exchange);
  const next = nextPoll(exchange, state);
  if (await store.updateSession(context, key, encodePoll(next), standing(state))) return ok(next);
  const stored = await store.find(context, key);
  const moved = stored && decodeSession(stored.session);
  return moved !== undefined && isRetransmission(exchange, moved) ? ok(moved) : fail(fault('recip-nonce'));
}

/** The body as it was written, in a message of its own: protection and nonces are those of the poll. */
function sendStored(exchange: VerifiedExchange, bytes: Buffer, senderNonce: Buffer): CmpReply {
  const message = decodePkiMessage(bytes);
  if (!message.ok) throw message.error;
  const body = decodePkiBody(message.value);
  if (!body.ok) throw body.error;
  const { generalInfo } = message.value.header;
  return send(exchange, exchange.peer, { body: body.value, senderNonce, ...(generalInfo && { more: { generalInfo } }) });
}
