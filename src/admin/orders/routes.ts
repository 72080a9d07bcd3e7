import type { Order } from '../../enrolment/order.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { idParams } from '../field.js';
import { pageOf } from '../list.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { emptyPage, narrowed, visible } from '../tenant-scope.js';
import { orderListQuery, orderPage, orderSchema, orderView, timelineSchema } from './schema.js';

const tags = ['orders'];

async function findOrder(deps: AdminParts, caller: Caller, id: string): Promise<Order> {
  return visible(caller, await deps.orderReader.find(contextOf(caller), id));
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
