import type { Session } from './order.js';
import type { NewOrder } from './ports.js';

/**
 * Where a confirmation is awaited, the session of a transaction says for how many seconds (`confirmWait`), and once the certificate is
 * there until when (`confirmUntil`, milliseconds since 1970; null when the wait is over, and then `confirmNamed` is what the device was
 * told). A job ends waits that were in vain and leaves `confirmMissed`.
 */
export function confirmationTime(session: Session, now: Date): { readonly confirmUntil: number } {
  return { confirmUntil: now.getTime() + Number(session.confirmWait) * 1000 };
}

/** The order of a certificate that exists as soon as the order does: its device's time begins now. */
export function withConfirmationTime(order: NewOrder): NewOrder {
  if (order.session.confirmWait === undefined) return order;
  return { ...order, session: { ...confirmationTime(order.session, order.receivedAt), ...order.session } };
}

/** Clocks of node and database may differ this much. */
const toleranceMs = 60_000;

/** True while the time named to the device runs; one that is over, or that was put off for a device that never came, is named anew. */
export function isTimeRunning(session: Session, now: Date): boolean {
  const { confirmWait, confirmUntil } = session;
  if (typeof confirmWait !== 'number' || typeof confirmUntil !== 'number') return false;
  const left = confirmUntil - now.getTime();
  return left > 0 && left <= confirmWait * 1000 + toleranceMs;
}

/** No confirmation came in time, or it comes now and is too late. */
export function isConfirmationLate(session: Session, now: Date): boolean {
  return session.confirmMissed === true || (typeof session.confirmUntil === 'number' && session.confirmUntil < now.getTime());
}
