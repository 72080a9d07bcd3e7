import type { z } from 'zod';
import type { Order } from '../../enrolment/order.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { idParams } from '../field.js';
import { answers } from '../openapi.js';
import type { Permission } from '../permission.js';
import type { AdminParts } from '../ports.js';
import { visible } from '../tenant-scope.js';
import { orderSchema, orderView } from './schema.js';

export async function findOrder(deps: AdminParts, caller: Caller, id: string): Promise<Order> {
  return visible(caller, await deps.orderReader.find(contextOf(caller), id));
}

/** What an operator does with one order: `work` does it or throws the problem; answered is the order as it then stands. */
export interface OrderAction<B extends z.ZodType> {
  /** Last segment of the path. */
  readonly action: string;
  readonly operationId: string;
  readonly summary: string;
  readonly access: Permission;
  readonly body: B;
  work(order: Order, caller: Caller, body: z.output<B>): Promise<void>;
}

export function orderAction<B extends z.ZodType>(app: AdminApp, deps: AdminParts, { action, operationId, summary, access, body, work }: OrderAction<B>): void {
  app.post(
    `/orders/:id/${action}`,
    { config: { access }, schema: { tags: ['orders'], operationId, summary, params: idParams, body, response: answers({ 200: orderSchema }) } },
    async (request) => {
      const caller = callerOf(request);
      const order = await findOrder(deps, caller, request.params.id);
      await work(order, caller, request.body as z.output<B>);
      return orderView(await findOrder(deps, caller, order.id));
    },
  );
}
