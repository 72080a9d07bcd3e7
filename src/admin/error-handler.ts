import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { uuidv7 } from '../runtime/ids.js';
import type { Log } from '../runtime/log.js';
import { isOutage } from '../runtime/outage.js';
import { Problem, type ProblemCode, type ProblemDetails, problemBody, problems } from './problem.js';
import { methodsAt, type RouteTable } from './route-table.js';

/** Fastify's own refusals, before a handler runs. */
const fastifyProblems: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed-body',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed-body',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed-body',
  FST_ERR_BAD_URL: 'invalid-request',
  FST_ERR_MAX_PARAM_LENGTH: 'not-found',
};

/** A database that is restarted is back in about this time. */
const retryAfterSeconds = 5;

export function sendProblem(request: FastifyRequest, reply: FastifyReply, code: ProblemCode, details: ProblemDetails = {}): FastifyReply {
  const instance = request.url.split('?', 1)[0] ?? '';
  return reply
    .code(problems[code].status)
    .headers(details.headers ?? {})
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(problemBody(code, details, instance, request.id));
}

/**
 * Every error leaves as a problem. A store that cannot read a cursor or sort as asked throws `InvalidListQuery`. A database that is away is
 * told as such; what we did not foresee is logged once and told as an incident id only.
 */
export function handleErrors(app: FastifyInstance, log: Log): void {
  app.setErrorHandler((error: FastifyError, request, reply) => answerError(error, request, reply, log));
}

export function answerError(error: Error & { code?: string; statusCode?: number }, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  if (error instanceof Problem) return sendProblem(request, reply, error.code, error.details);
  const known = fastifyProblems[error.code ?? ''];
  if (known !== undefined) return sendProblem(request, reply, known, { detail: error.message });
  if (error.name === 'InvalidListQuery') return sendProblem(request, reply, 'invalid-request', { errors: [{ path: 'cursor', message: error.message }] });
  if (isBodyError(error)) return sendProblem(request, reply, 'malformed-body', { detail: 'The body is not valid JSON.' });
  const asked = { requestId: request.id, method: request.method, route: request.routeOptions.url };
  if (isOutage(error)) {
    log.error({ err: error, ...asked }, 'request could not be served');
    return sendProblem(request, reply, 'unavailable', { detail: 'The database is away.', headers: { 'retry-after': String(retryAfterSeconds) } });
  }
  const incidentId = uuidv7();
  log.error({ err: error, incidentId, ...asked }, 'request failed');
  return sendProblem(request, reply, 'internal', { detail: 'Give the incident id to your administrator.', members: { incidentId } });
}

/** For `frameworkErrors` of the listener: URLs that no route can even be looked up for. */
export function answerFrameworkErrors(log: Log) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply => answerError(error, request, reply, log);
}

/** secure-json-parse throws a SyntaxError that Fastify marks with status 400. */
function isBodyError(error: Error & { statusCode?: number }): boolean {
  return error.statusCode === 400 && error instanceof SyntaxError;
}

/** 405 with Allow where the path exists for other methods, else 404. */
export function handleUnknownRoutes(app: FastifyInstance, table: RouteTable): void {
  app.setNotFoundHandler((request, reply) => {
    const methods = methodsAt(table, request.url.split('?', 1)[0] ?? '');
    if (methods.length === 0) return sendProblem(request, reply, 'not-found', { detail: 'There is nothing at this path.' });
    return sendProblem(request, reply, 'method-not-allowed', { headers: { allow: methods.join(', ') } });
  });
}
