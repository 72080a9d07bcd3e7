import type { FastifyInstance } from 'fastify';
import { figuresHere, metricsContentType, metricsText } from '../../runtime/metrics.js';
import type { AdminParts } from '../ports.js';

/** `/healthz`: the process answers. `/readyz`: it can do its work. `/metrics`: Prometheus text. None of them needs a token: probes and
 *  scrapers seldom have one, and they show no names of devices. */
export function healthRoutes(app: FastifyInstance, deps: AdminParts): void {
  const config = { access: 'public' as const };
  app.get('/healthz', { config, schema: { hide: true } }, async () => ({ status: 'ok' }));
  app.get('/readyz', { config, schema: { hide: true } }, async (_request, reply) => {
    const { ready, checks } = await deps.readiness();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', checks });
  });
  app.get('/metrics', { config, schema: { hide: true } }, async (_request, reply) => {
    const text = deps.metrics === undefined ? metricsText([await figuresHere()]) : deps.metrics.text();
    return reply.type(metricsContentType).send(await text);
  });
}
