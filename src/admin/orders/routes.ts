import type { z } from 'zod';
import { acknowledgeOrder, type Decided, denyOrder } from '../../enrolment/approve.js';
import type { ApprovalStore } from '../../enrolment/four-eyes.js';
import type { Order } from '../../enrolment/order.js';
import { tenantContext } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import { bulkRoute } from '../bulk.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { idParams } from '../field.js';
import { listRoute } from '../list-route.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { findOrder, type OrderAction, orderAction } from './action.js';
import { approve } from './approve.js';
import {
  acknowledgementSchema,
  approvalSchema,
  approvalsSchema,
  bulkAcknowledgementSchema,
  bulkApprovalSchema,
  bulkDenialSchema,
  denialSchema,
  orderColumns,
  orderListQuery,
  orderPage,
  orderSchema,
  orderView,
  timelineSchema,
} from './schema.js';
import { wrongState } from './wrong-state.js';

const tags = ['orders'];

export function orderRoutes(app: AdminApp, deps: AdminParts): void {
  listRoute(app, {
    path: '/orders',
    tags,
    operationId: 'listOrders',
    summary: 'List orders; `Accept: text/csv` gives all that match as a file',
    access: 'order:read',
    query: orderListQuery,
    page: orderPage,
    list: ({ context, query }) => deps.orderReader.list(context, query),
    view: (items) => items.map(orderView),
    csv: { name: () => 'orders', columns: orderColumns },
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

/** Who approved an order that several have to approve. */
export function orderApprovalsRoute(app: AdminApp, deps: AdminParts, approvals: ApprovalStore): void {
  app.get(
    '/orders/:id/approvals',
    {
      config: { access: 'order:read' },
      schema: {
        tags,
        operationId: 'listOrderApprovals',
        summary: 'Who approved an order, and how many have to',
        params: idParams,
        response: answers({ 200: approvalsSchema }),
      },
    },
    async (request) => {
      const order = await findOrder(deps, callerOf(request), request.params.id);
      const context = tenantContext(order.tenantId, callerOf(request).actor);
      const policy = (await deps.profiles.find(context, order.protocol, order.profileId))?.policy.approval;
      const items = await approvals.list(context, order.id);
      return { needed: policy?.approvers ?? 1, items: items.map(({ actor, reason, at }) => ({ actor, reason, at: at.toISOString() })) };
    },
  );
}

/** What administrators decide, of one order or of many: 409 unless the order waits for it. */
export function orderDecisionRoutes(app: AdminApp, deps: AdminParts): void {
  /** 409 names the state in which the order then stands. */
  const insist = async (caller: Caller, order: Order, decided: Decided): Promise<void> => {
    if (!decided.ok) throw wrongState(await findOrder(deps, caller, order.id), decided.error.expected);
  };
  const decision = ({ one, many, decide }: Decision): void => {
    const work = async (order: Order, caller: Caller, body: Note) => insist(caller, order, await decide(order, caller.actor, body.reason ?? ''));
    orderAction(app, deps, { ...one, work });
    bulkRoute(app, {
      ...{ ...many, path: `/orders/bulk/${one.action}`, tags, access: one.access },
      work: async (caller, id, body) => work(await findOrder(deps, caller, id), caller, body),
    });
  };

  decision({
    one: { action: 'approve', operationId: 'approveOrder', summary: 'Let a waiting order go to its CA', access: 'order:approve', body: approvalSchema },
    many: { operationId: 'approveOrders', summary: 'Let many waiting orders go to their CAs', body: bulkApprovalSchema },
    decide: (order, actor, reason) => approve(deps, order, actor, reason),
  });
  decision({
    one: {
      action: 'deny',
      operationId: 'denyOrder',
      summary: 'Reject a waiting order; its device learns it when it polls',
      access: 'order:approve',
      body: denialSchema,
    },
    many: { operationId: 'denyOrders', summary: 'Reject many waiting orders', body: bulkDenialSchema },
    decide: (order, actor, reason) => denyOrder(order, actor, reason, deps.orders),
  });
  decision({
    one: {
      action: 'acknowledge',
      operationId: 'acknowledgeOrder',
      summary: 'Take a failed order from the card of active failures',
      access: 'order:acknowledge',
      body: acknowledgementSchema,
    },
    many: { operationId: 'acknowledgeOrders', summary: 'Take many failed orders from the card of active failures', body: bulkAcknowledgementSchema },
    decide: (order, actor) => acknowledgeOrder(order, actor, deps.orders),
  });
}

interface Note {
  readonly reason?: string;
}

interface Decision {
  readonly one: Omit<OrderAction<z.ZodType<Note>>, 'work'>;
  readonly many: { readonly operationId: string; readonly summary: string; readonly body: z.ZodType<Note & { readonly ids: readonly string[] }> };
  /** `reason`: for operators; empty where none was given. */
  decide(order: Order, actor: string, reason: string): Promise<Decided>;
}
