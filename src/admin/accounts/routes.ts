import type { AdminApp } from '../app.js';
import { callerOf } from '../caller.js';
import { pageOf } from '../list.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { emptyPage, narrowed } from '../tenant-scope.js';
import { accountListQuery, accountPage, accountView } from './schema.js';

export function accountRoutes(app: AdminApp, deps: AdminParts): void {
  app.get(
    '/accounts',
    {
      config: { access: 'account:read' },
      schema: {
        tags: ['accounts'],
        operationId: 'listAccounts',
        summary: 'List device identities',
        querystring: accountListQuery,
        response: answers({ 200: accountPage }),
      },
    },
    async (request) => {
      const context = narrowed(callerOf(request), request.query.tenantId);
      return pageOf(context === undefined ? emptyPage : await deps.accounts.list(context, request.query), accountView);
    },
  );
}
