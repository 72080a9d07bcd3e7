/** Bugs of the kinds that lose or double certificates, one rule broken by each: the campaign must find every one of them. */
import { randomBytes } from 'node:crypto';
import type { Replacements } from '../../src/compose.js';
import { certificateRecord } from '../../src/enrolment/new-order.js';
import type { Order } from '../../src/enrolment/order.js';
import type { NewOrder, OrderStore } from '../../src/enrolment/ports.js';
import type { Store } from '../../src/store/store.js';
import type { TenantContext } from '../../src/tenancy/context.js';
import type { Findings } from './checker.js';
import { type Dishonesty, remoteIssuer } from './remote-issuer.js';

interface Planted {
  /** What it must show up as. */
  readonly effect: keyof Findings;
  /** It needs a CA outside. */
  readonly isRemote: boolean;
  readonly orders?: (orders: OrderStore) => Partial<OrderStore>;
  readonly revocations?: Partial<Store['revocations']>;
  readonly connector?: Dishonesty;
}

const commitDelayMs = 40;

/** Tells the device before the row is there, as a write-behind cache would (rule R1). */
const answerBeforeCommit = (orders: OrderStore): Partial<OrderStore> => ({
  async settleIssued(context, order, certificate, caId) {
    const existing = await orders.findTransaction(context, order.dedupeKey);
    if (existing !== undefined) return { kind: 'existing', transaction: existing };
    setTimeout(() => void orders.settleIssued(context, order, certificate, caId).catch(() => undefined), commitDelayMs);
    return { kind: 'recorded', order: asRecorded(context, order, certificate.id) };
  },
});

function asRecorded(context: TenantContext, order: NewOrder, certificateId: string): Order {
  const { id, profileId, connectorId, protocol, transactionId, operation, subject, facts, credential, receivedAt } = order;
  const fixed = { state: 'ISSUED', failInfo: null, failReason: null, attempts: 1, acknowledgedAt: null } as const;
  const common = { id, profileId, connectorId, protocol, transactionId, operation, subject, facts, credential, certificateId };
  return { ...common, ...fixed, tenantId: context.tenantId, accountId: id, createdAt: receivedAt, finishedAt: receivedAt };
}

/** Every copy of a request is a new order (rule R3). */
const forgetDedupe = (orders: OrderStore): Partial<OrderStore> => ({
  settleIssued: (context, order, certificate, caId) => orders.settleIssued(context, { ...order, dedupeKey: randomBytes(32) }, certificate, caId),
});

/** A copy of a request is answered with the certificate just signed for it, not with the one that stands (rule R3). */
const answerAnew = (orders: OrderStore): Partial<OrderStore> => ({
  findTransaction: async () => undefined,
  async settleIssued(context, order, certificate, caId) {
    await orders.settleIssued(context, order, certificate, caId);
    return { kind: 'recorded', order: asRecorded(context, order, certificate.id) };
  },
});

/** A look-up that finds nothing lets the call be repeated at once (rule R4). */
const ignoreQuarantine = (orders: OrderStore): Partial<OrderStore> => ({
  async claimLookup(context, orderId, leaseMs) {
    const claimed = await orders.claimLookup(context, orderId, leaseMs);
    return claimed && { ...claimed, calledMsAgo: Number.MAX_SAFE_INTEGER };
  },
});

/** What the CA sends is given to the device unseen. */
const takeWrong = (orders: OrderStore): Partial<OrderStore> => ({
  settleClaimed(context, claimed, result) {
    const wrong = result.kind === 'stuck' ? result.wrongCertificate : undefined;
    return orders.settleClaimed(context, claimed, wrong === undefined ? result : { kind: 'issued', certificate: certificateRecord(wrong) });
  },
});

/** Whoever held an order may say how its call ended, however long ago he lost it (rule R5). */
const withoutFence = (orders: OrderStore): Partial<OrderStore> => ({
  async settleClaimed(context, claimed, result) {
    if (await orders.settleClaimed(context, claimed, result)) return true;
    return result.kind !== 'issued' && orders.move(context, claimed.order.id, ['ISSUING', 'UNCERTAIN'], 'ACCEPTED', 'the call came to nothing');
  },
});

export const plantedBugs = [
  'answer-before-commit',
  'forget-dedupe',
  'answer-anew',
  'naive-retry',
  'blind-look-up',
  'lease-too-short',
  'ignore-quarantine',
  'no-fencing',
  'forget-dead-nodes',
  'take-wrong-certificates',
  'surplus-not-revoked',
] as const;
export type PlantedBug = (typeof plantedBugs)[number];

export const planted: Readonly<Record<PlantedBug, Planted>> = {
  'answer-before-commit': { effect: 'lost', isRemote: false, orders: answerBeforeCommit },
  'forget-dedupe': { effect: 'double', isRemote: false, orders: forgetDedupe },
  'answer-anew': { effect: 'changed', isRemote: false, orders: answerAnew },
  'naive-retry': { effect: 'double', isRemote: true, connector: { isNaive: true } },
  'blind-look-up': { effect: 'double', isRemote: true, connector: { isBlind: true } },
  'lease-too-short': { effect: 'double', isRemote: true, connector: { isHasty: true } },
  'ignore-quarantine': { effect: 'double', isRemote: true, orders: ignoreQuarantine },
  'no-fencing': { effect: 'double', isRemote: true, orders: withoutFence },
  'forget-dead-nodes': { effect: 'unfinished', isRemote: true, orders: () => ({ reapLeases: async () => 0 }) },
  'take-wrong-certificates': { effect: 'surplus', isRemote: true, orders: takeWrong },
  'surplus-not-revoked': { effect: 'surplus', isRemote: true, revocations: { claim: async () => [] } },
};

/** Keeps the methods of a class instance or a plain object and lays `changes` over them. */
function overlaid<T extends object>(original: T, changes: Partial<T>): T {
  return new Proxy(original, {
    get(target, name) {
      const value = Reflect.get(name in changes ? changes : target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** What the campaign's server differs in: where its CA is, and which bug it has. */
export function replacementsFor(bug: PlantedBug | undefined, caUrl: string | undefined): Replacements {
  const { orders, revocations, connector }: Partial<Planted> = bug === undefined ? {} : planted[bug];
  const issuer = caUrl === undefined ? undefined : remoteIssuer(caUrl, connector);
  const wrapStore = (store: Store): Store => ({
    ...store,
    ...(orders && { orders: overlaid<Store['orders']>(store.orders, orders(store.orders)) }),
    ...(revocations && { revocations: overlaid(store.revocations, revocations) }),
  });
  return { ...(issuer && { makeIssuer: () => issuer }), ...((orders ?? revocations) && { wrapStore }) };
}
