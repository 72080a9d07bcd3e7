import { randomBytes } from 'node:crypto';
import type { OrderState } from '../../src/enrolment/order.js';
import type { CertificateRecord, ClaimedOrder, ClaimResult, NewOrder, OrderStore } from '../../src/enrolment/ports.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import { systemContext, type TenantContext, tenantContext } from '../../src/tenancy/context.js';
import { sha256 } from './memory-store.js';

export const system = systemContext('worker:test');

/** A tenant nobody else has, so that tests in one database do not see each other. */
export function newTenant(): TenantContext {
  return tenantContext(uuidv7(), 'device');
}

/** An order with nothing in common with any other, save what `change` says. */
export function newOrder(change: Partial<NewOrder> = {}): NewOrder {
  const id = uuidv7();
  return {
    id,
    profileId: uuidv7(),
    connectorId: uuidv7(),
    protocol: 'scep',
    accountIdentity: sha256(id),
    accountLabel: `CN=${id}`,
    transactionId: randomBytes(16).toString('hex'),
    dedupeKey: randomBytes(32),
    contentHash: randomBytes(32),
    operation: 'enrolment',
    subject: `CN=${id}`,
    facts: { clientIp: '192.0.2.1', clientFamily: 'unknown', keyType: 'rsa-2048', digest: 'sha256', cipher: 'aes128-cbc' },
    credential: 'challenge:static',
    session: { requester: 'ab', modified: false },
    request: {
      publicKey: Buffer.from('spki'),
      subject: Buffer.from('name'),
      sans: [Buffer.from('san')],
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: ['1.3.6.1.5.5.7.3.2'],
      validitySeconds: 86_400,
      backdateSeconds: 300,
      pkcs10: Buffer.from('csr'),
    },
    renews: null,
    deadline: new Date(Date.now() + 3_600_000),
    receivedAt: new Date(),
    ...change,
  };
}

/** A certificate's facts; the DER is not one, which the store does not look at. */
export function newCertificate(change: Partial<CertificateRecord> = {}): CertificateRecord {
  const der = randomBytes(64);
  return {
    id: uuidv7(),
    der,
    sha256: sha256(der),
    issuerHash: sha256('issuer'),
    issuer: 'CN=Issuer',
    serial: randomBytes(16).toString('hex'),
    subject: 'CN=device',
    sans: ['dns:device.example'],
    keyHash: randomBytes(32),
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2027-01-01T00:00:00Z'),
    ...change,
  };
}

/** Records an order and claims it for its CA call. */
export async function claimedOrder(orders: OrderStore, context: TenantContext, order = newOrder(), leaseMs = 60_000): Promise<ClaimedOrder> {
  await orders.record(context, order, 'ACCEPTED');
  const claimed = await orders.claim(system, order.id, leaseMs);
  if (claimed === undefined) throw new Error('nobody else should have it');
  return claimed;
}

const viaClaim: Partial<Record<OrderState, ClaimResult>> = {
  UNCERTAIN: { kind: 'uncertain', reason: 'timeout', delayMs: 0 },
  CA_PENDING: { kind: 'pending', reference: 'ca-1', retryAfterSeconds: 0 },
  STUCK: { kind: 'stuck', reason: 'no look-up' },
};
const viaMoves: Partial<Record<OrderState, readonly OrderState[]>> = {
  ISSUED: [],
  DELIVERED: ['DELIVERED'],
  CONFIRMED: ['CONFIRMED'],
  REVOKE_WANTED: ['REVOKE_WANTED'],
  REVOKED: ['REVOKE_WANTED', 'REVOKED'],
};

/** An order that came to `state` by the ways the port offers. */
export async function orderIn(orders: OrderStore, context: TenantContext, state: OrderState, order = newOrder()): Promise<NewOrder> {
  const moves = viaMoves[state];
  const result = viaClaim[state];
  if (state === 'AWAITING_APPROVAL' || state === 'ACCEPTED') await orders.record(context, order, state);
  else if (state === 'REJECTED' || state === 'FAILED' || state === 'EXPIRED') {
    await orders.record(context, order, { state, failInfo: 'order-failed', failReason: 'no' });
  } else if (moves !== undefined) await issuedAndMoved(orders, context, order, moves);
  else {
    const claimed = await claimedOrder(orders, context, order);
    if (result !== undefined) await orders.settleClaimed(context, claimed, result);
  }
  return order;
}

async function issuedAndMoved(orders: OrderStore, context: TenantContext, order: NewOrder, moves: readonly OrderState[]): Promise<void> {
  await orders.settleIssued(context, order, newCertificate(), 'issuing');
  for (const to of moves) await orders.move(context, order.id, ['ISSUED', 'DELIVERED', 'CONFIRMED', 'REVOKE_WANTED'], to, 'test');
}
