import type { Order } from '../api/types.js';
import { words } from '../strings/index.js';
import type { Bulk } from './bulk.js';

const { orders } = words;
const failed: readonly Order['state'][] = ['FAILED', 'REJECTED', 'EXPIRED'];
const isWaiting = ({ state }: Order): boolean => state === 'AWAITING_APPROVAL';

/** Many orders decided at once. */
export const orderBulk: Bulk<Order> = {
  nameOf: ({ subject }) => (subject === '' ? orders.noSubject : subject),
  actions: [
    {
      ...{ path: '/orders/bulk/approve', needs: 'order:approve', reason: 'optional' },
      ...{ label: orders.approve, title: orders.approveManyTitle, text: orders.approveManyText },
      fits: isWaiting,
    },
    {
      ...{ path: '/orders/bulk/deny', needs: 'order:approve', reason: 'required', isGrave: true },
      ...{ label: orders.deny, title: orders.denyManyTitle, text: orders.denyManyText },
      fits: isWaiting,
    },
    {
      ...{ path: '/orders/bulk/acknowledge', needs: 'order:acknowledge' },
      ...{ label: orders.acknowledge, title: orders.acknowledgeManyTitle, text: orders.acknowledgeManyText },
      fits: ({ state, acknowledgedAt }) => failed.includes(state) && acknowledgedAt === null,
    },
  ],
};
