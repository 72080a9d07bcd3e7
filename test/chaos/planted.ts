/** Bugs of the kinds that lose or double certificates, wrapped around the real store: the campaign must find each of them. */
import { randomBytes } from 'node:crypto';
import type { Replacements } from '../../src/compose.js';
import type { Order } from '../../src/enrolment/order.js';
import type { NewOrder, OrderStore } from '../../src/enrolment/ports.js';
import type { TenantContext } from '../../src/tenancy/context.js';
import { remoteIssuer } from './remote-issuer.js';

export const plantedBugs = ['answer-before-commit', 'forget-dedupe', 'naive-retry'] as const;
export type PlantedBug = (typeof plantedBugs)[number];

/** What each must show up as. */
export const plantedEffect: Readonly<Record<PlantedBug, 'lost' | 'double'>> = {
  'answer-before-commit': 'lost',
  'forget-dedupe': 'double',
  'naive-retry': 'double',
};

const commitDelayMs = 40;

/** Keeps the methods of a class instance or a plain object and lays `changes` over them. */
function overlaid<T extends OrderStore>(original: T, changes: Partial<OrderStore>): T {
  return new Proxy(original, {
    get(target, name) {
      const value = Reflect.get(name in changes ? changes : target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Tells the device before the row is there, as a write-behind cache would. */
function answerBeforeCommit<T extends OrderStore>(orders: T): T {
  const settleIssued: OrderStore['settleIssued'] = async (context, order, certificate, caId) => {
    const existing = await orders.findTransaction(context, order.dedupeKey);
    if (existing !== undefined) return { kind: 'existing', transaction: existing };
    setTimeout(() => void orders.settleIssued(context, order, certificate, caId).catch(() => undefined), commitDelayMs);
    return { kind: 'recorded', order: asRecorded(context, order, certificate.id) };
  };
  return overlaid(orders, { settleIssued });
}

function asRecorded(context: TenantContext, order: NewOrder, certificateId: string): Order {
  const { id, profileId, connectorId, protocol, transactionId, operation, subject, facts, credential, receivedAt } = order;
  const fixed = { state: 'ISSUED', failInfo: null, failReason: null, attempts: 1, acknowledgedAt: null } as const;
  const common = { id, profileId, connectorId, protocol, transactionId, operation, subject, facts, credential, certificateId };
  return { ...common, ...fixed, tenantId: context.tenantId, accountId: id, createdAt: receivedAt, finishedAt: receivedAt };
}

/** Every copy of a request is a new order. */
function forgetDedupe<T extends OrderStore>(orders: T): T {
  const settleIssued: OrderStore['settleIssued'] = (context, order, certificate, caId) =>
    orders.settleIssued(context, { ...order, dedupeKey: randomBytes(32) }, certificate, caId);
  return overlaid(orders, { settleIssued });
}

const wrappers: Readonly<Record<Exclude<PlantedBug, 'naive-retry'>, <T extends OrderStore>(orders: T) => T>> = {
  'answer-before-commit': answerBeforeCommit,
  'forget-dedupe': forgetDedupe,
};

/** What the campaign's server differs in: where its CA is, and which bug it has. */
export function replacementsFor(bug: PlantedBug | undefined, caUrl: string | undefined): Replacements {
  const issuer = caUrl === undefined ? undefined : remoteIssuer(caUrl, bug === 'naive-retry');
  return {
    ...(issuer === undefined ? {} : { makeIssuer: () => issuer }),
    ...(bug === undefined || bug === 'naive-retry' ? {} : { wrapStore: (store) => ({ ...store, orders: wrappers[bug](store.orders) }) }),
  };
}
