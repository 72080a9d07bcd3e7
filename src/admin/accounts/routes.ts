import type { AdminApp } from '../app.js';
import { listRoute } from '../list-route.js';
import type { AdminParts } from '../ports.js';
import { accountColumns, accountListQuery, accountPage, accountView } from './schema.js';

export function accountRoutes(app: AdminApp, deps: AdminParts): void {
  listRoute(app, {
    path: '/accounts',
    tags: ['accounts'],
    operationId: 'listAccounts',
    summary: 'List device identities; `Accept: text/csv` gives all that match as a file',
    access: 'account:read',
    query: accountListQuery,
    page: accountPage,
    list: ({ context, query }) => deps.accounts.list(context, query),
    view: (items) => items.map(accountView),
    csv: { name: () => 'accounts', columns: accountColumns },
  });
}
