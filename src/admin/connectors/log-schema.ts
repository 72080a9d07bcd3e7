import { z } from 'zod';
import { callLevels, callOperations, callOutcomes, callResults, type RecordedCall } from '../../tenancy/connector-call.js';
import { idSchema, instantSchema, timeSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';

export const connectorLogQuery = listQuerySchema(
  ['at'],
  {
    level: z.enum(callLevels).optional(),
    operation: z.enum(callOperations).optional(),
    outcome: z.enum(callOutcomes).optional(),
    result: z.enum(callResults).optional(),
    orderId: idSchema.optional().describe('Calls about this order'),
    since: instantSchema.optional().describe('Not before this time'),
    until: instantSchema.optional().describe('Before this time'),
  },
  '-at',
);

export const connectorCallSchema = z
  .object({
    id: z.string(),
    at: timeSchema,
    level: z.enum(callLevels).describe('info: done; warning: the other side said no; error: no useful answer'),
    operation: z.enum(callOperations),
    outcome: z.enum(callOutcomes),
    result: z.enum(callResults),
    orderId: z.string().nullable(),
    requestId: z.string().describe('What the other side knows the request by'),
    connectorVersion: z.int().describe('Version of the settings it was made with'),
    method: z.string().nullable().describe('Of the last request that went out'),
    route: z.string().nullable().describe('Path with what varies left out'),
    status: z.int().nullable().describe('HTTP status or SMTP reply; null when no answer came'),
    durationMs: z.int(),
    attempts: z.int().describe('Requests that went out'),
    peer: z.string().nullable().describe("SHA-256 of the server's TLS certificate"),
    detail: z.string().describe('In words; secrets are masked'),
  })
  .meta({ id: 'ConnectorCall', description: 'One call of a connector' });

export const connectorLogPage = pageSchema(connectorCallSchema).meta({ id: 'ConnectorLogPage' });

export function callView(call: RecordedCall): z.output<typeof connectorCallSchema> {
  const { tenantId: _, connectorId: __, at, ...shown } = call;
  return { ...shown, at: at.toISOString() };
}

/** Columns of the CSV, in this order. */
export const callColumns: Readonly<Record<string, (call: RecordedCall) => string | number | null>> = {
  at: ({ at }) => at.toISOString(),
  level: ({ level }) => level,
  operation: ({ operation }) => operation,
  outcome: ({ outcome }) => outcome,
  result: ({ result }) => result,
  orderId: ({ orderId }) => orderId,
  requestId: ({ requestId }) => requestId,
  method: ({ method }) => method,
  route: ({ route }) => route,
  status: ({ status }) => status,
  durationMs: ({ durationMs }) => durationMs,
  attempts: ({ attempts }) => attempts,
  connectorVersion: ({ connectorVersion }) => connectorVersion,
  peer: ({ peer }) => peer,
  detail: ({ detail }) => detail,
};
