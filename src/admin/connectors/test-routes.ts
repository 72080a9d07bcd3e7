import type { Connector } from '../../tenancy/connector.js';
import type { AdminApp } from '../app.js';
import { callerOf } from '../caller.js';
import { idParams } from '../field.js';
import { answers } from '../openapi.js';
import type { AdminParts, ConnectorTester, ConnectorUnderTest } from '../ports.js';
import { tenantForNew } from '../tenant-scope.js';
import { connectorProbeSchema } from './kinds.js';
import { findConnector } from './routes.js';
import { connectorOptionsSchema, connectorProbe, testReportSchema, testRequestSchema } from './schema.js';
import { partSecrets, settingsToKeep } from './settings.js';

const tags = ['connectors'];

function asTested({ id, version, tenantId, type, config, secrets }: Connector): ConnectorUnderTest {
  const values = Object.fromEntries(Object.entries(secrets).map(([name, secret]) => [name, secret.value]));
  return { saved: { id, tenantId, version }, tenantId, type, config, secrets: values };
}

/** Tests answer 200 whatever the other side does: the report says what happened. */
async function report(tester: ConnectorTester, connector: ConnectorUnderTest, to: string | undefined) {
  const { ok, steps } = await tester.test(connector, to);
  return { ok, steps: [...steps] };
}

export function connectorTestRoutes(app: AdminApp, deps: AdminParts, tester: ConnectorTester): void {
  app.post(
    '/connectors/test',
    {
      config: { access: 'connector:write', bodySchema: connectorProbeSchema },
      schema: {
        tags,
        operationId: 'testUnsavedConnector',
        summary: 'Test settings before they are saved',
        body: connectorProbe,
        response: answers({ 200: testReportSchema }),
      },
    },
    async (request) => {
      const { type, tenantId, config, to } = request.body;
      const context = await tenantForNew(deps, callerOf(request), tenantId);
      const kept = await settingsToKeep(type, config, undefined, deps.clock.now());
      return report(tester, { tenantId: context.tenantId, type, ...partSecrets(type, kept) }, to);
    },
  );

  app.post(
    '/connectors/:id/test',
    {
      config: { access: 'connector:test' },
      schema: {
        tags,
        operationId: 'testConnector',
        summary: 'Test a connector with its stored secrets',
        params: idParams,
        body: testRequestSchema,
        response: answers({ 200: testReportSchema }),
      },
    },
    async (request) => {
      const connector = await findConnector(deps, callerOf(request), request.params.id);
      return report(tester, asTested(connector), request.body?.to);
    },
  );

  app.get(
    '/connectors/:id/options',
    {
      config: { access: 'connector:test' },
      schema: {
        tags,
        operationId: 'listConnectorOptions',
        summary: 'What the other side offers for settings of the connector and of profiles: names of CAs and of their profiles',
        params: idParams,
        response: answers({ 200: connectorOptionsSchema }),
      },
    },
    async (request) => {
      const connector = await findConnector(deps, callerOf(request), request.params.id);
      const items = (await tester.choices?.(asTested(connector))) ?? [];
      return { items: items.map(({ field, values, missing }) => ({ field, values: [...values], missing: missing ?? null })) };
    },
  );
}
