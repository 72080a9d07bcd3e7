/** The whole core with its stores in memory: deduplication, policy, accounts and issuing by the embedded engine, without a database. */

import { createEmbeddedIssuer } from '../../src/connectors/crypto-engine/embedded.js';
import { createEngine, type Engine } from '../../src/crypto-engine/index.js';
import type { Order } from '../../src/enrolment/order.js';
import type { CertificateRecord, CertificateStore, IssuedCertificate, NewOrder, OrderStore, StoredTransaction } from '../../src/enrolment/ports.js';
import { createEnrolment, type EnrolmentParts, type EnrolmentService, enrolmentDeps } from '../../src/enrolment/service.js';
import { systemClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
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
  /** Forgets all orders and certificates, so that one window does not burden the next. */
  clear(): void;
}

export const challengeMacKey = Buffer.alloc(32, 7);

function unused(): never {
  throw new Error('Not on the measured path.');
}

interface Shelves {
  readonly transactions: Map<string, StoredTransaction>;
  readonly certificates: Map<string, IssuedCertificate>;
}

function orderOf(context: TenantContext, order: NewOrder, certificateId: string): Order {
  const { id, profileId, connectorId, protocol, transactionId, operation, subject, facts, credential, receivedAt } = order;
  const request = { id, profileId, connectorId, protocol, transactionId, operation, subject, facts, credential, certificateId };
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

function issuedOf(context: TenantContext, order: NewOrder, record: CertificateRecord): IssuedCertificate {
  const { id, der, issuer, serial, subject, sans, notBefore, notAfter, sha256 } = record;
  const owner = { tenantId: context.tenantId, profileId: order.profileId, orderId: order.id, connectorId: order.connectorId };
  return { ...owner, id, der, issuer, serial, subject, sans, notBefore, notAfter, sha256, status: 'valid' };
}

function memoryOrders({ transactions, certificates }: Shelves): OrderStore {
  return {
    async settleIssued(context, order, certificate) {
      const key = order.dedupeKey.toString('hex');
      const existing = transactions.get(key);
      if (existing !== undefined) return { kind: 'existing', transaction: existing };
      const stored = orderOf(context, order, certificate.id);
      transactions.set(key, { order: stored, contentHash: order.contentHash, session: order.session, certificate: certificate.der });
      certificates.set(certificate.sha256.toString('hex'), issuedOf(context, order, certificate));
      return { kind: 'recorded', order: stored };
    },
    findTransaction: async (_context, dedupeKey) => transactions.get(dedupeKey.toString('hex')),
    findTransactions: async () => [],
    noteDelivered: () => undefined,
    updateSession: unused,
    record: unused,
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
    forgetTransactions: unused,
  };
}

function memoryCertificates({ certificates }: Shelves): CertificateStore {
  return {
    findByFingerprint: async (_context, sha256) => certificates.get(sha256.toString('hex')),
    findBySerial: unused,
    find: unused,
  };
}

/** A core whose CA has this key; `shared` is the one CMP secret it knows. */
export async function createMemoryCore(caKey: CaKey, shared: SharedReference): Promise<MemoryCore> {
  const log = createLog('error');
  const engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://127.0.0.1:8080', keyType: caKey });
  await engine.ensureCas();
  const issuer = createEmbeddedIssuer(engine, { timeoutMs: 10_000, maxProcessingMs: 10_000, concurrency: 16 }, log);
  const shelves: Shelves = { transactions: new Map(), certificates: new Map() };
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
    orderReader: { find: unused, list: unused, summary: unused, timeline: unused },
    certificates: memoryCertificates(shelves),
    refusals: { note: () => undefined },
    revocations: { want: unused, claimOf: unused, underWay: unused, claim: unused, done: unused, retry: unused },
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
  const clear = () => {
    shelves.transactions.clear();
    shelves.certificates.clear();
  };
  return { engine, enrolment: createEnrolment(enrolmentDeps(parts)), clear };
}
