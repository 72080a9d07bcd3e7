import { z } from 'zod';
import { type Connector, connectorTypes } from '../../tenancy/connector.js';
import { type HealthState, healthStates } from '../../tenancy/connector-health.js';
import type { CsvColumns } from '../csv.js';
import { descriptionSchema, idSchema, lineSchema, nameSchema, secretState, statusSchema, timeSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';
import { connectorKinds, kindOf } from './kinds.js';
import { keptAs } from './settings.js';

export const newConnectorSchema = z
  .discriminatedUnion('type', [connectorKinds['crypto-engine'].body, connectorKinds.ejbca.body, connectorKinds.smtp.body])
  .meta({ id: 'NewConnector', description: 'A connector to create' });

export const connectorProbe = z
  .discriminatedUnion('type', [connectorKinds['crypto-engine'].probe, connectorKinds.ejbca.probe, connectorKinds.smtp.probe])
  .meta({ id: 'ConnectorProbe', description: 'A connector to test without saving it' });

export const connectorPatchSchema = z
  .strictObject({
    name: nameSchema.optional(),
    description: descriptionSchema.nullable().optional(),
    status: statusSchema.nullable().optional(),
    config: z.record(z.string(), z.unknown()).optional().describe('Merge patch of the settings; null clears one, a secret left out is kept'),
  })
  .meta({ id: 'ConnectorPatch', description: 'Merge patch (RFC 7396) of a connector; its type and tenant cannot be changed' });

export const connectorSchema = z
  .object({
    id: z.string(),
    type: z.enum(connectorTypes),
    name: z.string(),
    tenantId: idSchema,
    tenant: z.string().describe('Name of the tenant'),
    description: z.string(),
    status: statusSchema,
    health: z.enum(healthStates).describe('What the last probes said; UNKNOWN while inactive or not probed yet'),
    config: z.record(z.string(), z.unknown()).describe('Settings as written; secrets read as SecretState'),
    version: z.int(),
    createdAt: timeSchema,
    updatedAt: timeSchema,
  })
  .meta({ id: 'Connector', description: 'A configured outside system of one tenant' });

export const connectorPage = pageSchema(connectorSchema).meta({ id: 'ConnectorPage' });

export const connectorListQuery = listQuerySchema(['createdAt', 'updatedAt', 'name', 'type', 'status'], {
  status: statusSchema.optional(),
  type: z.enum(connectorTypes).optional(),
  tenantId: idSchema.optional(),
});

export const connectorSummaryQuery = z.strictObject({ tenantId: idSchema.optional() });

export const connectorSummarySchema = z
  .object({
    totalTenants: z.int().describe('Tenants that have connectors'),
    totalConnectors: z.int(),
    activeConnectors: z.int().describe('Switched on, and not down'),
  })
  .meta({ id: 'ConnectorSummary', description: 'The cards of the connectors page' });

export const testRequestSchema = z
  .strictObject({ to: lineSchema(254).optional().describe('Recipient of a test mail') })
  .nullish()
  .meta({ id: 'ConnectorTest', description: 'How to test' });

/** Columns of the CSV, in this order; settings and secrets are not among them. */
export const connectorColumns: CsvColumns<z.output<typeof connectorSchema>> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  type: ({ type }) => type,
  tenant: ({ tenant }) => tenant,
  tenantId: ({ tenantId }) => tenantId,
  status: ({ status }) => status,
  health: ({ health }) => health,
  description: ({ description }) => description,
  createdAt: ({ createdAt }) => createdAt,
  updatedAt: ({ updatedAt }) => updatedAt,
};

export const testReportSchema = z
  .object({
    ok: z.boolean(),
    steps: z.array(z.object({ name: z.string(), ok: z.boolean(), message: z.string(), ms: z.number() })),
  })
  .meta({ id: 'ConnectorTestReport', description: 'What was tried, step by step; 200 also when a step failed' });

export const connectorOptionsSchema = z
  .object({
    items: z.array(
      z.object({
        field: z.string().describe('Name of the setting: caName, caId, profileId, endEntityProfile, certificateProfile'),
        values: z.array(z.string()),
        missing: z.string().nullable().describe('Why there are none, or not all of them'),
      }),
    ),
  })
  .meta({ id: 'ConnectorOptions', description: 'What settings may be, as the other side tells' });

export function connectorView(connector: Connector, tenant: string, found: HealthState | undefined): z.output<typeof connectorSchema> {
  const { id, type, name, tenantId, description, status, version } = connector;
  const secrets = Object.fromEntries((kindOf(type)?.secrets ?? []).map((key) => [key, secretState(connector.secrets[keptAs(key)]?.updatedAt)]));
  const config = { ...connector.config, ...secrets };
  const times = { createdAt: connector.createdAt.toISOString(), updatedAt: connector.updatedAt.toISOString() };
  const health = status === 'active' ? (found ?? 'UNKNOWN') : 'UNKNOWN';
  return { id, type, name, tenantId, tenant, description, status, health, config, version, ...times };
}
