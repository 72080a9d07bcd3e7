import { readFileSync } from 'node:fs';
import { METHODS } from 'node:http';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, type FastifyServerOptions } from 'fastify';
import { consoleFolder } from './admin/console/files.js';
import { consoleRoutes } from './admin/console/routes.js';
import { type AdminDeps, answerFrameworkErrors, type Readiness, registerAdmin } from './admin/index.js';
import { answerClientFault } from './client-fault.js';
import type { Config, Listener } from './config.js';
import { type CmpRouteDeps, registerCmp, serveLegacyCmp } from './endpoints/cmp/index.js';
import { type OcspDeps, registerOcsp } from './endpoints/ocsp.js';
import { shedLoad } from './endpoints/overload.js';
import { type PkiDeps, registerPki } from './endpoints/pki.js';
import { registerScep, type ScepDeps, serveLegacyScep } from './endpoints/scep/route.js';
import { uuidv7 } from './runtime/ids.js';
import type { Log } from './runtime/log.js';
import { fail, ok, type Result } from './runtime/result.js';
import type { StartFault } from './start-fault.js';

export interface Server {
  readonly app: FastifyInstance;
  readonly at: Listener;
  /** The setting that names the address. */
  readonly setting: string;
}

interface DeviceParts extends ScepDeps, OcspDeps, CmpRouteDeps {
  readonly engine: PkiDeps['engine'] & OcspDeps['engine'];
  readonly readiness: () => Promise<Readiness>;
  /** How many messages under way only wait for a CA elsewhere; none where absent. */
  readonly waiting?: () => number;
  /** Whether no message is to be served now. */
  readonly isAway?: () => boolean;
}

/** Beyond what a fleet behind one proxy holds open, and far below what a process can hold. */
const maxDeviceConnections = 10_000;

/** The device listener: no cookie, no JSON parser; what no route knows may be a profile's legacy path. */
export function deviceServer(config: Config, parts: DeviceParts): Server {
  const app = createApp(config, config.listen, quietRefusal(parts.log), { clientErrorHandler: answerClientFault });
  // Methods that Fastify does not know would be answered by it, in JSON.
  for (const method of METHODS) if (method !== 'CONNECT' && !app.supportedMethods.includes(method)) app.addHttpMethod(method);
  app.server.maxConnections = maxDeviceConnections;
  shedLoad(app.server, parts);
  app.setErrorHandler(quietRefusal(parts.log));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.get('/healthz', async (_request, reply) => sendText(reply, 200, 'ok'));
  app.get('/readyz', async (_request, reply) => {
    const { ready } = await parts.readiness();
    return sendText(reply, ready ? 200 : 503, ready ? 'ready' : 'not ready');
  });
  app.setNotFoundHandler(async (request, reply) => {
    if (await serveLegacyScep(request, reply, parts)) return reply;
    if (await serveLegacyCmp(request, reply, parts)) return reply;
    return sendText(reply, 404, 'Not found.');
  });
  registerPki(app, parts);
  registerOcsp(app, parts);
  registerScep(app, parts);
  registerCmp(app, parts);
  return { app, at: config.listen, setting: 'GATEHOUSE_LISTEN' };
}

function sendText(reply: { code(status: number): { type(type: string): { send(body: Buffer): unknown } } }, status: number, text: string): unknown {
  return reply
    .code(status)
    .type('text/plain')
    .send(Buffer.from(`${text}\n`));
}

type ErrorAnswer = (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => unknown;

/** What no protocol endpoint takes for itself, such as a URL that cannot be decoded: the same few words for everyone. */
function quietRefusal(log: Log): ErrorAnswer {
  return (error, _request, reply) => {
    const { statusCode: status = 500 } = error;
    if (status === 404 || status === 414) return sendText(reply, 404, 'Not found.');
    if (status >= 400 && status < 500) return sendText(reply, status, 'The request is not valid.');
    log.error({ err: error }, 'device request failed');
    return sendText(reply, 500, 'The request could not be answered.');
  };
}

/** The admin listener: the JSON API, its description, the web console, the probes, and the embedded engine's API under /engine. */
export async function adminServer(config: Config, parts: AdminDeps, engineApi: (scope: FastifyInstance) => void): Promise<Server> {
  const app = createApp(config, config.adminListen, answerFrameworkErrors(parts.log));
  await registerAdmin(app, parts);
  await app.register(async (scope) => consoleRoutes(scope, consoleFolder()));
  await app.register(async (scope) => engineApi(scope), { prefix: '/engine' });
  return { app, at: config.adminListen, setting: 'GATEHOUSE_ADMIN_LISTEN' };
}

/** Timeouts that slow or silent clients run into; HTTP/1.0 devices send no Host; URLs carry whole messages. */
function createApp(config: Config, at: Listener, frameworkErrors: ErrorAnswer, more: Pick<FastifyServerOptions, 'clientErrorHandler'> = {}): FastifyInstance {
  const options = {
    logger: false,
    genReqId: () => uuidv7(),
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
    // What is registered waits for nothing outside: where it takes ten seconds the machine was held, which is no reason not to start.
    pluginTimeout: 0,
    requestTimeout: 20_000,
    keepAliveTimeout: 10_000,
    forceCloseConnections: 'idle',
    frameworkErrors,
    ...more,
  } as const;
  const http = { maxHeaderSize: 32 * 1024, headersTimeout: 10_000, connectionsCheckingInterval: 1_000, requireHostHeader: false };
  if (at.tls === undefined) return Fastify({ ...options, http });
  const https = { ...http, cert: readFileSync(at.tls.certFile), key: readFileSync(at.tls.keyFile) };
  return Fastify({ ...options, https }) as unknown as FastifyInstance;
}

/** Opens every listener, or says which one could not be opened and what to do. */
export async function listenAll(servers: readonly Server[]): Promise<Result<true, StartFault>> {
  for (const { app, at, setting } of servers) {
    try {
      await app.listen({ host: at.host, port: at.port });
    } catch (error) {
      return fail(listenFault(error, at, setting));
    }
  }
  return ok(true);
}

function listenFault(error: unknown, at: Listener, setting: string): StartFault {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const place = `${at.host}:${at.port}`;
  if (code === 'EADDRINUSE') return { message: `${place} is taken by another program. Stop it, or choose another address with ${setting}.`, exitCode: 1 };
  if (code === 'EACCES') return { message: `This user may not listen on ${place}. Choose a port above 1023 with ${setting}.`, exitCode: 1 };
  if (code === 'EADDRNOTAVAIL') return { message: `${place} is no address of this machine. Correct ${setting}.`, exitCode: 1 };
  return { message: `Cannot listen on ${place}: ${error instanceof Error ? error.message : String(error)}`, exitCode: 1 };
}
