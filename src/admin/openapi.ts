import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { policySchema } from '../tenancy/policy.js';

z.globalRegistry.add(policySchema, { id: 'Policy', description: 'What a profile allows. Absent parts take their defaults.' });

const faultSchema = z.object({ path: z.string(), message: z.string() }).meta({ id: 'Fault', description: 'One thing that is wrong; `path` is dotted.' });

/** RFC 9457 section 3, with our members. */
export const problemSchema = z
  .looseObject({
    type: z.string().describe('`urn:gatehouse:problem:<code>`'),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    instance: z.string(),
    requestId: z.string(),
    errors: z.array(faultSchema).optional(),
  })
  .meta({ id: 'Problem', description: 'Problem details (RFC 9457)' });

const problemAnswer = (description: string) => ({ description, content: { 'application/problem+json': { schema: problemSchema } } });

/** The answers of a route, with the problems every route may answer. The handler's return type stays that of `own`. */
export function answers<T extends object>(own: T): T {
  return { ...own, '4xx': problemAnswer('The request was refused'), '5xx': problemAnswer('The server failed') } as T;
}

export const noContent = { description: 'Done', content: {} };

const tags = [
  { name: 'session', description: 'Who am I' },
  { name: 'tenants', description: 'Organisations' },
  { name: 'connectors', description: 'Outside systems: certification authorities' },
  { name: 'cmp-profiles', description: 'CMP endpoints' },
  { name: 'scep-profiles', description: 'SCEP endpoints' },
  { name: 'orders', description: 'What devices asked for, and what became of it' },
];

/** Collects the schemas of every route registered after it in this scope. */
export async function describeRoutes(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Gatehouse admin API', version: '1', description: 'Enrolment server for SCEP and CMP: tenants, connectors, profiles, orders.' },
      servers: [{ url: '/' }],
      tags,
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'An API token: gh_...' } } },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => withoutUnused(jsonSchemaTransformObject(document)),
  });
}

/** The zod bridge writes each named schema twice, as input and as output; what nothing refers to goes. */
function withoutUnused<T extends object>(document: T): T {
  const schemas = (document as { components?: { schemas?: Record<string, unknown> } }).components?.schemas ?? {};
  const used = new Set<string>();
  const follow = (part: unknown): void => {
    for (const match of JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      const name = match[1] as string;
      if (used.has(name)) continue;
      used.add(name);
      follow(schemas[name]);
    }
  };
  follow((document as { paths?: unknown }).paths);
  for (const name of Object.keys(schemas)) if (!used.has(name)) delete schemas[name];
  return document;
}

/** The readable page at /api/docs. It needs scripts and styles, so it gets a policy of its own. */
export async function serveDocs(app: FastifyInstance): Promise<void> {
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { docExpansion: 'list', deepLinking: true },
    staticCSP: {
      'default-src': ["'self'"],
      'img-src': ["'self'", 'data:'],
      'style-src': ["'self'", "'unsafe-inline'"],
      'script-src': ["'self'"],
      'object-src': ["'none'"],
      'base-uri': ["'self'"],
      'frame-ancestors': ["'none'"],
    },
  });
}
