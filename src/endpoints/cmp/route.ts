import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RefusalReason } from '../../enrolment/refusal.js';
import type { EnrolmentService } from '../../enrolment/service.js';
import { createMacKeys } from '../../protocol/cmp/index.js';
import { cmpLimits } from '../../protocol/der/index.js';
import type { Clock } from '../../runtime/clock.js';
import { failpoint } from '../../runtime/failpoint.js';
import type { Log } from '../../runtime/log.js';
import type { EndpointDirectory } from '../../tenancy/directory.js';
import { messageTurns } from '../turns.js';
import { clientFamilyOf } from './client-family.js';
import type { Delaying } from './delaying.js';
import type { CmpDeps, CmpReply } from './exchange.js';
import { handleCmpMessage } from './handle.js';
import { createCipherTextMemory } from './kem-answers.js';
import { createLockOut } from './lock-out.js';
import { createRateLimit, type RateLimit } from './rate-limit.js';
import { type ResolvedPath, resolvePath } from './resolve-path.js';
import { createSignerMemory } from './signer-memory.js';
import { traced } from './trace.js';

const mediaType = 'application/pkixcmp';
/** `-poll` is what servers before RFC 4210 were sent; RFC 9811 section 4 lets it pass. */
const mediaTypes: readonly string[] = [mediaType, 'application/pkixcmp-poll'];
const paths = ['/cmp/*', '/.well-known/cmp', '/.well-known/cmp/*'];

export interface CmpRouteDeps {
  readonly directory: EndpointDirectory;
  readonly enrolment: EnrolmentService;
  /** Where absent, every answer is waited for. */
  readonly delaying?: Delaying;
  readonly passphrases?: NonNullable<CmpDeps['passphrases']>;
  readonly clock: Clock;
  readonly log: Log;
}

interface RouteDeps extends CmpRouteDeps {
  readonly messages: CmpDeps;
  readonly rateLimit: RateLimit;
}

/** Serves CMP over HTTP (RFC 9811) on this instance. Failures of HTTP have no body: who may talk to us talks CMP. */
export function registerCmp(app: FastifyInstance, given: CmpRouteDeps): void {
  const deps = withMemory(given);
  readPkixCmp(app);
  // HEAD comes with GET.
  const otherMethods = app.supportedMethods.filter((method) => method !== 'POST' && method !== 'HEAD');
  app.register(async (scope) => {
    scope.setErrorHandler((error, request, reply) => answerHttpFault(error, request, reply, deps));
    for (const url of paths) {
      const refuse = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => refuseMethod(request, reply, deps);
      // Before the body is read: whatever it is, it is not wanted.
      scope.route({ method: otherMethods, url, onRequest: refuse, handler: refuse });
      scope.route({
        method: 'POST',
        url,
        bodyLimit: cmpLimits.maxBytes,
        onRequest: (request, reply, done) => {
          if (isServed(request, reply, deps)) done();
        },
        handler: (request, reply) => answerPost(request, reply, deps),
      });
    }
  });
}

/**
 * For the listener's not-found handler: answers a request for one of the profiles' legacy paths. False when the path is none;
 * then nothing was answered. The instance reads CMP bodies once `registerCmp` was called on it.
 */
export async function serveLegacyCmp(request: FastifyRequest, reply: FastifyReply, given: CmpRouteDeps): Promise<boolean> {
  if (given.directory.legacy('cmp', pathOf(request)) === undefined) return false;
  const deps = withMemory(given);
  try {
    if (request.method !== 'POST') await refuseMethod(request, reply, deps);
    else if (isServed(request, reply, deps)) await answerPost(request, reply, deps);
  } catch (error) {
    answerHttpFault(error, request, reply, deps);
  }
  return true;
}

/** Makes an instance read CMP bodies as octets. */
function readPkixCmp(app: FastifyInstance): void {
  for (const type of mediaTypes) {
    if (app.hasContentTypeParser(type)) continue;
    app.addContentTypeParser(type, { parseAs: 'buffer', bodyLimit: cmpLimits.maxBytes }, (_request, body, done) => done(null, body));
  }
}

const memories = new WeakMap<CmpRouteDeps['enrolment'], Pick<RouteDeps, 'messages' | 'rateLimit'>>();

/** The routes and the legacy paths of one service share their derived keys and counts. */
function withMemory(given: CmpRouteDeps): RouteDeps {
  const memory = memories.get(given.enrolment) ?? newMemory(given);
  memories.set(given.enrolment, memory);
  return { ...given, ...memory };
}

function newMemory({ enrolment, clock, log, delaying, passphrases }: CmpRouteDeps): Pick<RouteDeps, 'messages' | 'rateLimit'> {
  const memory = { macKeys: createMacKeys(), signers: createSignerMemory(), cipherTexts: createCipherTextMemory(), lockOut: createLockOut(clock) };
  return {
    messages: { enrolment, clock, log, ...memory, ...(delaying && { delaying }), ...(passphrases && { passphrases }) },
    rateLimit: createRateLimit(clock),
  };
}

function pathOf(request: FastifyRequest): string {
  const [path = ''] = request.url.split('?', 1);
  return path;
}

/** Before the body is read: unknown paths get a quiet 404, who sends too much 429, other media types 415 (RFC 9811 sections 3.2 and 5). */
function isServed(request: FastifyRequest, reply: FastifyReply, deps: RouteDeps): boolean {
  const resolved = resolvePath(pathOf(request), deps.directory);
  if (resolved === undefined) {
    note(request, deps, undefined, 'unknown-path');
    reply.code(404).send();
    return false;
  }
  const delay = deps.rateLimit.delayOf(resolved.endpoint.profile, request.ip);
  if (delay !== undefined) {
    note(request, deps, resolved, 'throttled');
    reply.code(429).header('retry-after', delay).send();
    return false;
  }
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (mediaTypes.includes(type)) return true;
  note(request, deps, resolved, 'unsupported');
  reply.code(415).send();
  return false;
}

/** "Only POST" (RFC 9811 section 3.1). */
async function refuseMethod(request: FastifyRequest, reply: FastifyReply, deps: RouteDeps): Promise<FastifyReply> {
  const isKnown = resolvePath(pathOf(request), deps.directory) !== undefined;
  return isKnown ? reply.code(405).header('allow', 'POST').send() : reply.code(404).send();
}

async function answerPost(request: FastifyRequest, reply: FastifyReply, deps: RouteDeps): Promise<FastifyReply> {
  const resolved = resolvePath(pathOf(request), deps.directory);
  if (resolved === undefined) return reply.code(404).send();
  const { endpoint, label, chooseProfile } = resolved;
  const userAgent = request.headers['user-agent'];
  const traits = { clientIp: request.ip, httpVersion: request.raw.httpVersion, ...(userAgent !== undefined && { userAgent }) };
  const context = { isSecure: request.protocol === 'https', ...traits, ...(label && { label }), ...(chooseProfile && { chooseProfile }) };
  const bytes = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  failpoint('received');
  const turn = messageTurns.take();
  if (turn !== undefined) await turn;
  const answer = await traced(context, deps.log, (known) => handleCmpMessage(endpoint, bytes, known, deps.messages));
  failpoint('answering');
  return sendReply(answer, reply, deps);
}

/** Errors of CMP travel with 200: OpenSSL 3.0 drops the body of any 4xx or 5xx (row CMP-004). Content-Length is exact, nothing is chunked. */
function sendReply(answer: CmpReply, reply: FastifyReply, deps: RouteDeps): FastifyReply {
  if (answer.status === 400) return reply.code(400).send();
  if (answer.status === 503) return reply.code(503).header('retry-after', answer.retryAfterSeconds).send();
  const { delivered } = answer;
  if (delivered !== undefined) {
    reply.raw.once('finish', () => {
      for (const { profile, orderId, isConfirmed } of delivered) deps.enrolment.noteDelivered(profile, orderId, isConfirmed);
    });
  }
  return reply.code(200).header('content-type', mediaType).header('cache-control', 'no-store').send(answer.bytes);
}

function answerHttpFault(error: unknown, request: FastifyRequest, reply: FastifyReply, deps: RouteDeps): FastifyReply {
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status === 413) note(request, deps, resolvePath(pathOf(request), deps.directory), 'too-large');
  if (status >= 500) deps.log.error({ err: error }, 'a CMP request could not be answered');
  return reply.code(status).send();
}

function note(request: FastifyRequest, deps: RouteDeps, resolved: ResolvedPath | undefined, reason: RefusalReason): void {
  const profile = resolved?.endpoint.profile;
  const userAgent = request.headers['user-agent'];
  const clientFamily = clientFamilyOf({ httpVersion: request.raw.httpVersion, ...(userAgent !== undefined && { userAgent }) });
  const detail = pathOf(request).slice(0, 200);
  deps.enrolment.noteRefusal({ reason, tenantId: profile?.tenantId ?? null, profileId: profile?.id ?? null, source: request.ip, clientFamily, detail });
}
