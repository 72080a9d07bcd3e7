import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { conversions, shadowsConversion } from '../runtime/hostile-json.js';
import { type Fault, faultsOf, refuseFaults } from './fault.js';
import { notFound, Problem } from './problem.js';

const nothing = z.strictObject({});
const someObject = z.record(z.string(), z.unknown());

/**
 * Checks path, query and body of every request against the route's zod schemas, all in one go: Fastify's own validation
 * stops at the first part that fails, and callers want every fault at once. A route without a query schema takes no parameters.
 */
export function validateRequests(app: FastifyInstance): void {
  app.setValidatorCompiler(() => (value) => ({ value }));
  app.addHook('preValidation', async (request) => {
    if (request.is404) return;
    if (shadowsConversion(request.body)) throw new Problem('malformed-body', { detail: `No member may be named as one of ${conversions.join(', ')}.` });
    checkPath(request);
    refuseFaults([...checkQuery(request), ...checkBody(request)]);
  });
}

/** An id that is not a UUID names nothing. */
function checkPath(request: FastifyRequest): void {
  const schema = request.routeOptions.schema?.params;
  if (schema instanceof z.ZodType && !schema.safeParse(request.params).success) throw notFound();
}

function checkQuery(request: FastifyRequest): Fault[] {
  const schema = request.routeOptions.schema?.querystring;
  const parsed = (schema instanceof z.ZodType ? schema : nothing).safeParse(request.query);
  if (!parsed.success) return faultsOf(parsed.error);
  request.query = parsed.data;
  return [];
}

/** A PATCH is a merge patch: the handler checks the object it leads to, here it only has to be an object. */
function checkBody(request: FastifyRequest): Fault[] {
  const schema = request.routeOptions.config.bodySchema?.(request.body) ?? request.routeOptions.schema?.body;
  if (!(schema instanceof z.ZodType)) return [];
  const isPatch = request.method === 'PATCH';
  const parsed = (isPatch ? someObject : schema).safeParse(request.body);
  if (!parsed.success) return faultsOf(parsed.error);
  request.body = parsed.data;
  return [];
}

/** Reads JSON bodies only, for these two content types; anything else is 415, compressed bodies too. */
export function acceptJsonOnly(app: FastifyInstance, bodyLimit: number): void {
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser(['application/json', 'application/merge-patch+json'], { parseAs: 'string', bodyLimit }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else if (isNestedDeeper(body.toString(), mostLevels))
      done(new Problem('malformed-body', { detail: `The body is nested deeper than ${mostLevels} levels.` }));
    else parse(request, body.toString(), done);
  });
  app.addHook('onRequest', async (request) => {
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') throw new Problem('unsupported-media-type', { detail: 'Compressed bodies are not read.' });
  });
}

/** No schema of ours goes half as deep; what reads a body part by part would run out of stack in what is a hundred times deeper. */
const mostLevels = 64;

function isNestedDeeper(json: string, most: number): boolean {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < json.length && depth <= most; at += 1) {
    const sign = json[at];
    if (sign === '"') isText = !isText;
    else if (isText) at += sign === '\\' ? 1 : 0;
    else if (sign === '[' || sign === '{') depth += 1;
    else if (sign === ']' || sign === '}') depth -= 1;
  }
  return depth > most;
}
