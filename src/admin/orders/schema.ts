import { z } from 'zod';
import { type Order, operations, orderPhases, orderStates } from '../../enrolment/order.js';
import { protocols } from '../../tenancy/profile.js';
import { bulkIds } from '../bulk.js';
import type { CsvColumns } from '../csv.js';
import { flagSchema, idSchema, instantSchema, timeSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';

export const orderSchema = z
  .object({
    id: z.string(),
    protocol: z.enum(protocols),
    profileId: z.string(),
    connectorId: z.string(),
    tenantId: z.string(),
    accountId: z.string(),
    transactionId: z.string().describe('As the device sent it'),
    operation: z.enum(operations),
    state: z.enum(orderStates),
    subject: z.string().describe('RFC 4514 text'),
    failInfo: z.string().nullable(),
    failReason: z.string().nullable(),
    attempts: z.int().describe('How often the device asked for it'),
    clientIp: z.string(),
    clientFamily: z.string(),
    keyType: z.string(),
    digest: z.string(),
    cipher: z.string().describe("SCEP's content cipher; empty for CMP"),
    credential: z.string().describe('What authorised it: `challenge:static`, `secret:<reference>`, `certificate:<serial>`'),
    certificateId: z.string().nullable(),
    createdAt: timeSchema,
    finishedAt: timeSchema.nullable(),
    acknowledgedAt: timeSchema.nullable(),
  })
  .meta({ id: 'Order', description: 'One enrolment, renewal or revocation, from first byte to final answer' });

export const orderPage = pageSchema(orderSchema).meta({ id: 'OrderPage' });

export const orderListQuery = listQuerySchema(['createdAt', 'finishedAt', 'subject', 'state', 'attempts'], {
  tenantId: idSchema.optional(),
  protocol: z.enum(protocols).optional(),
  profileId: idSchema.optional(),
  connectorId: idSchema.optional(),
  accountId: idSchema.optional(),
  state: z.enum(orderStates).optional(),
  phase: z.enum(orderPhases).optional().describe('`open`: an answer is still to come; `issued`; `refused`: failed, rejected or expired'),
  acknowledged: flagSchema.optional().describe('Of failed and rejected orders: whether somebody has seen to them'),
  operation: z.enum(operations).optional(),
  transactionId: z.string().min(1).max(256).optional(),
  since: instantSchema.optional().describe('Received at this time or later'),
  until: instantSchema.optional().describe('Received before this time'),
});

export const timelineSchema = z
  .object({ items: z.array(z.object({ at: timeSchema, state: z.enum(orderStates), actor: z.string(), detail: z.string() })) })
  .meta({ id: 'OrderTimeline', description: 'The states of an order, oldest first' });

const noteSchema = (least: number) =>
  z.string().trim().min(least, 'Must not be empty').max(1000).describe('For operators: it stands in the timeline of the order and is never told to the device');

export const approvalSchema = z
  .strictObject({ reason: noteSchema(0).default('') })
  .prefault({})
  .meta({ id: 'OrderApproval' });
export const denialSchema = z.strictObject({ reason: noteSchema(1) }).meta({ id: 'OrderDenial' });
export const acknowledgementSchema = z.strictObject({}).prefault({}).meta({ id: 'OrderAcknowledgement' });

export const bulkApprovalSchema = approvalSchema.unwrap().extend({ ids: bulkIds }).meta({ id: 'BulkApproval', description: 'Orders to approve' });
export const bulkDenialSchema = denialSchema.extend({ ids: bulkIds }).meta({ id: 'BulkDenial', description: 'Orders to reject' });
export const bulkAcknowledgementSchema = z.strictObject({ ids: bulkIds }).meta({ id: 'BulkAcknowledgement', description: 'Failed orders that were seen to' });

export function orderView(order: Order): z.output<typeof orderSchema> {
  const { id, protocol, profileId, connectorId, tenantId, accountId, transactionId, operation, state, subject } = order;
  const { failInfo, failReason, attempts, credential, certificateId } = order;
  const { clientIp, clientFamily, keyType, digest, cipher } = order.facts;
  return {
    ...{ id, protocol, profileId, connectorId, tenantId, accountId, transactionId, operation, state, subject },
    ...{ failInfo, failReason, attempts, clientIp, clientFamily, keyType, digest, cipher, credential, certificateId },
    createdAt: order.createdAt.toISOString(),
    finishedAt: order.finishedAt?.toISOString() ?? null,
    acknowledgedAt: order.acknowledgedAt?.toISOString() ?? null,
  };
}

/** Columns of the CSV, in this order. */
export const orderColumns: CsvColumns<Order> = {
  id: ({ id }) => id,
  createdAt: ({ createdAt }) => createdAt.toISOString(),
  finishedAt: ({ finishedAt }) => finishedAt?.toISOString() ?? null,
  acknowledgedAt: ({ acknowledgedAt }) => acknowledgedAt?.toISOString() ?? null,
  protocol: ({ protocol }) => protocol,
  operation: ({ operation }) => operation,
  state: ({ state }) => state,
  subject: ({ subject }) => subject,
  tenantId: ({ tenantId }) => tenantId,
  profileId: ({ profileId }) => profileId,
  connectorId: ({ connectorId }) => connectorId,
  accountId: ({ accountId }) => accountId,
  transactionId: ({ transactionId }) => transactionId,
  failInfo: ({ failInfo }) => failInfo,
  failReason: ({ failReason }) => failReason,
  attempts: ({ attempts }) => attempts,
  clientIp: ({ facts }) => facts.clientIp,
  clientFamily: ({ facts }) => facts.clientFamily,
  keyType: ({ facts }) => facts.keyType,
  digest: ({ facts }) => facts.digest,
  cipher: ({ facts }) => facts.cipher,
  credential: ({ credential }) => credential,
  certificateId: ({ certificateId }) => certificateId,
};

export const approvalsSchema = z
  .object({
    needed: z.int().describe('How many different people have to approve'),
    items: z.array(z.object({ actor: z.string().describe('`user:<id>`'), reason: z.string(), at: timeSchema })),
  })
  .meta({ id: 'OrderApprovals', description: 'Approvals of an order that one person alone must not let pass' });
