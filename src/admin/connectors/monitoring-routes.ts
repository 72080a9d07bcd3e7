import { summaryWindows } from '../../enrolment/ports.js';
import type { ConnectorLogReader } from '../../tenancy/connector-call.js';
import type { ConnectorHealthStore } from '../../tenancy/connector-health.js';
import type { AdminApp } from '../app.js';
import { callerOf, contextOf } from '../caller.js';
import { idParams } from '../field.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { connectorMonitoringSchema, monitoringQuery, monitoringView } from './monitoring-schema.js';
import { findConnector } from './routes.js';

const shownChanges = 100;

export interface MonitoringReaders {
  readonly health: Pick<ConnectorHealthStore, 'find' | 'history'>;
  readonly log: Pick<ConnectorLogReader, 'figures'>;
}

/** The tab Monitoring of a connector. */
export function connectorMonitoringRoutes(app: AdminApp, deps: AdminParts, { health, log }: MonitoringReaders): void {
  app.get(
    '/connectors/:id/monitoring',
    {
      config: { access: 'connector:read' },
      schema: {
        tags: ['connectors'],
        operationId: 'monitorConnector',
        summary: 'How a connector fares: its state and history, its credentials, its calls over a window',
        params: idParams,
        querystring: monitoringQuery,
        response: answers({ 200: connectorMonitoringSchema }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { id, status } = await findConnector(deps, caller, request.params.id);
      const [context, { window }] = [contextOf(caller), request.query];
      const [found, history, calls] = await Promise.all([
        status === 'active' ? health.find(context, id) : undefined,
        health.history(context, id, shownChanges),
        log.figures(context, id, summaryWindows[window]),
      ]);
      return monitoringView(found, calls, window, history, deps.clock.now());
    },
  );
}
