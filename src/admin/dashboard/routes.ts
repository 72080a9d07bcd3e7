import type { AdminApp } from '../app.js';
import { callerOf } from '../caller.js';
import { answers } from '../openapi.js';
import type { DashboardReader } from '../ports/dashboard.js';
import { narrowed } from '../tenant-scope.js';
import { dashboardQuery, dashboardSchema, dashboardView, emptyDashboard } from './schema.js';

export function dashboardRoutes(app: AdminApp, dashboard: DashboardReader): void {
  app.get(
    '/dashboard',
    {
      config: { access: 'order:read' },
      schema: {
        tags: ['dashboard'],
        operationId: 'getDashboard',
        summary: 'Orders by day, latency, certificates that expire, and what someone should look at',
        querystring: dashboardQuery,
        response: answers({ 200: dashboardSchema }),
      },
    },
    async (request) => {
      const context = narrowed(callerOf(request), request.query.tenantId);
      return dashboardView(context === undefined ? emptyDashboard : await dashboard.read(context, request.query.days));
    },
  );
}
