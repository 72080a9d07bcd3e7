import type { Pending } from '../../enrolment/outcome.js';
import { ok } from '../../runtime/result.js';
import { type CmpReply, refuse, sendAll, type VerifiedExchange } from './exchange.js';
import { fault } from './fault.js';
import { maxPolls, moveOn, type PollKind, pollKind, pollRep } from './polling.js';
import { answerSeveral, sessionOf, type Verdict } from './request-several.js';
import { type Member, membersOf } from './several.js';
import type { RunningTransaction } from './transaction.js';

type Polled = Extract<Verdict, { readonly kind: 'decided' }>;

/**
 * pollReq for some of several requests (RFC 9810 section 5.3.22): pollRep with an entry for each while all of them wait; else a
 * CertResponse for each, `waiting` where it still does.
 */
export async function pollSeveral(exchange: VerifiedExchange, running: RunningTransaction, certReqIds: readonly number[]): Promise<CmpReply> {
  const { peer } = exchange;
  const members = membersOf(exchange, running.session);
  const asked = certReqIds.flatMap((certReqId) => members.find((member) => member.certReqId === certReqId) ?? []);
  const isSound = asked.length > 0 && asked.length === certReqIds.length && new Set(certReqIds).size === certReqIds.length;
  if (!isSound) return refuse(exchange, peer, fault('cert-req-id', certReqIds.join(', ')));
  const kind: PollKind = pollKind(exchange, running.session);
  if (kind.fault !== undefined) return refuse(exchange, peer, kind.fault);
  if (running.session.polls >= maxPolls) return refuse(exchange, peer, fault('polled-too-often'));
  const moved = kind.isRepeated ? ok(running.session) : await moveOn(exchange, running);
  if (!moved.ok) return refuse(exchange, peer, moved.error);
  const session = moved.value;
  const verdicts = await Promise.all(asked.map((member) => pollOne(exchange, member, running)));
  const pending = verdicts.flatMap(({ certReqId, outcome }) => (outcome.kind === 'pending' ? [{ certReqId, outcome }] : []));
  if (pending.length === verdicts.length) return sendAll(exchange, peer, waitingReply(pending, session.nonce), []);
  return answerSeveral(exchange, running.session.type, verdicts, { ...session, certReqId: Number.NaN });
}

async function pollOne(exchange: VerifiedExchange, member: Member, { session }: RunningTransaction): Promise<Polled> {
  const { certReqId, query } = member;
  const outcome = await exchange.deps.enrolment.poll(exchange.endpoint.profile, query);
  return { kind: 'decided', certReqId, member, outcome, session: await sessionOf(exchange, member, outcome, { ...session, certReqId }) };
}

function waitingReply(pending: readonly { readonly certReqId: number; readonly outcome: Pending }[], senderNonce: Buffer) {
  return { body: { type: 'pollRep' as const, entries: pending.map(({ certReqId, outcome }) => pollRep(certReqId, outcome)) }, senderNonce };
}
