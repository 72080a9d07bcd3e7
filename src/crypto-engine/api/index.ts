import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../../runtime/clock.js';
import { shadowsConversion } from '../../runtime/hostile-json.js';
import type { Log } from '../../runtime/log.js';
import { issuingId } from '../create-cas.js';
import { type Engine, type EngineScope, engineScopes } from '../ports.js';
import { createAccessTokens, type EngineCaller, tokenLifeSeconds } from './access-token.js';
import { issueCertificate, revokeCertificate, showCertificate } from './certificates.js';
import type { EngineClients } from './clients.js';
import { engineApiDocument } from './document.js';
import { listCertificates } from './list-certificates.js';
import { type EngineProblem, engineProblem, sendProblem } from './problem.js';
import { authorityView, chainView } from './views.js';

export interface EngineApiDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Log;
  /** 32 bytes, the same in every process: what access tokens are sealed with. */
  readonly tokenKey: Buffer;
  readonly clients: Pick<EngineClients, 'authenticate' | 'scopesOf' | 'catchUp'>;
  readonly version: string;
}

type Handler = (request: FastifyRequest, reply: FastifyReply, caller: EngineCaller) => Promise<FastifyReply>;

/**
 * Crypto Engine API v1 over the embedded engine, for other Gatehouse nodes and registration authorities. Register it under
 * a prefix such as `/engine`, in a scope of its own: it brings its parsers, and errors in its own form.
 */
export function registerEngineApi(app: FastifyInstance, deps: EngineApiDeps): void {
  const { engine, clock, log, clients } = deps;
  const tokens = createAccessTokens(deps.tokenKey, clock);
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => done(null, new URLSearchParams(String(body))));
  app.setNotFoundHandler((_request, reply) => reply.code(404).send());
  app.setErrorHandler((error, _request, reply) => sendProblem(reply, faultOf(error, log)));

  const guarded = (scope: EngineScope, handler: Handler) => async (request: FastifyRequest, reply: FastifyReply) => {
    const caller = tokens.read(bearerOf(request));
    if (caller !== undefined && clients.scopesOf(caller.clientId) === undefined) await clients.catchUp();
    const standing = caller && clients.scopesOf(caller.clientId);
    if (caller === undefined || standing === undefined) return sendProblem(reply, engineProblem('unauthorized'));
    if (!caller.scopes.includes(scope) || !standing.includes(scope))
      return sendProblem(reply, engineProblem('insufficient-scope', `This needs the scope ${scope}.`));
    if (shadowsConversion(request.body)) return sendProblem(reply, engineProblem('invalid-request', 'The body cannot be read.'));
    const { caId = issuingId } = request.params as { caId?: string };
    return caId === issuingId ? handler(request, reply, caller) : sendProblem(reply, engineProblem('ca-not-found', `There is no CA "${caId}".`));
  };

  app.post('/oauth2/token', async (request, reply) => sendToken(request, reply, deps, tokens.issue));
  app.get('/v1/health', async (_request, reply) => sendHealth(reply, deps));
  app.get(
    '/v1/cas',
    guarded('ca.read', async (_request, reply) => {
      const [certificate] = engine.chain();
      return reply.send({ items: certificate === undefined ? [] : [authorityView(issuingId, certificate, clock.now())] });
    }),
  );
  app.get(
    '/v1/cas/:caId/chain',
    guarded('ca.read', async (request, reply) => sendChain(request, reply, engine)),
  );
  app.get(
    '/v1/cas/:caId/crl',
    guarded('ca.read', async (request, reply) => sendCrl(request, reply, engine)),
  );
  app.post(
    '/v1/cas/:caId/certificates',
    guarded('ca.issue', (request, reply, caller) => issueCertificate(request, reply, caller, deps)),
  );
  app.get(
    '/v1/cas/:caId/certificates',
    guarded('ca.read', (request, reply, caller) => listCertificates(request, reply, caller, deps)),
  );
  app.get(
    '/v1/cas/:caId/certificates/:serial',
    guarded('ca.read', (request, reply, caller) => showCertificate(request, reply, caller, deps)),
  );
  app.post(
    '/v1/cas/:caId/certificates/:serial/revoke',
    guarded('ca.revoke', (request, reply, caller) => revokeCertificate(request, reply, caller, deps)),
  );
  // This engine answers every call at once, so there is never an operation to ask after or to cancel.
  const noOperation: Handler = async (_request, reply) => sendProblem(reply, engineProblem('operation-not-found'));
  app.get('/v1/operations/:id', guarded('ca.read', noOperation));
  app.delete('/v1/operations/:id', guarded('ca.issue', noOperation));
  app.get('/v1/openapi.json', async (_request, reply) => reply.send(engineApiDocument(deps.version)));
}

/** The full list; deltas are not made. */
async function sendCrl(request: FastifyRequest, reply: FastifyReply, engine: Engine): Promise<FastifyReply> {
  const { delta } = request.query as { delta?: string };
  const crl = delta === 'true' ? undefined : await engine.crl(engine.issuingIds()[0] ?? issuingId);
  if (crl === undefined) return sendProblem(reply, engineProblem('crl-not-found'));
  const tag = `"${crl.number}"`;
  reply.header('last-modified', crl.thisUpdate.toUTCString()).header('etag', tag);
  return request.headers['if-none-match'] === tag ? reply.code(304).send() : reply.type('application/pkix-crl').send(crl.der);
}

/** Up when the revocation list can be had: that takes key and database. */
async function sendHealth(reply: FastifyReply, deps: EngineApiDeps): Promise<FastifyReply> {
  const status = await deps.engine.crl(deps.engine.issuingIds()[0] ?? issuingId).then(
    () => 'UP' as const,
    () => 'DOWN' as const,
  );
  return reply.code(status === 'UP' ? 200 : 503).send({ status, version: deps.version, components: { database: { status } } });
}

function bearerOf(request: FastifyRequest): string {
  const [, token = ''] = /^Bearer ([A-Za-z0-9._~+/=-]+)$/i.exec(request.headers.authorization ?? '') ?? [];
  return token;
}

function faultOf(error: unknown, log: Log): EngineProblem {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500) return engineProblem('invalid-request', 'The body cannot be read.');
  log.error({ err: error }, 'Crypto Engine API call failed');
  return engineProblem('internal');
}

async function sendChain(request: FastifyRequest, reply: FastifyReply, engine: Engine): Promise<FastifyReply> {
  const { body, tag } = chainView(engine);
  reply.header('etag', tag);
  return request.headers['if-none-match'] === tag ? reply.code(304).send() : reply.send(body);
}

const grant = z.object({ grant_type: z.string(), scope: z.string().optional(), client_id: z.string().optional(), client_secret: z.string().optional() });

/** RFC 6749 sections 4.4 and 5; the client names itself by HTTP Basic or in the body. */
async function sendToken(request: FastifyRequest, reply: FastifyReply, deps: EngineApiDeps, issue: (caller: EngineCaller) => string): Promise<FastifyReply> {
  reply.header('cache-control', 'no-store').header('pragma', 'no-cache');
  const form = request.body instanceof URLSearchParams ? grant.safeParse(Object.fromEntries(request.body)) : undefined;
  if (!form?.success) return reply.code(400).send({ error: 'invalid_request' });
  if (form.data.grant_type !== 'client_credentials') return reply.code(400).send({ error: 'unsupported_grant_type' });
  const [clientId, clientSecret] = basicOf(request) ?? [form.data.client_id ?? '', form.data.client_secret ?? ''];
  const caller = deps.clients.authenticate(clientId, clientSecret) ?? (await authenticateAnew(deps, clientId, clientSecret));
  if (caller === undefined) return reply.code(401).header('www-authenticate', 'Basic realm="engine"').send({ error: 'invalid_client' });
  const asked = (form.data.scope ?? engineScopes.join(' ')).split(' ').filter((scope) => scope !== '');
  const scopes = caller.scopes.filter((scope) => asked.includes(scope));
  if (scopes.length === 0) return reply.code(400).send({ error: 'invalid_scope' });
  const token = issue({ ...caller, scopes });
  return reply.send({ access_token: token, token_type: 'Bearer', expires_in: tokenLifeSeconds, scope: scopes.join(' ') });
}

/** For a client or a secret that another process made a moment ago. */
async function authenticateAnew({ clients }: EngineApiDeps, clientId: string, clientSecret: string): Promise<EngineCaller | undefined> {
  await clients.catchUp();
  return clients.authenticate(clientId, clientSecret);
}

function basicOf(request: FastifyRequest): [string, string] | undefined {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  const decoded = (part: string) => new URLSearchParams(`v=${part}`).get('v') ?? '';
  return [decoded(text.slice(0, colon)), decoded(text.slice(colon + 1))];
}
