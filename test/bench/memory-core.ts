/** The whole core with its stores in memory: deduplication, policy, accounts and issuing by the embedded engine, without a database. */

import { createEmbeddedIssuer } from '../../src/connectors/crypto-engine/embedded.js';
import { createEngine, type Engine } from '../../src/crypto-engine/index.js';
import type { Order } from '../../src/enrolment/order.js';
import type {
  CertificateRecord,
  CertificateStore,
  IssuedCertificate,
  NewOrder,
  OrderStore,
  RevocationDue,
  StoredTransaction,
} from '../../src/enrolment/ports.js';
import { createEnrolment, type EnrolmentParts, type EnrolmentService, enrolmentDeps } from '../../src/enrolment/service.js';
import { systemClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { ok } from '../../src/runtime/result.js';
import { Secret } from '../../src/runtime/secret.js';
import type { TenantContext } from '../../src/tenancy/context.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import type { CaKey } from './floor.js';

export interface SharedReference {
  readonly reference: string;
  readonly secret: Buffer;
}

export interface MemoryCore {
  readonly engine: Engine;
  readonly enrolment: EnrolmentService;
  /** What has been enrolled so far stays; of what comes later only the last few are kept, so that the collector is not measured. */
  pin(): void;
}

export const challengeMacKey = Buffer.alloc(32, 7);

function unused(): never {
  throw new Error('Not on the measured path.');
}

/** Keeps what was put there before `pin`, and the last few of what came after it: a database has the rest on its disk. */
class Shelf<T> {
  readonly #pinned = new Map<string, T>();
  readonly #recent = new Map<string, T>();
  #isPinned = false;

  get(key: string): T | undefined {
    return this.#recent.get(key) ?? this.#pinned.get(key);
  }

  put(key: string, value: T): void {
    this.#recent.set(key, value);
    if (this.#isPinned && this.#recent.size > recentLimit) this.#recent.delete(this.#recent.keys().next().value as string);
  }

  pin(): void {
    for (const [key, value] of this.#recent) this.#pinned.set(key, value);
    this.#recent.clear();
    this.#isPinned = true;
  }
}

/** A certificate has three names. */
const recentLimit = 12;

/** As it was handed in; what the core asks for is made of it when it asks. */
interface Settled {
  readonly context: TenantContext;
  readonly order: NewOrder;
  readonly record: CertificateRecord;
}

interface Shelves {
  /** By dedupe key. */
  readonly transactions: Shelf<Settled>;
  /** By fingerprint, serial number and id. */
  readonly certificates: Shelf<Settled>;
  /** By id. */
  readonly orders: Shelf<Settled>;
}

function orderOf({ context, order, record }: Settled): Order {
  const { id, profileId, connectorId, protocol, transactionId, operation, subject, facts, credential, receivedAt } = order;
  const request = { id, profileId, connectorId, protocol, transactionId, operation, subject, facts, credential, certificateId: record.id };
  const outcome = { state: 'ISSUED', failInfo: null, failReason: null, attempts: 1, acknowledgedAt: null } as const;
  return {
    ...request,
    ...outcome,
    tenantId: context.tenantId,
    accountId: order.accountIdentity.toString('hex'),
    createdAt: receivedAt,
    finishedAt: receivedAt,
  };
}

function transactionOf(settled: Settled): StoredTransaction {
  const { order, record } = settled;
  return { order: orderOf(settled), contentHash: order.contentHash, session: order.session, certificate: record.der };
}

function issuedOf({ context, order, record }: Settled): IssuedCertificate {
  const { id, der, issuer, serial, subject, sans, notBefore, notAfter, sha256 } = record;
  const { tenantId } = context;
  const { profileId, id: orderId, connectorId } = order;
  return { tenantId, profileId, orderId, connectorId, id, der, issuer, serial, subject, sans, notBefore, notAfter, sha256, status: 'valid' };
}

/** The order is put together only for those who look at it. */
class Recorded {
  readonly kind = 'recorded';
  readonly #settled: Settled;

  constructor(settled: Settled) {
    this.#settled = settled;
  }

  get order(): Order {
    return orderOf(this.#settled);
  }
}

function memoryOrders({ transactions, certificates, orders }: Shelves): OrderStore {
  return {
    async settleIssued(context, order, record) {
      const key = order.dedupeKey.toString('hex');
      const existing = transactions.get(key);
      if (existing !== undefined) return { kind: 'existing', transaction: transactionOf(existing) };
      const settled = { context, order, record };
      transactions.put(key, settled);
      for (const name of [record.sha256.toString('hex'), record.serial, record.id]) certificates.put(name, settled);
      orders.put(order.id, settled);
      return new Recorded(settled);
    },
    async findTransaction(_context, dedupeKey) {
      const settled = transactions.get(dedupeKey.toString('hex'));
      return settled && transactionOf(settled);
    },
    findTransactions: async () => [],
    noteDelivered: () => undefined,
    updateSession: unused,
    record: unused,
    recordClaimed: unused,
    supersede: unused,
    countAttempt: unused,
    move: unused,
    claim: unused,
    settleClaimed: unused,
    due: unused,
    claimLookup: unused,
    reapLeases: unused,
    expire: unused,
    endConfirmations: unused,
    hasOpenRenewal: unused,
    forgetTransactions: unused,
    revokeSurplus: unused,
  };
}

function memoryCertificates({ certificates }: Shelves): CertificateStore {
  return {
    async findByFingerprint(_context, sha256) {
      const settled = certificates.get(sha256.toString('hex'));
      return settled && issuedOf(settled);
    },
    async findBySerial(_context, _issuerHash, serial) {
      const settled = certificates.get(serial);
      return settled && issuedOf(settled);
    },
    find: unused,
  };
}

/** Revocations are carried out at once, at the engine of the core. */
function memoryRevocations({ certificates }: Shelves): EnrolmentParts['revocations'] {
  const wanted = new Map<string, RevocationDue>();
  return {
    async want(_context, { wanted: items }) {
      for (const { certificateId, orderId, reason } of items) {
        const certificate = certificates.get(certificateId)?.record.der ?? Buffer.alloc(0);
        wanted.set(orderId, { outboxId: orderId, since: new Date(), orderId, certificate, reason });
      }
      return { kind: 'recorded' };
    },
    async claimOf(_context, orderIds) {
      const due = orderIds.flatMap((orderId) => wanted.get(orderId) ?? []);
      for (const { orderId } of due) wanted.delete(orderId);
      return due;
    },
    underWay: async () => [],
    done: async () => undefined,
    claim: unused,
    retry: unused,
    giveUp: unused,
  };
}

function foundOrder({ orders }: Shelves, id: string): Order | undefined {
  const settled = orders.get(id);
  return settled && orderOf(settled);
}

/** A core whose CA has this key; `shared` is the one CMP secret it knows. */
export async function createMemoryCore(caKey: CaKey, shared: SharedReference): Promise<MemoryCore> {
  const log = createLog('error');
  const engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://127.0.0.1:8080', keyType: caKey });
  await engine.ensureCas();
  const embedded = createEmbeddedIssuer(engine, { timeoutMs: 10_000, maxProcessingMs: 10_000, concurrency: 16 }, log);
  // A revocation is one more row of the database, which is not here.
  const issuer = { ...embedded, revoke: async () => ok(true as const) };
  const shelves: Shelves = { transactions: new Shelf(), certificates: new Shelf(), orders: new Shelf() };
  const secret = {
    id: 'secret',
    status: 'active',
    expiresAt: null,
    createdAt: new Date(),
    reference: shared.reference,
    secret: new Secret(shared.secret),
  } as const;
  const parts: EnrolmentParts = {
    orders: memoryOrders(shelves),
    orderReader: { find: async (_context, id) => foundOrder(shelves, id), list: unused, summary: unused, timeline: unused },
    certificates: memoryCertificates(shelves),
    refusals: { note: () => undefined },
    revocations: memoryRevocations(shelves),
    credentials: {
      findSharedSecret: async (context, profileId, reference) =>
        reference === shared.reference ? { ...secret, tenantId: context.tenantId, profileId } : undefined,
    },
    challenges: { find: unused, admit: unused, forget: unused },
    audit: { append: async () => undefined },
    issuers: { forProfile: async () => issuer, forOrder: async () => issuer },
    challengeMacKey,
    clock: systemClock,
    log,
  };
  const pin = () => {
    shelves.transactions.pin();
    shelves.certificates.pin();
    shelves.orders.pin();
  };
  return { engine, enrolment: createEnrolment(enrolmentDeps(parts)), pin };
}
