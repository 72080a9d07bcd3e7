import { acknowledgeOrder, approveOrder, type Decided, denyOrder } from '../../enrolment/approve.js';
import type { Order } from '../../enrolment/order.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { idParams } from '../field.js';
import { pageOf } from '../list.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { emptyPage, narrowed, visible } from '../tenant-scope.js';
import { acknowledgementSchema, approvalSchema, denialSchema, orderListQuery, orderPage, orderSchema, orderView, timelineSchema } from './schema.js';
import { wrongState } from './wrong-state.js';

const tags = ['orders'];

async function findOrder(deps: AdminParts, caller: Caller, id: string): Promise<Order> {
  return visible(caller, await deps.orderReader.find(contextOf(caller), id));
}

/** The order as it stands after a decision; 409 when it was not there to be decided. */
async function afterDecision(deps: AdminParts, caller: Caller, id: string, decided: Decided) {
  const order = await findOrder(deps, caller, id);
  if (decided.ok) return orderView(order);
  throw wrongState(order, decided.error.expected);
}

export function orderRoutes(app: AdminApp, deps: AdminParts): void {
  app.get(
    '/orders',
    {
      config: { access: 'order:read' },
      schema: { tags, operationId: 'listOrders', summary: 'List orders', querystring: orderListQuery, response: answers({ 200: orderPage }) },
    },
    async (request) => {
      const context = narrowed(callerOf(request), request.query.tenantId);
      return pageOf(context === undefined ? emptyPage : await deps.orderReader.list(context, request.query), orderView);
    },
  );

  app.get(
    '/orders/:id',
    {
      config: { access: 'order:read' },
      schema: { tags, operationId: 'getOrder', summary: 'Read an order', params: idParams, response: answers({ 200: orderSchema }) },
    },
    async (request) => orderView(await findOrder(deps, callerOf(request), request.params.id)),
  );

  app.get(
    '/orders/:id/timeline',
    {
      config: { access: 'order:read' },
      schema: { tags, operationId: 'getOrderTimeline', summary: 'What became of an order', params: idParams, response: answers({ 200: timelineSchema }) },
    },
    async (request) => {
      const caller = callerOf(request);
      const order = await findOrder(deps, caller, request.params.id);
      const entries = await deps.orderReader.timeline(contextOf(caller), order.id);
      return { items: entries.map(({ at, state, actor, detail }) => ({ at: at.toISOString(), state, actor, detail })) };
    },
  );
}

/** What administrators decide: 409 unless the order waits for it. */
export function orderDecisionRoutes(app: AdminApp, deps: AdminParts): void {
  app.post(
    '/orders/:id/approve',
    {
      config: { access: 'order:approve' },
      schema: {
        tags,
        operationId: 'approveOrder',
        summary: 'Let a waiting order go to its CA',
        params: idParams,
        body: approvalSchema,
        response: answers({ 200: orderSchema }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const order = await findOrder(deps, caller, request.params.id);
      return afterDecision(deps, caller, order.id, await approveOrder(order, caller.actor, request.body.reason, deps.orders));
    },
  );

  app.post(
    '/orders/:id/deny',
    {
      config: { access: 'order:approve' },
      schema: {
        tags,
        operationId: 'denyOrder',
        summary: 'Reject a waiting order; its device learns it when it polls',
        params: idParams,
        body: denialSchema,
        response: answers({ 200: orderSchema }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const order = await findOrder(deps, caller, request.params.id);
      return afterDecision(deps, caller, order.id, await denyOrder(order, caller.actor, request.body.reason, deps.orders));
    },
  );

  app.post(
    '/orders/:id/acknowledge',
    {
      config: { access: 'order:acknowledge' },
      schema: {
        tags,
        operationId: 'acknowledgeOrder',
        summary: 'Take a failed order from the card of active failures',
        params: idParams,
        body: acknowledgementSchema,
        response: answers({ 200: orderSchema }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const order = await findOrder(deps, caller, request.params.id);
      return afterDecision(deps, caller, order.id, await acknowledgeOrder(order, caller.actor, deps.orders));
    },
  );
}
