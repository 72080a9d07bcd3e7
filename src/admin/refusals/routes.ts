import type { AdminApp } from '../app.js';
import { callerOf } from '../caller.js';
import { pageOf } from '../list.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { emptyPage, narrowed } from '../tenant-scope.js';
import { refusalListQuery, refusalPage, refusalView } from './schema.js';

export function refusalRoutes(app: AdminApp, deps: AdminParts): void {
  app.get(
    '/refusals',
    {
      config: { access: 'refusal:read' },
      schema: {
        tags: ['refusals'],
        operationId: 'listRefusals',
        summary: 'List refused requests that never became an order',
        querystring: refusalListQuery,
        response: answers({ 200: refusalPage }),
      },
    },
    async (request) => {
      const context = narrowed(callerOf(request), request.query.tenantId);
      return pageOf(context === undefined ? emptyPage : await deps.refusals.list(context, request.query), refusalView);
    },
  );
}
