import { uuidv7 } from '../../runtime/ids.js';
import type { ApiToken } from '../../tenancy/ports.js';
import { generateToken, hashToken } from '../../tenancy/token.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { refuseFaults } from '../fault.js';
import { idParams } from '../field.js';
import { listRoute } from '../list-route.js';
import { answers } from '../openapi.js';
import { mayGrant } from '../permission.js';
import type { AdminParts, IdentityParts } from '../ports.js';
import { notFound, Problem } from '../problem.js';
import { removePartRoute } from '../resource.js';
import { createdTokenSchema, newTokenSchema, tokenListQuery, tokenPage, tokenSchema, tokenView } from './schema.js';

const tags = ['tokens'];
const dayMs = 86_400_000;

export function tokenRoutes(app: AdminApp, deps: AdminParts, { tokens }: IdentityParts): void {
  const find = async (caller: Caller, id: string): Promise<ApiToken> => {
    const token = await tokens.findTokenById(contextOf(caller), id);
    if (token === undefined) throw notFound();
    return token;
  };

  listRoute(app, {
    path: '/tokens',
    tags,
    operationId: 'listTokens',
    summary: 'List API tokens',
    access: 'token:read',
    query: tokenListQuery,
    page: tokenPage,
    list: ({ context, query }) => tokens.listTokens(context, query),
    view: (items) => items.map(tokenView),
  });

  app.post(
    '/tokens',
    {
      config: { access: 'token:write' },
      schema: {
        tags,
        operationId: 'createToken',
        summary: 'Create an API token; it is shown once',
        body: newTokenSchema,
        response: answers({ 201: createdTokenSchema }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { name, role, permissions = null, expiresInDays } = request.body;
      const tenantId = request.body.tenantId === undefined ? caller.tenantId : request.body.tenantId;
      await refuseTooMuch(caller, { role, tenantId, permissions }, deps);
      const now = deps.clock.now().getTime();
      const expiresAt = expiresInDays === null ? null : new Date(now + expiresInDays * dayMs);
      const text = generateToken();
      const token = await tokens.addToken(contextOf(caller), { id: uuidv7(now), tenantId, name, role, permissions, expiresAt }, hashToken(text));
      return reply
        .code(201)
        .header('location', `/api/v1/tokens/${token.id}`)
        .send({ ...tokenView(token), token: text });
    },
  );

  app.get(
    '/tokens/:id',
    {
      config: { access: 'token:read' },
      schema: {
        tags,
        operationId: 'getToken',
        summary: 'Read an API token, without the token itself',
        params: idParams,
        response: answers({ 200: tokenSchema }),
      },
    },
    async (request) => tokenView(await find(callerOf(request), request.params.id)),
  );

  removePartRoute(app, {
    path: '/tokens/:id',
    tags,
    operationId: 'revokeToken',
    summary: 'Revoke an API token',
    access: 'token:write',
    params: idParams,
    async remove(caller, { id }) {
      const { role, tenantId, permissions } = await find(caller, id);
      if (!mayGrant(caller, { roles: [role], tenantId, permissions })) throw new Problem('forbidden', { detail: 'This token may do more than you.' });
      if (!(await tokens.revokeToken(contextOf(caller), id))) throw notFound();
    },
  });
}

/** Nobody makes a token that may do more than he may himself, or elsewhere. */
async function refuseTooMuch(
  caller: Caller,
  { role, tenantId, permissions }: Pick<ApiToken, 'role' | 'tenantId' | 'permissions'>,
  deps: AdminParts,
): Promise<void> {
  const isForeign = caller.tenantId !== null && tenantId !== caller.tenantId;
  const exists = tenantId === null || (await deps.tenants.find(contextOf(caller), tenantId)) !== undefined;
  refuseFaults(isForeign || !exists ? [{ path: 'tenantId', message: 'No such tenant' }] : []);
  const isTooMuch = !mayGrant(caller, { roles: [role], tenantId, permissions });
  refuseFaults(isTooMuch ? [{ path: permissions === null ? 'role' : 'permissions', message: 'Must not allow more than your own' }] : []);
}
