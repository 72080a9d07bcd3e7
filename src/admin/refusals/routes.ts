import type { AdminApp } from '../app.js';
import { listRoute } from '../list-route.js';
import type { AdminParts } from '../ports.js';
import { refusalColumns, refusalListQuery, refusalPage, refusalView } from './schema.js';

export function refusalRoutes(app: AdminApp, deps: AdminParts): void {
  listRoute(app, {
    path: '/refusals',
    tags: ['refusals'],
    operationId: 'listRefusals',
    summary: 'List refused requests that never became an order; `Accept: text/csv` gives all that match as a file',
    access: 'refusal:read',
    query: refusalListQuery,
    page: refusalPage,
    list: ({ context, query }) => deps.refusals.list(context, query),
    view: (items) => items.map(refusalView),
    csv: { name: () => 'refusals', columns: refusalColumns },
  });
}
