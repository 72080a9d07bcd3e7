import { createHmac } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AdminParts, HeldKey, IdempotencyKey, KeptAnswer } from './ports.js';
import { Problem } from './problem.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The Idempotency-Key this request holds. */
    heldKey: HeldKey | null;
  }
}

/** A POST with an Idempotency-Key happens once: a repetition gets the first answer again, another request with the same key 422. */
export function honourIdempotencyKeys(app: FastifyInstance, deps: AdminParts): void {
  app.decorateRequest('heldKey', null);
  app.addHook('preHandler', async (request, reply) => {
    const key = keyOf(request);
    if (key === undefined) return;
    const expiresAt = new Date(deps.clock.now().getTime() + deps.limits.idempotencyMs);
    const claim = await deps.idempotency.claim(key, fingerprint(request, deps.challengeMacKey), expiresAt);
    if (claim.kind === 'kept') return replay(reply, claim.answer);
    if (claim.kind === 'other-request') throw new Problem('idempotency-key-reused', { detail: 'Use a new key for another request.' });
    if (claim.kind === 'busy') throw new Problem('request-under-way', { detail: 'Wait for its answer, then repeat.', headers: { 'retry-after': '1' } });
    request.heldKey = claim.held;
  });
  app.addHook('onSend', async (request, reply, payload) => {
    const { heldKey } = request;
    if (heldKey === null) return;
    const isKept = reply.statusCode < 300 && typeof payload === 'string';
    // What was asked for has happened, or has not: the answer says so also when it cannot be kept.
    await (isKept ? heldKey.keep(answerOf(reply, payload)) : heldKey.release()).catch((error: unknown) =>
      deps.log.error({ err: error, requestId: request.id }, 'the answer for an Idempotency-Key could not be kept'),
    );
  });
}

function keyOf(request: FastifyRequest): IdempotencyKey | undefined {
  const header = request.headers['idempotency-key'];
  if (request.method !== 'POST' || header === undefined || request.caller === null) return undefined;
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/.test(header)) return { tenantId: request.caller.tenantId, actor: request.caller.actor, key: header };
  throw new Problem('invalid-request', { errors: [{ path: 'Idempotency-Key', message: 'Must be 1 to 255 visible ASCII characters' }] });
}

/** Keyed, because bodies may hold short secrets and fingerprints are stored. */
function fingerprint(request: FastifyRequest, key: Buffer): string {
  const content = [request.method, request.url, JSON.stringify(request.body ?? null)];
  return createHmac('sha256', key)
    .update(`idempotency\u0000${content.join('\u0000')}`)
    .digest('hex');
}

const keptHeaders = ['content-type', 'location', 'etag'] as const;

function answerOf(reply: FastifyReply, body: string): KeptAnswer {
  const headers = keptHeaders.flatMap((name) => {
    const value = reply.getHeader(name);
    return value === undefined ? [] : [[name, String(value)] as const];
  });
  return { status: reply.statusCode, headers: Object.fromEntries(headers), body };
}

function replay(reply: FastifyReply, answer: KeptAnswer): FastifyReply {
  return reply.code(answer.status).headers(answer.headers).header('idempotency-replayed', 'true').serializer(String).send(answer.body);
}
