import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { AdminParts } from '../ports.js';

let processMetrics: Registry | undefined;

/** The process has one heap and one event loop: their metrics are collected once, however many listeners show them. */
function metricsOfProcess(): Registry {
  if (processMetrics === undefined) {
    processMetrics = new Registry();
    collectDefaultMetrics({ register: processMetrics });
  }
  return processMetrics;
}

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
    const merged = Registry.merge([metricsOfProcess(), ...(deps.metrics === undefined ? [] : [deps.metrics])]);
    return reply.type(merged.contentType).send(await merged.metrics());
  });
}
