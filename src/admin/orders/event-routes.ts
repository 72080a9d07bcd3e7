import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { operations, orderStates } from '../../enrolment/order.js';
import type { OrderEvent } from '../../enrolment/order-events.js';
import type { Context } from '../../tenancy/context.js';
import { protocols } from '../../tenancy/profile.js';
import type { AdminApp } from '../app.js';
import { callerOf } from '../caller.js';
import { idSchema, timeSchema } from '../field.js';
import { answers } from '../openapi.js';
import { Problem } from '../problem.js';
import { narrowed } from '../tenant-scope.js';
import type { OrderEventFeed } from './event-feed.js';

const eventQuery = z.strictObject({
  tenantId: idSchema.optional(),
  protocol: z.enum(protocols).optional(),
  profileId: idSchema.optional(),
});
type EventQuery = z.output<typeof eventQuery>;

export const orderEventSchema = z
  .object({
    id: z.string().describe('Of the order'),
    state: z.enum(orderStates),
    action: z.string().describe('`order.accepted`, `order.issued`, ... as in the audit'),
    at: timeSchema,
    tenantId: z.string(),
    profileId: z.string(),
    protocol: z.enum(protocols),
    operation: z.enum(operations),
    subject: z.string(),
    key: z.string().describe('Of the event: what is told twice after a resumption has the same key'),
  })
  .meta({ id: 'OrderEvent', description: 'What `data:` of an event named `order` says' });

const stream = {
  description:
    'Events named `order`, each an OrderEvent as JSON; an event `reset` where too much was missed to be told again: read the lists anew. Comments keep the connection alive.',
  content: { 'text/event-stream': { schema: orderEventSchema } },
};

const mostStreams = 200;
const mostOfOneCaller = 20;
/** After this time the stream ends and the client comes back, with credentials that are then checked anew. */
const lifetimeMs = 15 * 60_000;
const heartbeatMs = 15_000;
const retryMs = 2_000;
/** What waits for a client that does not read. */
const mostWaitingBytes = 1_000_000;
const mostToldAgain = 2_000;
/** Transactions of different nodes become visible in another sequence than their times say, by this much at most. */
const overlapMs = 10_000;
const oldestMs = 3_600_000;

/** Live orders as server-sent events (WHATWG HTML, section 9.2). */
export function orderEventRoutes(app: AdminApp, feed: OrderEventFeed): void {
  /** Whose each is. */
  const open = new Map<Readable, string>();
  app.addHook('preClose', async () => {
    for (const one of open.keys()) one.push(null);
  });

  app.get(
    '/orders/events',
    {
      exposeHeadRoute: false,
      config: { access: 'order:read' },
      schema: {
        tags: ['orders'],
        operationId: 'followOrders',
        summary: 'What happens to orders, as it happens: server-sent events, resumed by Last-Event-ID',
        querystring: eventQuery,
        response: answers({ 200: stream }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const context = narrowed(caller, request.query.tenantId);
      const mine = [...open.values()].filter((actor) => actor === caller.actor).length;
      if (open.size >= mostStreams || mine >= mostOfOneCaller)
        throw new Problem('unavailable', { detail: 'Too many listen already.', headers: { 'retry-after': '10' } });
      const events = new Readable({ read: () => undefined });
      open.set(events, caller.actor);
      const end = await follow(feed, events, request, context).catch((error: unknown) => {
        open.delete(events);
        throw error;
      });
      events.once('close', () => {
        open.delete(events);
        end();
      });
      reply.type('text/event-stream').header('x-accel-buffering', 'no');
      return reply.serializer((body: unknown) => body as string).send(events as never) as never;
    },
  );
}

/** Writes into `events` until the function that it resolves to is called. */
async function follow(feed: OrderEventFeed, events: Readable, request: FastifyRequest, context: Context | undefined): Promise<() => void> {
  const told = new Set<string>();
  const isWanted = wanted(context, request.query as EventQuery);
  const tell = (found: readonly OrderEvent[]): void => {
    for (const event of found) if (isWanted(event) && !told.has(event.key)) events.push(written(event));
    if (events.readableLength > mostWaitingBytes) events.destroy();
  };
  events.push(`retry: ${retryMs}\n\n`);
  const leave = await feed.listen(tell);
  const timers = [setInterval(() => events.push(': alive\n\n'), heartbeatMs), setTimeout(() => events.push(null), lifetimeMs)];
  const end = (): void => {
    leave();
    for (const timer of timers) clearTimeout(timer);
  };
  try {
    for (const event of await missed(feed, request, events)) {
      tell([event]);
      told.add(event.key);
    }
  } catch (error) {
    end();
    throw error;
  }
  return end;
}

/** What came since the event that the client saw last; nothing, and a `reset`, where that is too long ago. */
async function missed(feed: OrderEventFeed, request: FastifyRequest, events: Readable): Promise<readonly OrderEvent[]> {
  const header = request.headers['last-event-id'];
  if (header === undefined) return [];
  const time = /^(\d{1,15})(?:-|$)/.exec(String(header))?.[1];
  const at = Number(time) - overlapMs;
  const found = time === undefined || at < Date.now() - oldestMs ? undefined : await feed.since(new Date(at), mostToldAgain);
  if (found !== undefined && found.length < mostToldAgain) return found;
  events.push('event: reset\ndata: {}\n\n');
  return [];
}

function wanted(context: Context | undefined, { protocol, profileId }: EventQuery): (event: OrderEvent) => boolean {
  return (event) =>
    context !== undefined &&
    (context.tenantId === null || context.tenantId === event.tenantId) &&
    (protocol === undefined || protocol === event.protocol) &&
    (profileId === undefined || profileId === event.profileId);
}

/** The id begins with the time, which is what a resumption goes by. */
function written({ orderId, key, at, ...event }: OrderEvent): string {
  const { state, action, tenantId, profileId, protocol, operation, subject } = event;
  const data = JSON.stringify({ id: orderId, state, action, at: at.toISOString(), tenantId, profileId, protocol, operation, subject, key });
  return `id: ${at.getTime()}-${key}\nevent: order\ndata: ${data}\n\n`;
}
