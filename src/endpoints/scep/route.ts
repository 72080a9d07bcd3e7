import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { EnrolmentService } from '../../enrolment/service.js';
import { mediaTypes } from '../../protocol/scep/index.js';
import type { Clock } from '../../runtime/clock.js';
import { failpoint } from '../../runtime/failpoint.js';
import type { Log } from '../../runtime/log.js';
import { isOutage } from '../../runtime/outage.js';
import type { EndpointDirectory, ScepEndpoint } from '../../tenancy/directory.js';
import { messageTurns } from '../turns.js';
import type { ScepCaller, ScepReply } from './answering.js';
import { readRawBody } from './body.js';
import { caCertificatesOf, capabilitiesOf, nextCertificatesOf } from './ca-reply.js';
import { clientFamilyOf } from './client-family.js';
import { decodeGetMessage, readQuery, type ScepQuery } from './query.js';
import { countOperation, type MessageStatus, newTrace, tellMessage } from './trace.js';
import { handlePkiOperation } from './translate.js';

export interface ScepDeps {
  readonly directory: EndpointDirectory;
  readonly enrolment: EnrolmentService;
  readonly clock: Clock;
  readonly log: Log;
}

export const scepBodyLimit = 256 * 1024;
const maxUrlLength = 16_000;
const retryAfterSeconds = 30;

/** Serves `/scep/<endpointPath>[/anything]` (RFC 8894 §4.1: "the remainder of the path is ignored"). Bodies stay bytes whatever their content type says. */
export function registerScep(app: FastifyInstance, deps: ScepDeps): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: scepBodyLimit }, (_request, body, done) => done(null, body));
    scope.addHook('onRequest', (request, _reply, done) => {
      simplifyContentType(request);
      done();
    });
    scope.setErrorHandler((error, request, reply) => answerError(error, request, reply, deps));
    const serve = (request: FastifyRequest, reply: FastifyReply) => {
      const { endpointPath } = request.params as { endpointPath: string };
      return serveEndpoint(deps.directory.scep(endpointPath), request, reply, deps);
    };
    scope.all('/scep/:endpointPath', { bodyLimit: scepBodyLimit }, serve);
    scope.all('/scep/:endpointPath/*', { bodyLimit: scepBodyLimit }, serve);
  });
}

const mediaType = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+/;

/** Fastify refuses content types it cannot parse with 415; here none of them matters, so what cannot be read is dropped. */
function simplifyContentType(request: FastifyRequest): void {
  const { headers } = request.raw;
  const simple = mediaType.exec(headers['content-type'] ?? '')?.[0];
  if (simple === undefined) delete headers['content-type'];
  else headers['content-type'] = simple;
}

/**
 * For the listener's not-found handler: serves the request if its path is a legacy path of some profile, else resolves to false
 * and leaves the reply alone. Reads the body itself where no content type parser did.
 */
export async function serveLegacyScep(request: FastifyRequest, reply: FastifyReply, deps: ScepDeps): Promise<boolean> {
  const endpointPath = deps.directory.legacy('scep', pathOf(request));
  const endpoint = endpointPath === undefined ? undefined : deps.directory.scep(endpointPath);
  if (endpoint === undefined) return false;
  try {
    await serveEndpoint(endpoint, request, reply, deps);
  } catch (error) {
    answerError(error, request, reply, deps);
  }
  return true;
}

async function serveEndpoint(endpoint: ScepEndpoint | undefined, request: FastifyRequest, reply: FastifyReply, deps: ScepDeps): Promise<FastifyReply> {
  if (endpoint === undefined) {
    deps.enrolment.noteRefusal({
      reason: 'unknown-path',
      tenantId: null,
      profileId: null,
      source: request.ip,
      clientFamily: familyOf(request),
      detail: pathOf(request).slice(0, 200),
    });
    return sendText(reply, 404, 'Not found.');
  }
  if (request.method !== 'GET' && request.method !== 'POST') return sendText(reply.header('Allow', 'GET, POST'), 405, 'Method not allowed.');
  const url = request.raw.url ?? '';
  if (url.length > maxUrlLength) return sendText(reply, 414, 'The request line is too long.');
  const query = readQuery(url.includes('?') ? url.slice(url.indexOf('?') + 1) : '');
  if (request.method === 'POST') return servePost(endpoint, query, request, reply, deps);
  const sending = serveGet(endpoint, query, request, reply, deps);
  // Everything but a message is answered at once, so that the status stands already.
  if (query.operation !== 'PKIOperation') countOperation(query.operation === 'absent' ? 'unknown' : query.operation, reply.statusCode);
  return sending;
}

async function serveGet(endpoint: ScepEndpoint, query: ScepQuery, request: FastifyRequest, reply: FastifyReply, deps: ScepDeps): Promise<FastifyReply> {
  switch (query.operation) {
    case 'GetCACaps':
      return reply.header('Cache-Control', 'no-cache').type('text/plain').send(capabilitiesOf(endpoint, deps.clock.now()));
    case 'GetCACert':
    case 'GetCACertChain':
      return sendCaCertificates(endpoint, query, reply, deps);
    case 'GetNextCACert':
      return sendNextCertificates(endpoint, reply, deps);
    case 'PKIOperation': {
      const message = query.message === undefined ? undefined : decodeGetMessage(query.message);
      if (message?.ok) return sendPkiMessage(endpoint, message.value, request, reply, deps);
      noteMalformed(endpoint, request, deps, 'GET PKIOperation without a base64 message.');
      return sendText(reply, 400, 'The message is missing or is not base64.');
    }
    case 'absent':
    case 'unknown':
      return sendText(reply, 400, 'Unknown operation.');
  }
}

/** A POST can only be a PKIOperation; several clients leave the operation out. */
async function servePost(endpoint: ScepEndpoint, query: ScepQuery, request: FastifyRequest, reply: FastifyReply, deps: ScepDeps): Promise<FastifyReply> {
  if (query.operation === 'unknown') return sendText(reply, 400, 'Unknown operation.');
  if (query.operation !== 'PKIOperation' && query.operation !== 'absent') {
    return sendText(reply.header('Allow', 'GET'), 405, 'This operation is asked for by GET.');
  }
  // Nothing is ever decompressed: a body of 256 KiB stays one.
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') return sendText(reply, 415, 'Content encodings are not accepted.');
  return sendPkiMessage(endpoint, await readRawBody(request, scepBodyLimit), request, reply, deps);
}

function sendCaCertificates(endpoint: ScepEndpoint, query: ScepQuery, reply: FastifyReply, deps: ScepDeps): FastifyReply {
  const certificates = caCertificatesOf(endpoint, deps.clock.now());
  if (!certificates.ok) {
    deps.log.error({ profileId: endpoint.profile.id }, 'no usable RA certificate');
    return sendUnavailable(reply);
  }
  const { mediaType, body } = certificates.value;
  // The name of draft-18, kept for its clients.
  const type = query.operation === 'GetCACertChain' ? 'application/x-x509-ca-ra-cert-chain' : mediaType;
  return reply.header('Cache-Control', 'no-cache').type(type).send(body);
}

function sendNextCertificates(endpoint: ScepEndpoint, reply: FastifyReply, deps: ScepDeps): FastifyReply {
  const body = nextCertificatesOf(endpoint, deps.clock.now());
  if (body === undefined) return sendText(reply, 404, 'No next CA certificate is published.');
  return reply.header('Cache-Control', 'no-cache').type(mediaTypes.nextCa).send(body);
}

async function sendPkiMessage(endpoint: ScepEndpoint, bytes: Buffer, request: FastifyRequest, reply: FastifyReply, deps: ScepDeps): Promise<FastifyReply> {
  failpoint('received');
  const turn = messageTurns.take();
  if (turn !== undefined) await turn;
  const answer = await answerMessage(endpoint, bytes, callerOf(request), deps);
  failpoint('answering');
  reply.header('Cache-Control', 'no-store');
  switch (answer.kind) {
    case 'unreadable':
      return sendText(reply, 400, 'The message could not be read.');
    case 'unavailable':
      return sendUnavailable(reply);
    case 'certRep': {
      const { orderId } = answer;
      if (orderId !== undefined) reply.raw.once('finish', () => deps.enrolment.noteDelivered(endpoint.profile, orderId, false));
      return reply.type(mediaTypes.pkiMessage).send(answer.message);
    }
  }
}

async function answerMessage(endpoint: ScepEndpoint, bytes: Buffer, caller: ScepCaller, deps: ScepDeps): Promise<ScepReply> {
  const trace = newTrace();
  const answered = { endpoint, clientIp: caller.clientIp, startedAt: performance.now(), log: deps.log };
  let status: MessageStatus = 'failed';
  try {
    const reply = await handlePkiOperation(endpoint, bytes, caller, deps, trace);
    status = reply.kind === 'certRep' ? reply.status : reply.kind;
    return reply;
  } catch (error) {
    if (isOutage(error)) status = 'unavailable';
    throw error;
  } finally {
    tellMessage(trace, status, answered);
  }
}

function callerOf(request: FastifyRequest): ScepCaller {
  return {
    clientIp: request.ip,
    userAgent: request.headers['user-agent'] ?? '',
    contentType: request.headers['content-type'] ?? '',
    method: request.method === 'POST' ? 'POST' : 'GET',
  };
}

function familyOf(request: FastifyRequest): string {
  return clientFamilyOf({ transactionId: '', ...callerOf(request) });
}

function pathOf(request: FastifyRequest): string {
  return (request.raw.url ?? '').split('?', 1)[0] ?? '';
}

function sendText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply
    .code(status)
    .type('text/plain')
    .send(Buffer.from(`${text}\n`));
}

function sendUnavailable(reply: FastifyReply): FastifyReply {
  return sendText(reply.header('Retry-After', String(retryAfterSeconds)), 503, 'The service is temporarily unavailable.');
}

function noteMalformed(endpoint: ScepEndpoint, request: FastifyRequest, deps: ScepDeps, detail: string): void {
  const { id, tenantId } = endpoint.profile;
  deps.enrolment.noteRefusal({ reason: 'malformed', tenantId, profileId: id, source: request.ip, clientFamily: familyOf(request), detail });
}

/** The last net: what the HTTP layer refused keeps its status, everything else is ours and says nothing (RFC 8894 knows no text for it). */
function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, deps: ScepDeps): void {
  const status = (error as { statusCode?: number }).statusCode ?? 500;
  if (status === 413) {
    deps.enrolment.noteRefusal({
      reason: 'too-large',
      tenantId: null,
      profileId: null,
      source: request.ip,
      clientFamily: familyOf(request),
      detail: pathOf(request).slice(0, 200),
    });
    sendText(reply, 413, 'The message is too large.');
  } else if (status >= 400 && status < 500) {
    sendText(reply, status, 'The request is not valid.');
  } else if (isOutage(error)) {
    deps.log.error({ err: error }, 'SCEP request could not be served');
    sendUnavailable(reply.header('Cache-Control', 'no-store'));
  } else {
    deps.log.error({ err: error }, 'SCEP request failed');
    reply.code(500).header('Cache-Control', 'no-store').type('text/plain').send(Buffer.alloc(0));
  }
}
