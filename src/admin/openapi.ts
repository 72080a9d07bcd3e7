import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { policySchema } from '../tenancy/policy.js';
import { examples } from './examples.js';

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

/** An answer that also comes in other forms, by the Accept header: media type to what it holds. The handler's return type stays that of `json`. */
export function orInForms<T extends z.ZodType>(json: T, forms: Readonly<Record<string, string>>): T {
  const others = Object.entries(forms).map(([type, description]) => [type, { schema: z.string().describe(description) }] as const);
  const description = json.description ?? 'Done';
  return { description, content: { 'application/json': { schema: json }, ...Object.fromEntries(others) } } as unknown as T;
}

export const noContent = z.null().describe('Done');

const tags = [
  { name: 'session', description: 'Who am I; signing in and out, password and second factor' },
  { name: 'users', description: 'People who sign in, and their sessions' },
  { name: 'tokens', description: 'Tokens of programs' },
  { name: 'dashboard', description: 'How the installation fares' },
  { name: 'tenants', description: 'Organisations' },
  { name: 'connectors', description: 'Outside systems: certification authorities' },
  { name: 'cmp-profiles', description: 'CMP endpoints' },
  { name: 'scep-profiles', description: 'SCEP endpoints' },
  { name: 'orders', description: 'What devices asked for, and what became of it' },
  { name: 'refusals', description: 'Requests that never became an order' },
  { name: 'certificates', description: 'What was issued' },
  { name: 'unknown-certificates', description: 'What CAs issued and is not known here, as after a restored backup' },
  { name: 'accounts', description: 'Device identities' },
  { name: 'audit', description: 'What happened, by whom, to what' },
  { name: 'engine-cas', description: 'CAs of the embedded engine, and their successors' },
  { name: 'reports', description: 'What auditors ask for: rights and their use, dangerous settings in force' },
  { name: 'engine-clients', description: 'Who may use the embedded engine over its own API' },
  { name: 'decode', description: 'Captured messages, field by field' },
  { name: 'notification-rules', description: 'Who hears of what by mail' },
  { name: 'mails', description: 'Mails that were made, and what became of them' },
];

/** Collects the schemas of every route registered after it in this scope. */
export async function describeRoutes(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Gatehouse admin API', version: '1', description: 'Enrolment server for SCEP and CMP: tenants, connectors, profiles, orders.' },
      servers: [{ url: '/' }],
      tags,
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'An API token: gh_...' },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: '__Host-gatehouse',
            description: 'Made by POST /session; named `gatehouse` where the console is served over http',
          },
        },
      },
      security: [{ token: [] }, { session: [] }],
    },
    transform: describeRoute,
    transformObject: (document) => withExamples(tidySchemas(jsonSchemaTransformObject(document))),
  });
}

const conventions: Readonly<Record<string, object>> = {
  PATCH: { 'if-match': { type: 'string', description: 'ETag of the object as it was read; 428 without, 412 when it has changed since' } },
  DELETE: { 'if-match': { type: 'string', description: 'ETag of the object as it was read; 428 without, 412 when it has changed since' } },
  POST: { 'idempotency-key': { type: 'string', maxLength: 255, description: 'Makes a repetition answer as the first time, for 24 hours' } },
};

/** Adds to a route's own schema what follows from its method and its access. */
const describeRoute: typeof jsonSchemaTransform = (document) => {
  const { schema, url } = jsonSchemaTransform(document);
  const access = document.route.config?.access;
  const properties = conventions[String(document.route.method)];
  const isPublic = access === undefined || access === 'public';
  const needs = access === 'self' ? 'Needs the session of a user.' : `Needs the permission \`${access}\`.`;
  const schemes = access === 'self' ? { security: [{ session: [] }] } : {};
  const allowed = isPublic ? { security: [] } : { description: needs, 'x-permission': access, ...schemes };
  return { url, schema: { ...schema, ...allowed, ...(properties === undefined ? {} : { headers: { type: 'object', properties } }) } };
};

/** The zod bridge writes each named schema twice, `X` for answers and `XInput` for requests: what nothing refers to goes, and the suffix
 *  stays only where both are in use. */
function tidySchemas<T extends object>(document: T): T {
  const { paths, components } = document as { paths?: unknown; components?: { schemas?: Record<string, unknown> } };
  const schemas = components?.schemas ?? {};
  const used = usedSchemas(paths, schemas);
  for (const name of Object.keys(schemas)) if (!used.has(name)) delete schemas[name];
  const isFree = (name: string): boolean => name.endsWith('Input') && !used.has(name.slice(0, -'Input'.length));
  const text = JSON.stringify(document).replace(/("#\/components\/schemas\/)(\w+)"/g, (_, root: string, name: string) => {
    return `${root}${isFree(name) ? name.slice(0, -'Input'.length) : name}"`;
  });
  const tidied = JSON.parse(text) as T & { components: { schemas: Record<string, unknown> } };
  const renamed = Object.entries(tidied.components.schemas).map(([name, schema]) => [isFree(name) ? name.slice(0, -'Input'.length) : name, schema] as const);
  tidied.components.schemas = Object.fromEntries(renamed.sort(([left], [right]) => (left < right ? -1 : 1)));
  return tidied;
}

/** Requests as somebody would send them, beside the schemas they follow. Throws on one of a schema that is no longer there. */
function withExamples<T extends object>(document: T): T {
  const { schemas } = (document as unknown as { components: { schemas: Record<string, object> } }).components;
  for (const [name, some] of Object.entries(examples)) {
    const schema = schemas[name];
    if (schema === undefined) throw new Error(`There are examples of ${name}, which is no schema of the API.`);
    schemas[name] = { ...schema, examples: some };
  }
  return document;
}

function usedSchemas(paths: unknown, schemas: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const used = new Set<string>();
  const follow = (part: unknown): void => {
    for (const match of (JSON.stringify(part) ?? '').matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      const name = match[1] as string;
      if (used.has(name)) continue;
      used.add(name);
      follow(schemas[name]);
    }
  };
  follow(paths);
  return used;
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
