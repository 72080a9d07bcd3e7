import type { Order, OrderState } from '../../enrolment/order.js';
import { Problem } from '../problem.js';

/** 409: what the caller wants needs the order in one of `expected`. */
export function wrongState(order: Order, expected: readonly OrderState[]): Problem {
  const detail = `The order is ${order.state}; this needs ${expected.join(', ')}.`;
  return new Problem('wrong-state', { detail, members: { state: order.state, expected } });
}
