import { decodePkiMessage, encodeNestedContent, type PkiMessage, readNestedContent } from '../../protocol/cmp/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { CmpEndpoint } from '../../tenancy/directory.js';
import { messageTurns } from '../turns.js';
import { type CmpContext, type CmpDeps, type CmpReply, type Delivered, refuse, send, type VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import { traced } from './trace.js';

/** A nested message may hold nested messages, and those no further ones. */
const maxDepth = 2;

export type HandleMessage = (endpoint: CmpEndpoint, bytes: Buffer, context: CmpContext, deps: CmpDeps) => Promise<CmpReply>;

/**
 * nested (RFC 9483 section 5.2.2): an RA adds its protection to a message, or sends several as a batch. What is inside is checked as if
 * it had come alone; that an RA forwarded it approves nothing. `handle` is what serves any message.
 */
export async function serveNested(exchange: VerifiedExchange, content: Buffer, handle: HandleMessage): Promise<CmpReply> {
  const { peer, context } = exchange;
  const forwarder = await checkForwarder(exchange);
  if (!forwarder.ok) return refuse(exchange, peer, forwarder.error);
  if ((context.depth ?? 0) >= maxDepth) return refuse(exchange, peer, fault('nesting', 'too deep'));
  const messages = readNestedContent(content);
  if (!messages.ok) return refuse(exchange, peer, fault('nesting', messages.error.message));
  const inside = messages.value.map((bytes) => ({ bytes, message: decodePkiMessage(bytes) }));
  const broken = inside.find((item) => !item.message.ok);
  if (broken !== undefined && !broken.message.ok) return refuse(exchange, peer, fault('malformed', broken.message.error.message));
  const items = inside.flatMap(({ bytes, message }) => (message.ok ? [{ bytes, message: message.value }] : []));
  const [first, ...further] = items;
  if (first !== undefined && further.length === 0 && isAddedProtection(exchange, first.message)) return serveProtected(exchange, first, handle);
  return serveBatch(exchange, items, handle);
}

interface Item {
  readonly bytes: Buffer;
  readonly message: PkiMessage;
}

/** "Signature-based protection" by an RA of the profile (RFC 9483 section 5.2.2). */
async function checkForwarder({ endpoint, peer, deps }: VerifiedExchange): Promise<Result<true, Fault>> {
  if (peer.kind === 'mac') return fail(fault('protection-kind', 'nested'));
  const rights = await deps.enrolment.authorityRights(endpoint.profile, peer);
  return rights.has('nest') ? ok(true) : fail(fault('forwarder'));
}

/**
 * One message under its own transactionID. A batch of one is told by its path: only there may a single message have another
 * transactionID (RFC 9483 section 6.1).
 */
function isAddedProtection({ header, context }: VerifiedExchange, message: PkiMessage): boolean {
  return context.label !== 'nested' || message.header.transactionID?.equals(header.transactionID) === true;
}

/** RFC 9483 section 5.2.2.1: the RA copies transactionID and senderNonce; the answer is that to the message inside, as it is. */
async function serveProtected(exchange: VerifiedExchange, { bytes, message }: Item, handle: HandleMessage): Promise<CmpReply> {
  const { header, peer, endpoint, deps } = exchange;
  if (message.header.transactionID?.equals(header.transactionID) !== true) return refuse(exchange, peer, fault('nesting', 'transactionID'));
  if (message.header.senderNonce?.equals(header.senderNonce) !== true) return refuse(exchange, peer, fault('sender-nonce', 'not that of the message inside'));
  const { trace } = exchange.context;
  if (trace !== undefined) trace.reply = { type: 'nested', content: bytes };
  return traced(insideContext(exchange), deps.log, (context) => handle(endpoint, bytes, context, deps));
}

/** RFC 9483 section 5.2.2.2: every message on its own, and one answer that holds the answers. */
async function serveBatch(exchange: VerifiedExchange, items: readonly Item[], handle: HandleMessage): Promise<CmpReply> {
  const { endpoint, peer, deps } = exchange;
  const seen = new Set<string>();
  const begun: Promise<CmpReply>[] = [];
  for (const { bytes, message } of items) {
    const transaction = message.header.transactionID?.toString('hex') ?? '';
    const isDuplicate = seen.has(transaction);
    seen.add(transaction);
    begun.push(traced({ ...insideContext(exchange), isDuplicate }, deps.log, (context) => handle(endpoint, bytes, context, deps)));
    // Each begins with a signature to verify; others have their turn between them.
    await messageTurns.takeLater();
  }
  const replies = await Promise.all(begun);
  const answered = replies.flatMap((reply) => (reply.status === 200 ? [reply] : []));
  const reply = send(exchange, peer, { body: { type: 'nested', content: encodeNestedContent(answered.map(({ bytes }) => bytes)) } });
  const delivered: readonly Delivered[] = answered.flatMap((item) => item.delivered ?? []);
  return reply.status === 200 ? { ...reply, delivered } : reply;
}

/** What is inside knows the path only if the path names its operation, and never what is traced of the whole. */
function insideContext({ context }: VerifiedExchange): CmpContext {
  const { label, trace: _, ...rest } = context;
  return { ...rest, depth: (context.depth ?? 0) + 1, ...(label !== undefined && label !== 'nested' && { label }) };
}
