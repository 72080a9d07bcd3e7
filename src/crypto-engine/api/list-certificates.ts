import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../../runtime/clock.js';
import type { Engine, IssuedCertificate } from '../ports.js';
import type { EngineCaller } from './access-token.js';
import { ownRefs } from './certificates.js';
import { sendProblem, unreadable } from './problem.js';
import { certificateView } from './views.js';

const perPage = 100;
const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

/** The last certificate of the page before: when it was issued, and its serial number. */
const cursor = z
  .string()
  .regex(/^[0-9]{1,15}\.[0-9a-f]{1,60}$/)
  .transform((text) => {
    const [at = '', serial = ''] = text.split('.');
    return { issuedAt: new Date(Number(at)), serial };
  });

export const listQuerySchema = z.strictObject({
  issuedAfter: instant.describe('Issued at this time or later'),
  issuedBefore: instant.describe('Issued before this time'),
  cursor: cursor.optional().describe('nextCursor of the page before'),
});

/** `GET /v1/cas/{caId}/certificates`: what this client ordered in a span of time, so that it can hold its own records against it. */
export async function listCertificates(
  request: FastifyRequest,
  reply: FastifyReply,
  caller: EngineCaller,
  { engine, clock }: { readonly engine: Engine; readonly clock: Clock },
): Promise<FastifyReply> {
  const query = listQuerySchema.safeParse(request.query);
  if (!query.success) return sendProblem(reply, unreadable(query.error));
  const { issuedAfter, issuedBefore, cursor: after } = query.data;
  const found = await engine.listByRef(ownRefs(caller), issuedAfter, issuedBefore, after, perPage);
  const last = found.length < perPage ? undefined : found.at(-1);
  const now = clock.now();
  const items = found.map((item) => ({ ...certificateView(engine, item, now), issuedAt: item.issuedAt.toISOString() }));
  return reply.send({ items, nextCursor: last === undefined ? null : cursorOf(last) });
}

const cursorOf = ({ issuedAt, serial }: Pick<IssuedCertificate, 'issuedAt' | 'serial'>): string => `${issuedAt.getTime()}.${serial}`;
