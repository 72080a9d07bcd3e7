import { uuidv7 } from '../../runtime/ids.js';
import type { Connector } from '../../tenancy/connector.js';
import type { HealthState } from '../../tenancy/connector-health.js';
import { tenantContext } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { requireVersion, setEtag } from '../etag.js';
import { idParams } from '../field.js';
import { pageOf } from '../list.js';
import { applyPatch } from '../merge-patch.js';
import { answers, noContent } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { emptyPage, narrowed, tenantForNew, tenantNames, visible } from '../tenant-scope.js';
import { written } from '../write-fault.js';
import { connectorBodySchema } from './kinds.js';
import {
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

async function viewOf(deps: AdminParts, caller: Caller, connector: Connector) {
  const [names, states] = await Promise.all([tenantNames(deps, caller, [connector]), healthOf(deps, caller, [connector])]);
  return connectorView(connector, names.get(connector.tenantId) ?? '', states.get(connector.id));
}

export function connectorRoutes(app: AdminApp, deps: AdminParts): void {
  app.get(
    '/connectors',
    {
      config: { access: 'connector:read' },
      schema: { tags, operationId: 'listConnectors', summary: 'List connectors', querystring: connectorListQuery, response: answers({ 200: connectorPage }) },
    },
    async (request) => {
      const caller = callerOf(request);
      const context = narrowed(caller, request.query.tenantId);
      const page = context === undefined ? emptyPage : await deps.connectors.list(context, request.query);
      const [names, states] = await Promise.all([tenantNames(deps, caller, page.items), healthOf(deps, caller, page.items)]);
      return pageOf(page, (connector) => connectorView(connector, names.get(connector.tenantId) ?? '', states.get(connector.id)));
    },
  );

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
      const connector = written(await deps.connectors.create(context, { id, ...fields, ...partSecrets(fields.type, kept) }));
      deps.notifyConfigChanged();
      setEtag(reply, connector.version);
      return reply
        .code(201)
        .header('location', `/api/v1/connectors/${id}`)
        .send(await viewOf(deps, caller, connector));
    },
  );

  app.get(
    '/connectors/:id',
    {
      config: { access: 'connector:read' },
      schema: { tags, operationId: 'getConnector', summary: 'Read a connector', params: idParams, response: answers({ 200: connectorSchema }) },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const connector = await findConnector(deps, caller, request.params.id);
      setEtag(reply, connector.version);
      return viewOf(deps, caller, connector);
    },
  );

  app.patch(
    '/connectors/:id',
    {
      config: { access: 'connector:write' },
      schema: {
        tags,
        operationId: 'updateConnector',
        summary: 'Change a connector',
        params: idParams,
        body: connectorPatchSchema,
        response: answers({ 200: connectorSchema }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const current = await findConnector(deps, caller, request.params.id);
      const version = requireVersion(request, current.version);
      const change = await connectorChange(current, request.body, deps.clock.now());
      const context = tenantContext(current.tenantId, caller.actor);
      const connector = written(await deps.connectors.update(context, current.id, version, change));
      deps.notifyConfigChanged();
      setEtag(reply, connector.version);
      return viewOf(deps, caller, connector);
    },
  );

  app.delete(
    '/connectors/:id',
    {
      config: { access: 'connector:write' },
      schema: {
        tags,
        operationId: 'deleteConnector',
        summary: 'Delete a connector that no profile uses',
        params: idParams,
        response: answers({ 204: noContent }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const current = await findConnector(deps, caller, request.params.id);
      const version = requireVersion(request, current.version);
      written(await deps.connectors.remove(tenantContext(current.tenantId, caller.actor), current.id, version));
      deps.notifyConfigChanged();
      return reply.code(204).send(null);
    },
  );
}

async function connectorChange(current: Connector, patch: { readonly config?: Readonly<Record<string, unknown>> }, now: Date) {
  const { type, name, tenantId, description, status, config } = current;
  const document = { type, name, tenantId, description, status, config };
  const changed = applyPatch(connectorBodySchema(document), document, patch, ['type', 'tenantId']) as typeof newConnectorSchema._zod.output;
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
