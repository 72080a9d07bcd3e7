import { z } from 'zod';
import type { GivenUpRevocations } from '../../enrolment/revocation-ports.js';
import { tenantContext } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import type { AdminParts } from '../ports.js';
import { Problem } from '../problem.js';
import { orderAction } from './action.js';
import { denialSchema } from './schema.js';

const retrySchema = z.strictObject({}).prefault({}).meta({ id: 'RevocationRetry' });

/** What becomes of a revocation that the CA did not take; 409 where the order has none. */
export function givenUpRevocationRoutes(app: AdminApp, deps: AdminParts, revocations: GivenUpRevocations): void {
  orderAction(app, deps, {
    action: 'retry-revocation',
    operationId: 'retryRevocation',
    summary: 'Ask the CA again for a revocation that it did not take',
    access: 'certificate:revoke',
    body: retrySchema,
    async work(order, caller) {
      if (!(await revocations.retry(tenantContext(order.tenantId, caller.actor), order.id))) throw noneGivenUp();
    },
  });
  orderAction(app, deps, {
    action: 'close-revocation',
    operationId: 'closeRevocation',
    summary: 'Close an order whose certificate was revoked at the CA by other means',
    access: 'certificate:revoke',
    body: denialSchema,
    async work(order, caller, { reason }) {
      if (!(await revocations.close(tenantContext(order.tenantId, caller.actor), order.id, reason))) throw noneGivenUp();
    },
  });
}

function noneGivenUp(): Problem {
  return new Problem('wrong-state', { detail: 'The order has no revocation that was given up.' });
}
