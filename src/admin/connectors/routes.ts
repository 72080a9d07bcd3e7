import type { z } from 'zod';
import { uuidv7 } from '../../runtime/ids.js';
import type { Connector } from '../../tenancy/connector.js';
import type { HealthState } from '../../tenancy/connector-health.js';
import { tenantContext } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { listRoute } from '../list-route.js';
import { applyPatch } from '../merge-patch.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { changeRoute, type Resource, readRoute, removeRoute, sendCreated } from '../resource.js';
import { narrowed, tenantForNew, tenantNames, visible } from '../tenant-scope.js';
import { written } from '../write-fault.js';
import { connectorBodySchema } from './kinds.js';
import { refuseOldSecret } from './new-address.js';
import {
  connectorColumns,
  connectorListQuery,
  connectorPage,
  connectorPatchSchema,
  connectorSchema,
  connectorSummaryQuery,
  connectorSummarySchema,
  connectorView,
  newConnectorSchema,
} from './schema.js';
import { clearedSecrets, partSecrets, settingsToKeep } from './settings.js';

const tags = ['connectors'];

export async function findConnector(deps: AdminParts, caller: Caller, id: string): Promise<Connector> {
  return visible(caller, await deps.connectors.find(contextOf(caller), id));
}

/** States by connector; empty where nobody probes. */
async function healthOf(deps: AdminParts, caller: Caller, connectors: readonly Connector[]): Promise<ReadonlyMap<string, HealthState>> {
  const ids = connectors.map(({ id }) => id);
  return (await deps.connectorHealth?.states(contextOf(caller), ids)) ?? new Map();
}

export function connectorRoutes(app: AdminApp, deps: AdminParts): void {
  const views = async (connectors: readonly Connector[], caller: Caller) => {
    const [names, states] = await Promise.all([tenantNames(deps, caller, connectors), healthOf(deps, caller, connectors)]);
    return connectors.map((connector) => connectorView(connector, names.get(connector.tenantId) ?? '', states.get(connector.id)));
  };
  const resource: Resource<Connector, typeof connectorSchema> = {
    path: '/connectors',
    tags,
    name: 'Connector',
    one: 'a connector',
    access: { read: 'connector:read', write: 'connector:write' },
    schema: connectorSchema,
    find: (caller, id) => findConnector(deps, caller, id),
    view: async (caller, connector) => (await views([connector], caller))[0] as z.output<typeof connectorSchema>,
  };

  listRoute(app, {
    path: '/connectors',
    tags,
    operationId: 'listConnectors',
    summary: 'List connectors; `Accept: text/csv` gives all that match as a file',
    access: 'connector:read',
    query: connectorListQuery,
    page: connectorPage,
    list: ({ context, query }) => deps.connectors.list(context, query),
    view: views,
    csv: { name: () => 'connectors', viewColumns: connectorColumns },
  });

  app.get(
    '/connectors/summary',
    {
      config: { access: 'connector:read' },
      schema: {
        tags,
        operationId: 'summariseConnectors',
        summary: 'The cards of the connectors page',
        querystring: connectorSummaryQuery,
        response: answers({ 200: connectorSummarySchema }),
      },
    },
    async (request) => {
      const context = narrowed(callerOf(request), request.query.tenantId);
      return context === undefined ? { totalTenants: 0, totalConnectors: 0, activeConnectors: 0 } : deps.connectors.summary(context);
    },
  );

  app.post(
    '/connectors',
    {
      config: { access: 'connector:write', bodySchema: connectorBodySchema },
      schema: {
        tags,
        operationId: 'createConnector',
        summary: 'Create a connector',
        body: newConnectorSchema,
        response: answers({ 201: connectorSchema }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { tenantId, config, ...fields } = request.body;
      const context = await tenantForNew(deps, caller, tenantId);
      const now = deps.clock.now();
      const kept = await settingsToKeep(fields.type, config, undefined, now);
      const id = uuidv7(now.getTime());
      const created = await deps.connectors.create(context, { id, ...fields, ...partSecrets(fields.type, kept) });
      return sendCreated(reply, deps, resource, caller, written(created));
    },
  );

  readRoute(app, resource);
  changeRoute(app, deps, resource, {
    body: connectorPatchSchema,
    async change({ caller, current, version, patch }) {
      const change = await connectorChange(current, patch, deps.clock.now());
      return written(await deps.connectors.update(tenantContext(current.tenantId, caller.actor), current.id, version, change));
    },
  });
  removeRoute(app, deps, resource, {
    summary: 'Delete a connector that no profile uses',
    remove: async ({ caller, current, version }) => written(await deps.connectors.remove(tenantContext(current.tenantId, caller.actor), current.id, version)),
  });
}

async function connectorChange(current: Connector, patch: { readonly config?: Readonly<Record<string, unknown>> }, now: Date) {
  const { type, name, tenantId, description, status, config } = current;
  const document = { type, name, tenantId, description, status, config };
  const changed = applyPatch(connectorBodySchema(document), document, patch, ['type', 'tenantId']) as typeof newConnectorSchema._zod.output;
  refuseOldSecret(current, changed.config, patch.config);
  const standing = patch.config?.pfx === null ? undefined : current.config;
  const parted = partSecrets(changed.type, await settingsToKeep(changed.type, changed.config, standing, now));
  return {
    name: changed.name,
    description: changed.description,
    status: changed.status,
    config: parted.config,
    secrets: { ...parted.secrets, ...clearedSecrets(changed.type, patch.config) },
  };
}
