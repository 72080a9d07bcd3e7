import type { UnknownCertificate, UnknownCertificateDesk } from '../../enrolment/unknown-certificates.js';
import { tenantContext } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { idParams } from '../field.js';
import { listRoute } from '../list-route.js';
import { answers } from '../openapi.js';
import { Problem } from '../problem.js';
import { visible } from '../tenant-scope.js';
import { unknownCertificatePage, unknownCertificateQuery, unknownCertificateSchema, unknownCertificateView, unknownDecisionSchema } from './schema.js';

const tags = ['unknown-certificates'];

/** Certificates that a CA issued and that this database does not know, and what is decided about them. */
export function unknownCertificateRoutes(app: AdminApp, desk: UnknownCertificateDesk): void {
  listRoute(app, {
    path: '/unknown-certificates',
    tags,
    operationId: 'listUnknownCertificates',
    summary: 'List certificates that CAs issued and that are not known here',
    access: 'certificate:read',
    query: unknownCertificateQuery,
    page: unknownCertificatePage,
    list: ({ context, query }) => desk.list(context, query),
    view: (items) => items.map(unknownCertificateView),
  });
  const decision = (action: string, operationId: string, summary: string, to: 'REVOKE_WANTED' | 'KEPT') =>
    app.post(
      `/unknown-certificates/:id/${action}`,
      {
        config: { access: 'certificate:revoke' },
        schema: { tags, operationId, summary, params: idParams, body: unknownDecisionSchema, response: answers({ 200: unknownCertificateSchema }) },
      },
      async (request) => {
        const caller = callerOf(request);
        const found = await findUnknown(desk, caller, request.params.id);
        const isDecided = await desk.decide(tenantContext(found.tenantId, caller.actor), found.id, to, request.body.reason);
        if (!isDecided) throw new Problem('wrong-state', { detail: `The certificate is ${found.state}.` });
        return unknownCertificateView(await findUnknown(desk, caller, found.id));
      },
    );
  decision('revoke', 'revokeUnknownCertificate', 'Have a certificate that is not known here revoked by its CA', 'REVOKE_WANTED');
  decision('keep', 'keepUnknownCertificate', 'Let a certificate that is not known here stay as it is', 'KEPT');
}

async function findUnknown(desk: UnknownCertificateDesk, caller: Caller, id: string): Promise<UnknownCertificate> {
  return visible(caller, await desk.find(contextOf(caller), id));
}
