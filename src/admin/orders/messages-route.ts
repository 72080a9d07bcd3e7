import { decodeCapture } from '../../decode/index.js';
import type { AdminApp } from '../app.js';
import { callerOf, contextOf } from '../caller.js';
import { decodedView } from '../decode/schema.js';
import { idParams } from '../field.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { findOrder } from './action.js';
import { orderMessagesSchema } from './messages-schema.js';

/** What an operator decides about, as it came from the device; challenges are told by their length alone. */
export function orderMessagesRoute(app: AdminApp, deps: AdminParts): void {
  app.get(
    '/orders/:id/messages',
    {
      config: { access: 'order:read' },
      schema: {
        tags: ['orders'],
        operationId: 'getOrderMessages',
        summary: 'What was exchanged for an order, field by field, with the verdict of every check',
        params: idParams,
        response: answers({ 200: orderMessagesSchema }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const context = contextOf(caller);
      const order = await findOrder(deps, caller, request.params.id);
      const certificate = order.certificateId === null ? undefined : await deps.certificates.find(context, order.certificateId);
      const kept = [
        { what: 'request' as const, bytes: await deps.openRequests?.pkcs10Of(context, order.id) },
        { what: 'certificate' as const, bytes: certificate?.der },
      ];
      const items = kept.flatMap(({ what, bytes }) => (bytes === undefined ? [] : [{ what, bytes }]));
      return { items: await Promise.all(items.map(async ({ what, bytes }) => ({ what, decoded: decodedView(await decodeCapture(bytes)) }))) };
    },
  );
}
