import type { AuditChain } from '../../audit/chain.js';
import type { AdminApp } from '../app.js';
import { callerOf, contextOf } from '../caller.js';
import type { CsvColumns } from '../csv.js';
import { listRoute } from '../list-route.js';
import { answers } from '../openapi.js';
import type { AdminParts, RecordedAuditEvent } from '../ports.js';
import { notFound } from '../problem.js';
import { auditEventDetailSchema, auditEventListQuery, auditEventPage, auditEventParams, auditEventView, proofView } from './schema.js';

const tags = ['audit'];

const columns: CsvColumns<RecordedAuditEvent> = {
  id: ({ id }) => id,
  at: ({ at }) => at.toISOString(),
  nodeId: ({ nodeId }) => nodeId,
  tenantId: ({ tenantId }) => tenantId,
  actor: ({ actor }) => actor,
  action: ({ action }) => action,
  object: ({ object }) => object,
  outcome: ({ outcome }) => outcome,
  details: ({ details }) => JSON.stringify(details),
};

export function auditEventRoutes(app: AdminApp, deps: AdminParts): void {
  listRoute(app, {
    path: '/audit-events',
    tags,
    operationId: 'listAuditEvents',
    summary: 'List audit events; `Accept: text/csv` gives all that match',
    access: 'audit:read',
    query: auditEventListQuery,
    page: auditEventPage,
    list: ({ context, query }) => deps.audit.list(context, query),
    view: (items) => items.map(auditEventView),
    csv: { name: () => 'audit-events', columns },
  });

  app.get(
    '/audit-events/:id',
    {
      config: { access: 'audit:read' },
      schema: {
        tags,
        operationId: 'getAuditEvent',
        summary: 'Read an audit event, with the proof that a checkpoint covers it',
        params: auditEventParams,
        response: answers({ 200: auditEventDetailSchema }),
      },
    },
    async (request) => {
      const event = await deps.audit.find(contextOf(callerOf(request)), request.params.id);
      if (event === undefined) throw notFound();
      return { ...auditEventView(event), proof: await proofOf(deps.auditChain, event.id) };
    },
  );
}

async function proofOf(chain: Pick<AuditChain, 'proofOf'> | undefined, id: string) {
  const [bootId = '', nodeSeq] = id.split(':');
  const proof = await chain?.proofOf(bootId, Number(nodeSeq));
  return proof === undefined ? null : proofView(proof);
}
