import { z } from 'zod';
import { resolveStuck, type StuckOrders } from '../../enrolment/stuck.js';
import { fromPem } from '../../pkix/index.js';
import { tenantContext } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import type { AdminParts } from '../ports.js';
import { Problem } from '../problem.js';
import { orderAction } from './action.js';
import { denialSchema } from './schema.js';
import { wrongState } from './wrong-state.js';

const retrySchema = denialSchema.meta({ id: 'OrderRetry' });
const failureSchema = denialSchema.meta({ id: 'OrderFailure' });
const resolutionSchema = denialSchema
  .extend({ certificate: z.string().min(1, 'Must not be empty').max(100_000).describe('The certificate that its CA issued for this order, PEM') })
  .meta({ id: 'OrderResolution' });

/** What an operator makes of an order for which no automatic step is safe; 409 unless it is STUCK. */
export function stuckOrderRoutes(app: AdminApp, deps: AdminParts, stuck: StuckOrders): void {
  orderAction(app, deps, {
    action: 'retry',
    operationId: 'retryOrder',
    summary: 'Ask the CA anew for a stuck order, once it is certain that it issued nothing for it',
    access: 'order:approve',
    body: retrySchema,
    async work(order, caller, { reason }) {
      if (!(await stuck.retryStuck(tenantContext(order.tenantId, caller.actor), order.id, reason))) throw wrongState(order, ['STUCK']);
    },
  });
  orderAction(app, deps, {
    action: 'resolve',
    operationId: 'resolveOrder',
    summary: 'Give a stuck order the certificate that its CA issued for it',
    access: 'order:approve',
    body: resolutionSchema,
    async work(order, caller, { certificate, reason }) {
      const [der] = fromPem('CERTIFICATE', certificate);
      if (der === undefined) throw wrongCertificate('This is no certificate in PEM.');
      const resolved = await resolveStuck(order, caller.actor, der, reason, deps.clock.now(), stuck);
      if (!resolved.ok) throw resolved.error.kind === 'wrong-state' ? wrongState(order, ['STUCK']) : wrongCertificate(resolved.error.detail);
    },
  });
  orderAction(app, deps, {
    action: 'fail',
    operationId: 'failOrder',
    summary: 'End a stuck order; its device learns it when it polls',
    access: 'order:approve',
    body: failureSchema,
    async work(order, caller, { reason }) {
      const context = tenantContext(order.tenantId, caller.actor);
      if (!(await deps.orders.move(context, order.id, ['STUCK'], 'FAILED', reason))) throw wrongState(order, ['STUCK']);
    },
  });
}

function wrongCertificate(message: string): Problem {
  return new Problem('invalid-request', { errors: [{ path: 'certificate', message }] });
}
