import type { AdminApp } from '../app.js';
import { callerOf } from '../caller.js';
import { pageOf } from '../list.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { emptyPage, narrowed } from '../tenant-scope.js';
import { auditEventListQuery, auditEventPage, auditEventView } from './schema.js';

export function auditEventRoutes(app: AdminApp, deps: AdminParts): void {
  app.get(
    '/audit-events',
    {
      config: { access: 'audit:read' },
      schema: {
        tags: ['audit'],
        operationId: 'listAuditEvents',
        summary: 'List audit events',
        querystring: auditEventListQuery,
        response: answers({ 200: auditEventPage }),
      },
    },
    async (request) => {
      const context = narrowed(callerOf(request), request.query.tenantId);
      return pageOf(context === undefined ? emptyPage : await deps.audit.list(context, request.query), auditEventView);
    },
  );
}
