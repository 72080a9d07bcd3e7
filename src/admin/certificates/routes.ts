import { revokeIssued } from '../../enrolment/approve.js';
import type { Order } from '../../enrolment/order.js';
import type { IssuedCertificate } from '../../enrolment/ports.js';
import { toPem } from '../../pkix/index.js';
import { tenantContext } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { idParams } from '../field.js';
import { listRoute } from '../list-route.js';
import { answers, orInForms } from '../openapi.js';
import { wrongState } from '../orders/wrong-state.js';
import type { AdminParts } from '../ports.js';
import { Problem } from '../problem.js';
import { findCertificate } from './find.js';
import { preferredForm } from './form.js';
import {
  certificateColumns,
  certificateListQuery,
  certificatePage,
  certificateSchema,
  certificateView,
  revocationReasons,
  revocationSchema,
} from './schema.js';

/** Beside JSON. */
const certificateForms = { 'application/pkix-cert': 'DER', 'application/x-pem-file': 'PEM' } as const;

const tags = ['certificates'];

export function certificateRoutes(app: AdminApp, deps: AdminParts): void {
  listRoute(app, {
    path: '/certificates',
    tags,
    operationId: 'listCertificates',
    summary: 'List certificates; `Accept: text/csv` gives all that match as a file',
    access: 'certificate:read',
    query: certificateListQuery,
    page: certificatePage,
    list: ({ context, query }) => deps.certificates.list(context, query),
    view: (items) => items.map(certificateView),
    csv: { name: () => 'certificates', columns: certificateColumns },
  });

  app.get(
    '/certificates/:id',
    {
      config: { access: 'certificate:read' },
      schema: {
        tags,
        operationId: 'getCertificate',
        summary: 'Read a certificate; `Accept: application/x-pem-file` or `application/pkix-cert` gives the certificate itself',
        params: idParams,
        response: answers({ 200: orInForms(certificateSchema, certificateForms) }),
      },
    },
    async (request, reply) => {
      const certificate = await findCertificate(deps, callerOf(request), request.params.id);
      const form = preferredForm(request.headers.accept);
      reply.header('vary', 'accept');
      if (form === 'application/json') return certificateView(certificate);
      const bytes = form === 'application/pkix-cert' ? certificate.der : Buffer.from(toPem('CERTIFICATE', certificate.der));
      const name = `${certificate.serial}.${form === 'application/pkix-cert' ? 'cer' : 'pem'}`;
      reply.type(form).header('content-disposition', `attachment; filename="${name}"`);
      return reply.serializer((body: unknown) => body as string).send(bytes as never);
    },
  );

  app.post(
    '/certificates/:id/revoke',
    {
      config: { access: 'certificate:revoke' },
      schema: {
        tags,
        operationId: 'revokeCertificate',
        summary: 'Want a certificate revoked; a background job carries it to the CA',
        params: idParams,
        body: revocationSchema,
        response: answers({ 202: certificateSchema }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const certificate = await findCertificate(deps, caller, request.params.id);
      await revoke(deps, caller, certificate, request.body);
      return reply.code(202).send(certificateView(certificate));
    },
  );
}

/** Asked for again while it is under way, or once it is done, it has nothing left to do. */
async function revoke(
  deps: AdminParts,
  caller: Caller,
  certificate: IssuedCertificate,
  { reason, comment }: { readonly reason: keyof typeof revocationReasons; readonly comment: string },
): Promise<void> {
  const order = certificate.orderId === null ? undefined : await deps.orderReader.find(contextOf(caller), certificate.orderId);
  if (order === undefined) throw new Problem('wrong-state', { detail: 'The order of this certificate is gone; revoke it at its CA.' });
  const text = comment === '' ? `Revoked: ${reason}.` : `Revoked: ${reason}. ${comment}`;
  if (isHeld(certificate) || reason === 'removeFromCRL') return changeHeld(deps, caller, certificate, order, { reason, text });
  const decided = await revokeIssued(order, caller.actor, text, revocationReasons[reason], deps.orders);
  if (decided.ok || certificate.status === 'revoked') return;
  const now = await deps.orderReader.find(contextOf(caller), order.id);
  if (now?.state !== 'REVOKE_WANTED' && now?.state !== 'REVOKED') throw wrongState(now ?? order, decided.error.expected);
}

function isHeld({ status, revocationReason }: IssuedCertificate): boolean {
  return status === 'revoked' && revocationReason === revocationReasons.certificateHold;
}

/** A certificate on hold is released, or revoked for good; put on hold once more it stays there. */
async function changeHeld(
  deps: AdminParts,
  caller: Caller,
  certificate: IssuedCertificate,
  order: Order,
  { reason, text }: { readonly reason: keyof typeof revocationReasons; readonly text: string },
): Promise<void> {
  if (reason === 'certificateHold') return;
  const why = reason === 'removeFromCRL' ? text.replace(/^Revoked: removeFromCRL/, 'Released') : text;
  const context = tenantContext(order.tenantId, caller.actor);
  const isWanted = isHeld(certificate) && (await deps.orders.changeHeld(context, order.id, certificate.id, why, revocationReasons[reason]));
  if (!isWanted) throw new Problem('wrong-state', { detail: 'The certificate is not on hold, or is being released or revoked already.' });
}
