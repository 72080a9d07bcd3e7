import type { ConnectorLogReader } from '../../tenancy/connector-call.js';
import type { AdminApp } from '../app.js';
import { callerOf, contextOf } from '../caller.js';
import { sendCsv, wantsCsv } from '../csv.js';
import { idParams } from '../field.js';
import { pageOf } from '../list.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { callColumns, callView, connectorLogPage, connectorLogQuery } from './log-schema.js';
import { findConnector } from './routes.js';

const tags = ['connectors'];
/** The pages of an export; nobody waits for one of them. */
const exportedAtOnce = 1_000;

/** The tab Logs of a connector. */
export function connectorLogRoutes(app: AdminApp, deps: AdminParts, log: Pick<ConnectorLogReader, 'list'>): void {
  app.get(
    '/connectors/:id/logs',
    {
      config: { access: 'connector:read' },
      schema: {
        tags,
        operationId: 'listConnectorLogs',
        summary: 'List the calls of a connector, newest first; `Accept: text/csv` gives all that match as a file',
        params: idParams,
        querystring: connectorLogQuery,
        response: answers({ 200: connectorLogPage }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const connector = await findConnector(deps, caller, request.params.id);
      const context = contextOf(caller);
      reply.header('vary', 'accept');
      if (!wantsCsv(request.headers.accept)) return pageOf(await log.list(context, connector.id, request.query), callView);
      const { cursor: first, limit: _, ...query } = request.query;
      const pageAt = (cursor = first) => log.list(context, connector.id, { ...query, limit: exportedAtOnce, ...(cursor !== undefined && { cursor }) });
      return sendCsv(reply, `connector-${connector.id}-logs`, callColumns, pageAt) as never;
    },
  );
}
