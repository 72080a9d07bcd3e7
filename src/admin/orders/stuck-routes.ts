import { z } from 'zod';
import type { Order } from '../../enrolment/order.js';
import { resolveStuck, type StuckOrders } from '../../enrolment/stuck.js';
import { fromPem } from '../../pkix/index.js';
import { tenantContext } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { idParams } from '../field.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { Problem } from '../problem.js';
import { visible } from '../tenant-scope.js';
import { denialSchema, orderSchema, orderView } from './schema.js';
import { wrongState } from './wrong-state.js';

const tags = ['orders'];
const retrySchema = denialSchema.meta({ id: 'OrderRetry' });
const failureSchema = denialSchema.meta({ id: 'OrderFailure' });
const resolutionSchema = denialSchema
  .extend({ certificate: z.string().min(1, 'Must not be empty').max(100_000).describe('The certificate that its CA issued for this order, PEM') })
  .meta({ id: 'OrderResolution' });

/** What an operator makes of an order for which no automatic step is safe; 409 unless it is STUCK. */
export function stuckOrderRoutes(app: AdminApp, deps: AdminParts, stuck: StuckOrders): void {
  const find = async (caller: Caller, id: string): Promise<Order> => visible(caller, await deps.orderReader.find(contextOf(caller), id));

  app.post(
    '/orders/:id/retry',
    {
      config: { access: 'order:approve' },
      schema: {
        tags,
        operationId: 'retryOrder',
        summary: 'Ask the CA anew for a stuck order, once it is certain that it issued nothing for it',
        params: idParams,
        body: retrySchema,
        response: answers({ 200: orderSchema }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const order = await find(caller, request.params.id);
      if (!(await stuck.retryStuck(tenantContext(order.tenantId, caller.actor), order.id, request.body.reason))) throw wrongState(order, ['STUCK']);
      return orderView(await find(caller, order.id));
    },
  );

  app.post(
    '/orders/:id/resolve',
    {
      config: { access: 'order:approve' },
      schema: {
        tags,
        operationId: 'resolveOrder',
        summary: 'Give a stuck order the certificate that its CA issued for it',
        params: idParams,
        body: resolutionSchema,
        response: answers({ 200: orderSchema }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const order = await find(caller, request.params.id);
      const { certificate, reason } = request.body;
      const [der] = fromPem('CERTIFICATE', certificate);
      if (der === undefined) throw wrongCertificate('This is no certificate in PEM.');
      const resolved = await resolveStuck(order, caller.actor, der, reason, deps.clock.now(), stuck);
      if (!resolved.ok) throw resolved.error.kind === 'wrong-state' ? wrongState(order, ['STUCK']) : wrongCertificate(resolved.error.detail);
      return orderView(await find(caller, order.id));
    },
  );

  app.post(
    '/orders/:id/fail',
    {
      config: { access: 'order:approve' },
      schema: {
        tags,
        operationId: 'failOrder',
        summary: 'End a stuck order; its device learns it when it polls',
        params: idParams,
        body: failureSchema,
        response: answers({ 200: orderSchema }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const order = await find(caller, request.params.id);
      const isFailed = await deps.orders.move(tenantContext(order.tenantId, caller.actor), order.id, ['STUCK'], 'FAILED', request.body.reason);
      if (!isFailed) throw wrongState(order, ['STUCK']);
      return orderView(await find(caller, order.id));
    },
  );
}

function wrongCertificate(message: string): Problem {
  return new Problem('invalid-request', { errors: [{ path: 'certificate', message }] });
}
