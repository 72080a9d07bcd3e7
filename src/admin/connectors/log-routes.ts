import type { ConnectorLogReader } from '../../tenancy/connector-call.js';
import type { AdminApp } from '../app.js';
import { idParams } from '../field.js';
import { listRoute } from '../list-route.js';
import type { AdminParts } from '../ports.js';
import { callColumns, callView, connectorLogPage, connectorLogQuery } from './log-schema.js';
import { findConnector } from './routes.js';

/** The tab Logs of a connector. */
export function connectorLogRoutes(app: AdminApp, deps: AdminParts, log: Pick<ConnectorLogReader, 'list'>): void {
  listRoute(app, {
    path: '/connectors/:id/logs',
    tags: ['connectors'],
    operationId: 'listConnectorLogs',
    summary: 'List the calls of a connector, newest first; `Accept: text/csv` gives all that match as a file',
    access: 'connector:read',
    params: idParams,
    query: connectorLogQuery,
    page: connectorLogPage,
    list: async ({ caller, context, query, id }) => log.list(context, (await findConnector(deps, caller, id)).id, query),
    view: (items) => items.map(callView),
    csv: { name: (id) => `connector-${id}-logs`, columns: callColumns },
  });
}
