import { z } from 'zod';
import type { GivenUpRevocations } from '../../enrolment/revocation-ports.js';
import { tenantContext } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import { callerOf, contextOf } from '../caller.js';
import { idParams } from '../field.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { Problem } from '../problem.js';
import { visible } from '../tenant-scope.js';
import { denialSchema, orderSchema, orderView } from './schema.js';

const tags = ['orders'];
const retrySchema = z.strictObject({}).prefault({}).meta({ id: 'RevocationRetry' });

/** What becomes of a revocation that the CA did not take; 409 where the order has none. */
export function givenUpRevocationRoutes(app: AdminApp, deps: AdminParts, revocations: GivenUpRevocations): void {
  app.post(
    '/orders/:id/retry-revocation',
    {
      config: { access: 'certificate:revoke' },
      schema: {
        tags,
        operationId: 'retryRevocation',
        summary: 'Ask the CA again for a revocation that it did not take',
        params: idParams,
        body: retrySchema,
        response: answers({ 200: orderSchema }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const order = visible(caller, await deps.orderReader.find(contextOf(caller), request.params.id));
      if (!(await revocations.retry(tenantContext(order.tenantId, caller.actor), order.id))) throw noneGivenUp();
      return orderView(visible(caller, await deps.orderReader.find(contextOf(caller), order.id)));
    },
  );

  app.post(
    '/orders/:id/close-revocation',
    {
      config: { access: 'certificate:revoke' },
      schema: {
        tags,
        operationId: 'closeRevocation',
        summary: 'Close an order whose certificate was revoked at the CA by other means',
        params: idParams,
        body: denialSchema,
        response: answers({ 200: orderSchema }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const order = visible(caller, await deps.orderReader.find(contextOf(caller), request.params.id));
      if (!(await revocations.close(tenantContext(order.tenantId, caller.actor), order.id, request.body.reason))) throw noneGivenUp();
      return orderView(visible(caller, await deps.orderReader.find(contextOf(caller), order.id)));
    },
  );
}

function noneGivenUp(): Problem {
  return new Problem('wrong-state', { detail: 'The order has no revocation that was given up.' });
}
