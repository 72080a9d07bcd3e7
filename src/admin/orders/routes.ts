import { acknowledgeOrder, approveOrder, type Decided, denyOrder } from '../../enrolment/approve.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { idParams } from '../field.js';
import { listRoute } from '../list-route.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { findOrder, orderAction } from './action.js';
import { acknowledgementSchema, approvalSchema, denialSchema, orderListQuery, orderPage, orderSchema, orderView, timelineSchema } from './schema.js';
import { wrongState } from './wrong-state.js';

const tags = ['orders'];

export function orderRoutes(app: AdminApp, deps: AdminParts): void {
  listRoute(app, {
    path: '/orders',
    tags,
    operationId: 'listOrders',
    summary: 'List orders',
    access: 'order:read',
    query: orderListQuery,
    page: orderPage,
    list: ({ context, query }) => deps.orderReader.list(context, query),
    view: (items) => items.map(orderView),
  });

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
  /** 409 names the state in which the order then stands. */
  const insist = async (decided: Decided, caller: Caller, id: string): Promise<void> => {
    if (!decided.ok) throw wrongState(await findOrder(deps, caller, id), decided.error.expected);
  };

  orderAction(app, deps, {
    action: 'approve',
    operationId: 'approveOrder',
    summary: 'Let a waiting order go to its CA',
    access: 'order:approve',
    body: approvalSchema,
    work: async (order, caller, { reason }) => insist(await approveOrder(order, caller.actor, reason, deps.orders), caller, order.id),
  });
  orderAction(app, deps, {
    action: 'deny',
    operationId: 'denyOrder',
    summary: 'Reject a waiting order; its device learns it when it polls',
    access: 'order:approve',
    body: denialSchema,
    work: async (order, caller, { reason }) => insist(await denyOrder(order, caller.actor, reason, deps.orders), caller, order.id),
  });
  orderAction(app, deps, {
    action: 'acknowledge',
    operationId: 'acknowledgeOrder',
    summary: 'Take a failed order from the card of active failures',
    access: 'order:acknowledge',
    body: acknowledgementSchema,
    work: async (order, caller) => insist(await acknowledgeOrder(order, caller.actor, deps.orders), caller, order.id),
  });
}
