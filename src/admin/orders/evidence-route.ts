import type { z } from 'zod';
import { type AuditChain, sealedAtOnce } from '../../audit/chain.js';
import { keyText } from '../../audit/checkpoint.js';
import type { Order } from '../../enrolment/order.js';
import { toPem } from '../../pkix/index.js';
import type { Context } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import { noteReading } from '../audit-events/note-reading.js';
import { auditEventView, proofView } from '../audit-events/schema.js';
import { callerOf, contextOf } from '../caller.js';
import { certificateView } from '../certificates/schema.js';
import { idParams } from '../field.js';
import { answers } from '../openapi.js';
import type { AdminParts, RecordedAuditEvent } from '../ports.js';
import { findOrder } from './action.js';
import { evidenceSchema } from './evidence-schema.js';
import { orderView } from './schema.js';

/** An order has a few dozen events; this many would be a fault of ours. */
const mostEvents = 200;

export function orderEvidenceRoute(app: AdminApp, deps: AdminParts, chain: AuditChain): void {
  app.get(
    '/orders/:id/evidence',
    {
      config: { access: 'audit:read' },
      schema: {
        tags: ['orders'],
        operationId: 'getOrderEvidence',
        summary: 'Everything that proves what became of an order: its history, certificate and audit events with their proofs',
        params: idParams,
        response: answers({ 200: evidenceSchema }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const order = await findOrder(deps, caller, request.params.id);
      await noteReading(deps, caller, 'evidence.read', `order:${order.id}`, order.tenantId);
      while ((await chain.seal()) >= sealedAtOnce);
      await chain.sign('now');
      reply.header('content-disposition', `attachment; filename="order-${order.id}.json"`);
      return evidenceOf(deps, chain, contextOf(caller), order);
    },
  );
}

async function evidenceOf(deps: AdminParts, chain: AuditChain, context: Context, order: Order): Promise<z.output<typeof evidenceSchema>> {
  const { items: found } = await deps.audit.list(context, { object: `order:${order.id}`, sort: 'at', limit: mostEvents });
  const [timeline, certificate, events, key] = [
    await deps.orderReader.timeline(context, order.id),
    await certificateOf(deps, context, order),
    await Promise.all(found.map((event) => provenEvent(chain, event))),
    await chain.key(),
  ];
  return {
    format: 'gatehouse-evidence-v1',
    madeAt: deps.clock.now().toISOString(),
    order: orderView(order),
    timeline: timeline.map(({ at, state, actor, detail }) => ({ at: at.toISOString(), state, actor, detail })),
    certificate,
    events,
    key: keyText(key),
  };
}

async function certificateOf(deps: AdminParts, context: Context, { certificateId }: Order) {
  const certificate = certificateId === null ? undefined : await deps.certificates.find(context, certificateId);
  if (certificate === undefined) return null;
  // A CA that is away must not keep the rest of the evidence back.
  const chain = (await deps.chainOf?.(certificate.connectorId).catch(() => [])) ?? [];
  return { ...certificateView(certificate), pem: toPem('CERTIFICATE', certificate.der), chain: chain.map((der) => toPem('CERTIFICATE', der)) };
}

async function provenEvent(chain: AuditChain, event: RecordedAuditEvent) {
  const [bootId = '', nodeSeq] = event.id.split(':');
  const proof = await chain.proofOf(bootId, Number(nodeSeq));
  return { ...auditEventView(event), proof: proof === undefined ? null : proofView(proof) };
}
