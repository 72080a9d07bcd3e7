import type { Outcome } from '../../enrolment/outcome.js';
import { type RefusalCode, refusals } from '../../enrolment/refusal.js';
import { type CertReqMsg, type CertResponse, protectedPart, type RequestType, responseTypes } from '../../protocol/cmp/index.js';
import { fail } from '../../runtime/result.js';
import { messageTurns } from '../turns.js';
import { allowances, checkCertReqMsg, type RequestBody } from './check-request.js';
import { namedTime } from './confirmation-time.js';
import { type CmpReply, type Delivery, errorBody, reject, rejectionOf, send, sendAll, type VerifiedExchange } from './exchange.js';
import { type Fault, fault, situations } from './fault.js';
import { type CmpSession, decodeSession } from './session.js';
import { firstMember, furtherMember, type Member } from './several.js';
import { type Answer, failInfoOf, isMessageFault, toAnswer, toEnrolmentRequest } from './translate.js';

/** More in one message are a load, not a request. */
const maxRequests = 20;

export type SeveralRequests = Extract<RequestBody, { readonly messages: unknown }>;

/** What became of one of the requests. */
export type Verdict =
  | { readonly kind: 'faulty'; readonly certReqId: number; readonly fault: Fault }
  | { readonly kind: 'decided'; readonly certReqId: number; readonly member: Member; readonly outcome: Outcome; readonly session: CmpSession };

/** Several CertReqMsg in one ir or cr (RFC 9810 section 5.3.4: one CertResponse for each), where the profile serves them. */
export async function requestSeveral(exchange: VerifiedExchange, body: SeveralRequests, session: CmpSession, mayVouch: boolean): Promise<CmpReply> {
  const type = responseTypes[body.type];
  const ids = body.messages.map((message) => message.certReq.certReqId);
  if (ids.length > maxRequests || body.type === 'kur') return reject(exchange, type, ids[0] ?? 0, fault('several-requests', `${ids.length}`));
  if (new Set(ids).size < ids.length || ids.some((id) => id < 0)) return reject(exchange, type, ids[0] ?? 0, fault('cert-req-id', ids.join(', ')));
  const checked: { readonly message: CertReqMsg; readonly result: ReturnType<typeof checkOne> }[] = [];
  const wishes = new Set<string>();
  for (const message of body.messages) {
    const { subject, publicKey } = message.certReq.certTemplate;
    const wish = `${subject?.der.toString('hex')} ${publicKey?.toString('hex')}`;
    checked.push({ message, result: wishes.has(wish) ? fail(fault('duplicate-request')) : checkOne(exchange, message, body.type, mayVouch) });
    wishes.add(wish);
    // Each has a proof of possession to verify; others have their turn between them.
    await messageTurns.takeLater();
  }
  const sound = checked.flatMap(({ message, result }) => (result.ok ? [{ certReqId: message.certReq.certReqId, request: result.value }] : []));
  const verdicts = await decideAll(exchange, sound, session);
  const byId = new Map<number, Verdict>(verdicts.map((verdict) => [verdict.certReqId, verdict]));
  for (const { message, result } of checked) {
    const { certReqId } = message.certReq;
    if (!result.ok) byId.set(certReqId, { kind: 'faulty', certReqId, fault: result.error });
  }
  return answerSeveral(
    exchange,
    body.type,
    ids.flatMap((id) => byId.get(id) ?? []),
    verdicts[0]?.session ?? session,
  );
}

function checkOne(exchange: VerifiedExchange, message: CertReqMsg, type: RequestType, mayVouch: boolean) {
  return checkCertReqMsg(message, type, exchange.header, exchange.peer, exchange.endpoint.caChain[0]?.subject, allowances(exchange, mayVouch));
}

interface Sound {
  readonly certReqId: number;
  readonly request: Parameters<typeof toEnrolmentRequest>[1];
}

type Decided = Extract<Verdict, { readonly kind: 'decided' }>;

/** The first before the others: where it may not be recorded, neither may they. */
async function decideAll(exchange: VerifiedExchange, sound: readonly Sound[], session: CmpSession): Promise<readonly Decided[]> {
  const [first, ...further] = sound;
  if (first === undefined) return [];
  const leading = firstMember(exchange, first.certReqId);
  const furtherIds = further.map(({ certReqId }) => certReqId);
  const content = protectedPart(exchange.message.headerDer, exchange.message.bodyDer);
  const decided = await decide(exchange, leading, first, { ...session, certReqId: first.certReqId, furtherIds }, content);
  if (decided.outcome.kind === 'refused' && isMessageFault(decided.outcome.refusal.code)) return [decided];
  const others: Promise<Decided>[] = [];
  for (const item of further) {
    const other = decide(exchange, furtherMember(leading, item.certReqId), item, { ...session, certReqId: item.certReqId }, content);
    // One that fails while the others begin is looked at with them.
    other.catch(() => undefined);
    others.push(other);
    await messageTurns.takeLater();
  }
  return [decided, ...(await Promise.all(others))];
}

async function decide(exchange: VerifiedExchange, member: Member, { certReqId, request }: Sound, session: CmpSession, content: Buffer): Promise<Decided> {
  const { endpoint, deps } = exchange;
  const outcome = await deps.enrolment.enrol(endpoint.profile, {
    ...toEnrolmentRequest(exchange, request, session, content),
    transactionId: member.query.transactionId,
  });
  return { kind: 'decided', certReqId, member, outcome, session: await sessionOf(exchange, member, outcome, session) };
}

/** As recorded: what follows must repeat the nonce of the first copy, also when this request of the message was refused. */
export async function sessionOf(exchange: VerifiedExchange, { query }: Member, outcome: Outcome, session: CmpSession): Promise<CmpSession> {
  if (outcome.kind === 'issued' && !session.implicitConfirm) return namedTime(exchange, query, outcome);
  if (outcome.kind !== 'refused') return decodeSession(outcome.session);
  const stored = outcome.orderId === undefined ? undefined : await exchange.deps.enrolment.findTransaction(exchange.endpoint.profile, query);
  return stored === undefined ? session : decodeSession(stored.session);
}

/** One CertResponse for each request, in one message; `leading` is the session of the transaction. */
export function answerSeveral(exchange: VerifiedExchange, type: RequestType, verdicts: readonly Verdict[], leading: CmpSession): CmpReply {
  const { endpoint, peer, now } = exchange;
  const [first] = verdicts;
  if (
    first?.kind === 'decided' &&
    first.outcome.kind === 'refused' &&
    isMessageFault(first.outcome.refusal.code) &&
    first.member.certReqId === leading.certReqId
  ) {
    return send(exchange, peer, { body: errorBody(failInfoOf[first.outcome.refusal.code], refusals[first.outcome.refusal.code]), senderNonce: leading.nonce });
  }
  const answers = verdicts.map((verdict) => (verdict.kind === 'faulty' ? undefined : toAnswer(verdict.outcome, verdict.session, endpoint, now)));
  const response = verdicts.map((verdict, index) => responseOf(verdict, answers[index]));
  const replies = answers.flatMap((answer) => (answer === undefined ? [] : [answer.reply]));
  const final = replies.find((reply) => reply.withChain);
  const caPubs = replies.flatMap(({ body }) => ('content' in body && 'response' in body.content ? (body.content.caPubs ?? []) : []));
  const body = { type: responseTypes[type], content: { response, ...(caPubs.length > 0 && { caPubs: unique(caPubs) }) } };
  const deliveries: readonly Delivery[] = answers.flatMap((answer) => answer?.delivered ?? []);
  return sendAll(exchange, peer, { ...final, body, senderNonce: leading.nonce }, deliveries);
}

function responseOf(verdict: Verdict, answer: Answer | undefined): CertResponse {
  const { certReqId } = verdict;
  if (verdict.kind === 'faulty') {
    const { failInfo, says } = situations[verdict.fault.situation];
    return rejectionOf(certReqId, failInfo, says);
  }
  const body = answer?.reply.body;
  const found = body !== undefined && 'content' in body && 'response' in body.content ? body.content.response[0] : undefined;
  if (found !== undefined) return { ...found, certReqId };
  const code: RefusalCode = verdict.outcome.kind === 'refused' ? verdict.outcome.refusal.code : 'unavailable';
  return rejectionOf(certReqId, failInfoOf[code], refusals[code]);
}

function unique(certificates: readonly Buffer[]): readonly Buffer[] {
  return certificates.filter((item, index) => certificates.findIndex((other) => other.equals(item)) === index);
}
