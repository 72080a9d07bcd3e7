import type { AdminApp } from '../app.js';
import { type Caller, contextOf } from '../caller.js';
import { answers } from '../openapi.js';
import { isAllowed, permissionNames } from '../permission.js';
import type { AdminParts } from '../ports.js';
import { sessionSchema } from './schema.js';

export function sessionRoutes(app: AdminApp, deps: AdminParts): void {
  app.get(
    '/session',
    {
      config: { access: 'public' },
      schema: {
        tags: ['session'],
        operationId: 'getSession',
        summary: 'Who am I; answers 200 without credentials too',
        response: answers({ 200: sessionSchema }),
      },
    },
    async (request) => (request.caller === null ? { authenticated: false as const } : describe(request.caller, deps)),
  );
}

async function describe(caller: Caller, deps: AdminParts) {
  const tenant = caller.tenantId === null ? undefined : await deps.tenants.find(contextOf(caller), caller.tenantId);
  return {
    authenticated: true as const,
    kind: 'token' as const,
    name: caller.token.name,
    role: caller.role,
    tenantId: caller.tenantId,
    tenant: tenant?.name ?? null,
    permissions: permissionNames.filter((permission) => isAllowed(caller, permission)),
    expiresAt: caller.token.expiresAt?.toISOString() ?? null,
    deviceUrl: deps.deviceUrl,
  };
}
