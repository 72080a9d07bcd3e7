import { createHash } from 'node:crypto';
import { type Order, type OrderState, phaseOf } from '../../src/enrolment/order.js';
import type {
  CertificateRecord,
  CertificateStore,
  ClaimedOrder,
  ClaimResult,
  DueKind,
  IssuedCertificate,
  NewOrder,
  OrderReader,
  OrderStore,
  RecordOutcome,
  RefusalLog,
  RefusalRecord,
  RevocationDue,
  RevocationQueue,
  StoredTransaction,
} from '../../src/enrolment/ports.js';
import { certificateHold, type RevocationDesk, removeFromCrl, type WantedRevocation } from '../../src/enrolment/revocation-ports.js';
import { type Clock, systemClock } from '../../src/runtime/clock.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import { accountOf } from '../../src/store/orders/account.js';
import { type ClaimableState, claimableStates, isLookedUpAgain, isMoveAllowed, steps } from '../../src/store/orders/steps.js';
import type { ChallengeStore } from '../../src/tenancy/challenge.js';
import type { Context, TenantContext } from '../../src/tenancy/context.js';
import { memoryChallenges } from './memory-challenges.js';

/** What is known of an order beside its public face. */
interface Entry {
  order: Order;
  readonly input: NewOrder;
  readonly timeline: { at: Date; state: OrderState; actor: string; detail: string }[];
  work: { fence: number; leaseUntil: number; nextAttempt: number; calls: number; calledAt: Date | null; caReference: string | null } | undefined;
}

interface Transaction {
  orderId: string;
  contentHash: Buffer;
  session: StoredTransaction['session'];
  retainedUntil: number | null;
  /** Where they are not those of its order. */
  readonly own?: { readonly transactionId: string; readonly profileId: string };
}

export interface MemoryStore {
  readonly orders: OrderStore;
  readonly orderReader: Pick<OrderReader, 'find' | 'list' | 'timeline'>;
  readonly certificates: CertificateStore;
  readonly challenges: ChallengeStore;
  readonly refusals: RefusalLog;
  readonly revocations: RevocationQueue;
  /** What the other side of the ports would show. */
  readonly noted: readonly RefusalRecord[];
  readonly orphans: readonly { readonly orderId: string; readonly certificate: Buffer }[];
  readonly all: () => readonly Order[];
}

const dayMs = 86_400_000;

/** The order ports in memory: no durability, no concurrency to speak of, otherwise as the contract says. */
export function memoryStore(clock: Clock = systemClock): MemoryStore {
  const entries = new Map<string, Entry>();
  const transactions = new Map<string, Transaction>();
  const certificates = new Map<string, IssuedCertificate & { readonly issuerHash: Buffer }>();
  const taken = new Set<string>();
  const challenges = memoryChallenges(clock);
  const outbox = new Map<string, RevocationDue & { until: number }>();
  const noted: RefusalRecord[] = [];
  const orphans: { orderId: string; certificate: Buffer; isWanted: boolean }[] = [];
  const now = () => clock.now().getTime();
  const find = (context: Context, id: string): Entry | undefined => {
    const entry = entries.get(id);
    return entry !== undefined && (context.tenantId === null || context.tenantId === entry.order.tenantId) ? entry : undefined;
  };

  function enter(entry: Entry, state: OrderState, actor: string, detail: string, change: Partial<Order> = {}): void {
    const ends = phaseOf(state) !== 'open' && entry.order.finishedAt === null;
    entry.order = { ...entry.order, ...change, state, finishedAt: ends ? clock.now() : entry.order.finishedAt };
    entry.timeline.push({ at: clock.now(), state, actor, detail });
    const renewed = state === 'CONFIRMED' ? certificates.get(entry.input.renews ?? '') : undefined;
    if (renewed?.status === 'valid') certificates.set(renewed.id, { ...renewed, status: 'superseded' });
    const transaction = transactions.get(entry.input.dedupeKey.toString('hex'));
    if (!ends || transaction?.orderId !== entry.order.id) return;
    transaction.retainedUntil = now() + dayMs;
    const { confirmWait } = transaction.session;
    if (entry.order.certificateId !== null && transaction.session.confirmUntil === undefined && typeof confirmWait === 'number')
      transaction.session = { ...transaction.session, confirmUntil: now() + confirmWait * 1000 };
  }

  function transactionOf(context: TenantContext, key: string): StoredTransaction | undefined {
    const transaction = transactions.get(key);
    const entry = transaction === undefined ? undefined : find(context, transaction.orderId);
    if (transaction === undefined || entry === undefined) return undefined;
    const { order } = entry;
    const certificate = order.certificateId === null ? null : (certificates.get(order.certificateId)?.der ?? null);
    return { order, contentHash: transaction.contentHash, session: transaction.session, certificate };
  }

  /** Whether the account has a certificate that is good or on hold, or an open order. */
  function holds(accountId: string): boolean {
    return [...entries.values()].some(({ order }) => {
      if (order.accountId !== accountId) return false;
      const certificate = certificates.get(order.certificateId ?? '');
      if (certificate === undefined) return phaseOf(order.state) === 'open';
      const isHeld = certificate.status === 'revoked' && certificate.revocationReason === certificateHold;
      return phaseOf(order.state) === 'open' || ((certificate.status === 'valid' || isHeld) && certificate.notAfter.getTime() > now());
    });
  }

  function add(context: TenantContext, input: NewOrder, state: OrderState, change: Partial<Order> = {}): RecordOutcome {
    const key = input.dedupeKey.toString('hex');
    const transaction = transactionOf(context, key);
    if (transaction !== undefined) return { kind: 'existing', transaction };
    const isRefused = phaseOf(state) === 'refused';
    if (input.challengeId !== undefined && !isRefused && !challenges.spend(input.challengeId)) return { kind: 'challenge-spent' };
    if (input.isExclusive === true && !isRefused && holds(accountOf(input))) return { kind: 'account-held' };
    const isFinal = phaseOf(state) !== 'open';
    transactions.set(key, { orderId: input.id, contentHash: input.contentHash, session: input.session, retainedUntil: isFinal ? now() + dayMs : null });
    const entry: Entry = {
      order: orderOf(context.tenantId, input, state, isFinal ? clock.now() : null),
      input,
      timeline: [],
      work: isFinal ? undefined : { fence: 0, leaseUntil: 0, nextAttempt: 0, calls: 0, calledAt: null, caReference: null },
    };
    entries.set(input.id, entry);
    enter(entry, state, context.actor, change.failReason ?? '', change);
    return { kind: 'recorded', order: entry.order };
  }

  function addCertificate(tenantId: string, entry: Entry, record: CertificateRecord): boolean {
    const marks = [record.sha256.toString('hex'), `${record.issuerHash.toString('hex')} ${record.serial}`];
    if (marks.some((mark) => taken.has(mark))) return false;
    for (const mark of marks) taken.add(mark);
    const { id: orderId, accountId, profileId, connectorId } = entry.order;
    certificates.set(record.id, { ...record, tenantId, orderId, accountId, profileId, connectorId, status: 'valid' });
    return true;
  }

  function wantRevocation(orderId: string, certificate: Buffer, reason = 0): void {
    const outboxId = uuidv7();
    outbox.set(outboxId, { outboxId, orderId, certificate, reason, since: clock.now(), until: 0 });
  }

  function isOfKind(kind: DueKind, calls: number): boolean {
    return kind === 'issue' ? calls === 0 : kind !== 'repeat' || calls > 0;
  }

  function isFree(entry: Entry): boolean {
    return entry.work !== undefined && entry.work.nextAttempt <= now() && entry.work.leaseUntil <= now();
  }

  function take(context: Context, orderId: string, states: readonly OrderState[], leaseMs: number): Entry | undefined {
    const entry = find(context, orderId);
    if (entry?.work === undefined || !states.includes(entry.order.state) || !isFree(entry)) return undefined;
    entry.work = { ...entry.work, fence: entry.work.fence + 1, leaseUntil: now() + leaseMs };
    return entry;
  }

  function claimed({ order, input, work }: Entry): ClaimedOrder | undefined {
    if (work === undefined) return undefined;
    const { fence, caReference, calls, calledAt } = work;
    return {
      order,
      request: input.request,
      fence,
      caRef: `${order.tenantId}-${order.id}`,
      caReference,
      calls,
      calledAt,
      calledMsAgo: calledAt === null ? null : now() - calledAt.getTime(),
    };
  }

  function settle(entry: Entry, state: ClaimableState, actor: string, result: ClaimResult): void {
    const reason = 'reason' in result ? result.reason : '';
    const isRefused = result.kind === 'rejected' || result.kind === 'failed';
    const failure = isRefused ? { failInfo: result.kind === 'rejected' ? (result.code ?? 'ca-refused') : 'order-failed', failReason: reason } : {};
    const change = result.kind === 'issued' ? { certificateId: result.certificate.id } : result.kind === 'stuck' ? { failReason: reason } : failure;
    for (const step of steps[state][result.kind]) enter(entry, step, actor, reason, change);
    const goesOn = phaseOf(entry.order.state) === 'open' || (entry.order.state === 'EXPIRED' && isLookedUpAgain(result));
    if (entry.work === undefined) return;
    const delay = result.kind === 'pending' ? result.retryAfterSeconds * 1000 : 'delayMs' in result ? result.delayMs : 0;
    const caReference = result.kind === 'pending' ? result.reference : entry.work.caReference;
    const calls = entry.work.calls - (result.kind === 'retry' && result.notCounted ? 1 : 0);
    entry.work = goesOn ? { ...entry.work, leaseUntil: 0, nextAttempt: now() + delay, caReference, calls } : undefined;
  }

  const orders: OrderStore = {
    async settleIssued(context, order, certificate, _caId) {
      const recorded = add(context, order, 'ISSUED', { certificateId: certificate.id });
      if (recorded.kind === 'recorded') addCertificate(context.tenantId, entries.get(order.id) as Entry, certificate);
      return recorded;
    },
    async record(context, order, state) {
      if (typeof state === 'string') return add(context, order, state);
      return add(context, order, state.state, { failInfo: state.failInfo, failReason: state.failReason });
    },
    async recordClaimed(context, order, leaseMs) {
      const recorded = add(context, order, 'ISSUING');
      const entry = entries.get(order.id);
      if (recorded.kind !== 'recorded' || entry?.work === undefined) return recorded;
      entry.work = { ...entry.work, fence: 1, leaseUntil: now() + leaseMs, calls: 1, calledAt: clock.now() };
      return { kind: 'claimed', claimed: claimed(entry) as ClaimedOrder };
    },
    async supersede(context, order, replaces, state = 'ACCEPTED') {
      const key = order.dedupeKey.toString('hex');
      const standing = transactionOf(context, key);
      const before = transactions.get(key);
      if (standing?.order.id === replaces && phaseOf(standing.order.state) !== 'open') transactions.delete(key);
      const outcome = add(context, order, state);
      if (outcome.kind !== 'recorded' && outcome.kind !== 'existing' && before !== undefined) transactions.set(key, before);
      return outcome;
    },
    async countAttempt(context, orderId) {
      const entry = find(context, orderId);
      if (entry !== undefined) entry.order = { ...entry.order, attempts: entry.order.attempts + 1 };
    },
    findTransaction: async (context, dedupeKey) => transactionOf(context, dedupeKey.toString('hex')),
    async findTransactions(context, profileId, transactionId) {
      const placeOf = (item: Transaction) => item.own ?? entries.get(item.orderId)?.order;
      const named = [...transactions].filter(([, item]) => placeOf(item)?.transactionId === transactionId && placeOf(item)?.profileId === profileId);
      return named.map(([key]) => transactionOf(context, key)).filter((item) => item !== undefined);
    },
    async updateSession(context, dedupeKey, session, expected = {}) {
      const key = dedupeKey.toString('hex');
      const transaction = transactions.get(key);
      if (transaction === undefined || transactionOf(context, key) === undefined) return false;
      if (Object.entries(expected).some(([field, value]) => transaction.session[field] !== value)) return false;
      transaction.session = { ...transaction.session, ...session };
      return true;
    },
    noteDelivered(context, orderId, state) {
      const entry = find(context, orderId);
      const from: readonly OrderState[] = state === 'CONFIRMED' ? ['ISSUED', 'DELIVERED'] : ['ISSUED'];
      if (entry !== undefined && from.includes(entry.order.state)) enter(entry, state, context.actor, '');
    },
    async move(context, orderId, from, to, reason, crlReason = 0) {
      const entry = find(context, orderId);
      if (entry === undefined || !from.includes(entry.order.state) || !isMoveAllowed(entry.order.state, to)) return false;
      const der = certificates.get(entry.order.certificateId ?? '')?.der;
      if (to === 'REVOKE_WANTED' && der === undefined) return false;
      const before = entry.order.state;
      const failInfo = { REJECTED: 'order-rejected', FAILED: 'order-failed', EXPIRED: 'order-expired' }[to as string];
      enter(entry, to, context.actor, reason, failInfo === undefined ? (to === 'STUCK' ? { failReason: reason } : {}) : { failInfo, failReason: reason });
      if (der !== undefined && to === 'REVOKE_WANTED') wantRevocation(orderId, der);
      if (to === 'REVOKED') markRevoked(entry, crlReason);
      if (entry.work !== undefined && to === 'ACCEPTED') entry.work = { ...entry.work, leaseUntil: 0, nextAttempt: 0 };
      if (entry.work !== undefined && to === 'UNCERTAIN') entry.work = { ...entry.work, fence: entry.work.fence + 1, leaseUntil: 0, nextAttempt: 0 };
      if (phaseOf(to) !== 'open' && !(to === 'EXPIRED' && (before === 'UNCERTAIN' || before === 'CA_PENDING'))) entry.work = undefined;
      return true;
    },
    async claim(context, orderId, leaseMs) {
      const entry = take(context, orderId, ['ACCEPTED'], leaseMs);
      if (entry?.work === undefined) return undefined;
      entry.work = { ...entry.work, calls: entry.work.calls + 1, calledAt: clock.now() };
      enter(entry, 'ISSUING', context.actor, '');
      return claimed(entry);
    },
    async claimLookup(context, orderId, leaseMs) {
      const entry = take(context, orderId, ['UNCERTAIN', 'CA_PENDING', 'EXPIRED'], leaseMs);
      return entry === undefined ? undefined : claimed(entry);
    },
    async settleClaimed(context, { order, fence }, answer) {
      const entry = find(context, order.id);
      if (entry === undefined) return false;
      const { state } = entry.order;
      if (entry.work?.fence !== fence || !isClaimable(state)) {
        if (answer.kind === 'issued' && certificates.get(entry.order.certificateId ?? '')?.sha256.equals(answer.certificate.sha256)) return true;
        if (answer.kind === 'issued') orphans.push({ orderId: order.id, certificate: answer.certificate.der, isWanted: false });
        return false;
      }
      const isTaken = answer.kind === 'issued' && !addCertificate(context.tenantId, entry, answer.certificate);
      const result: ClaimResult = isTaken ? { kind: 'stuck', reason: 'The CA answered with a certificate that was issued for another order.' } : answer;
      settle(entry, state, context.actor, result);
      if (result.kind === 'issued' && entry.order.state === 'REVOKE_WANTED') wantRevocation(order.id, result.certificate.der);
      if (result.kind === 'stuck' && result.wrongCertificate !== undefined) {
        orphans.push({ orderId: order.id, certificate: result.wrongCertificate, isWanted: true });
        wantRevocation(order.id, result.wrongCertificate);
      }
      return !isTaken;
    },
    async due(_context, kind, limit, except = []) {
      const states: Record<DueKind, readonly OrderState[]> = {
        issue: ['ACCEPTED'],
        repeat: ['ACCEPTED'],
        lookup: ['UNCERTAIN', 'EXPIRED'],
        poll: ['CA_PENDING'],
      };
      const found = [...entries.values()].filter(
        (entry) =>
          states[kind].includes(entry.order.state) && isFree(entry) && !except.includes(entry.order.connectorId) && isOfKind(kind, entry.work?.calls ?? 0),
      );
      return found.slice(0, limit).map(({ order: { id, tenantId, profileId, connectorId } }) => ({ orderId: id, tenantId, profileId, connectorId }));
    },
    async reapLeases(context) {
      const late = [...entries.values()].filter(({ order, work }) => order.state === 'ISSUING' && work !== undefined && work.leaseUntil < now());
      for (const entry of late) {
        enter(entry, 'UNCERTAIN', context.actor, 'The lease ended without a result.');
        if (entry.work !== undefined)
          entry.work = { ...entry.work, fence: entry.work.fence + 1, leaseUntil: 0, nextAttempt: 0, calls: Math.max(0, entry.work.calls - 1) };
      }
      return late.length;
    },
    async revokeSurplus() {
      const surplus = orphans.filter(({ orderId, certificate, isWanted }) => {
        const order = entries.get(orderId)?.order;
        return !isWanted && order !== undefined && phaseOf(order.state) !== 'open' && ![...certificates.values()].some(({ der }) => der.equals(certificate));
      });
      for (const orphan of surplus) {
        orphan.isWanted = true;
        wantRevocation(orphan.orderId, orphan.certificate, 4);
      }
      return surplus.length;
    },
    async expire(context) {
      const late = [...entries.values()].filter(({ order, input }) => isMoveAllowed(order.state, 'EXPIRED') && input.deadline.getTime() < now());
      for (const { order } of late) {
        const tenant = { tenantId: order.tenantId, actor: context.actor };
        await orders.move(tenant, order.id, [order.state], 'EXPIRED', 'The order was not completed in time.');
      }
      return late.length;
    },
    async endConfirmations(context, at) {
      let missed = 0;
      for (const transaction of transactions.values()) {
        const { confirmUntil, keepUnconfirmed } = transaction.session;
        const entry = entries.get(transaction.orderId);
        if (typeof confirmUntil !== 'number' || confirmUntil >= at.getTime() || entry === undefined) continue;
        const { state, finishedAt, id, tenantId } = entry.order;
        const fetchUntil = (finishedAt?.getTime() ?? 0) + dayMs;
        const isAwaited = state === 'ISSUED' || state === 'DELIVERED';
        const isUnfetched = state === 'ISSUED' && fetchUntil > at.getTime();
        transaction.session = { ...transaction.session, confirmUntil: isUnfetched ? fetchUntil : null };
        if (!isAwaited || isUnfetched) continue;
        missed += 1;
        transaction.session = { ...transaction.session, confirmMissed: true };
        const reason = 'The device did not confirm the certificate in time.';
        if (keepUnconfirmed !== true) await orders.move({ tenantId, actor: context.actor }, id, [state], 'REVOKE_WANTED', reason);
      }
      return missed;
    },
    async hasOpenRenewal(context, order) {
      return [...entries.values()].some(({ order: other, input }) => {
        if (input.renews !== order.renews || input.dedupeKey.equals(order.dedupeKey) || other.tenantId !== context.tenantId) return false;
        const session = transactions.get(input.dedupeKey.toString('hex'))?.session;
        const isAwaited = (other.state === 'ISSUED' || other.state === 'DELIVERED') && typeof session?.confirmUntil === 'number';
        return phaseOf(other.state) === 'open' || isAwaited;
      });
    },
    async forgetTransactions() {
      const isJudged = ({ session }: Transaction) => typeof session.confirmUntil !== 'number';
      const isOld = ({ retainedUntil }: Transaction) => retainedUntil !== null && retainedUntil < now();
      const old = [...transactions].filter(([, transaction]) => isOld(transaction) && isJudged(transaction));
      for (const [key] of old) transactions.delete(key);
      return old.length;
    },
  };

  function markRevoked({ order }: Entry, revocationReason = 0): void {
    const certificate = certificates.get(order.certificateId ?? '');
    if (certificate !== undefined) certificates.set(certificate.id, { ...certificate, status: 'revoked', revocationReason });
  }

  function release(entry: Entry, actor: string): void {
    const certificate = certificates.get(entry.order.certificateId ?? '');
    if (certificate?.revocationReason !== certificateHold) return;
    certificates.set(certificate.id, { ...certificate, status: 'valid', revocationReason: null });
    if (entry.order.state === 'REVOKED') enter(entry, 'CONFIRMED', actor, 'The hold was lifted.');
  }

  const ofOrder = (orderId: string) => [...outbox.values()].find((item) => item.orderId === orderId);

  function canBeWanted(context: TenantContext, { orderId, certificateId, reason }: WantedRevocation): boolean {
    const entry = find(context, orderId);
    if (entry === undefined || entry.order.certificateId !== certificateId || ofOrder(orderId) !== undefined) return false;
    const isHeld = entry.order.state === 'REVOKED' && certificates.get(certificateId)?.revocationReason === certificateHold;
    return isHeld || (reason !== removeFromCrl && isMoveAllowed(entry.order.state, 'REVOKE_WANTED') && entry.order.state !== 'EXPIRED');
  }

  const revocationDesk: RevocationDesk = {
    async want(context, { profileId, dedupeKey, contentHash, session, transactionId, wanted, reason }) {
      const key = dedupeKey.toString('hex');
      const standing = transactionOf(context, key);
      if (standing !== undefined) return { kind: 'existing', transaction: standing };
      if (!wanted.every((item) => canBeWanted(context, item))) return { kind: 'changed' };
      transactions.set(key, { orderId: wanted[0]?.orderId ?? '', contentHash, session, own: { transactionId, profileId }, retainedUntil: now() + dayMs });
      for (const item of wanted) {
        const entry = entries.get(item.orderId) as Entry;
        if (entry.order.state !== 'REVOKED') enter(entry, 'REVOKE_WANTED', context.actor, reason);
        wantRevocation(item.orderId, certificates.get(item.certificateId)?.der as Buffer, item.reason);
      }
      return { kind: 'recorded' };
    },
    async claimOf(context, orderIds, leaseMs) {
      const free = orderIds.flatMap((id) => (find(context, id) === undefined ? [] : [ofOrder(id)])).filter((item) => item !== undefined && item.until <= now());
      return free.flatMap((item) => {
        if (item === undefined) return [];
        item.until = now() + leaseMs;
        const { until: _until, ...due } = item;
        return [due];
      });
    },
    underWay: async (context, orderIds) =>
      orderIds
        .filter((id) => find(context, id) !== undefined && ofOrder(id) !== undefined)
        .map((orderId) => ({ orderId, isGivenUp: ofOrder(orderId)?.until === Number.POSITIVE_INFINITY })),
  };

  const isVisible = (context: Context, tenantId: string) => context.tenantId === null || context.tenantId === tenantId;
  const findCertificate = (context: Context, matches: (certificate: IssuedCertificate & { readonly issuerHash: Buffer }) => boolean) =>
    withOrderState([...certificates.values()].find((certificate) => isVisible(context, certificate.tenantId) && matches(certificate)));
  const withOrderState = <T extends IssuedCertificate>(found: T | undefined): T | undefined => {
    const isWanted = found !== undefined && entries.get(found.orderId ?? '')?.order.state === 'REVOKE_WANTED';
    return isWanted ? { ...found, isRevocationWanted: true as const } : found;
  };

  return {
    orders,
    challenges,
    noted,
    orphans,
    all: () => [...entries.values()].map(({ order }) => order),
    orderReader: {
      find: async (context, id) => find(context, id)?.order,
      async list(context, { profileId, accountId, state, limit }) {
        const found = [...entries.values()]
          .map(({ order }) => order)
          .filter((order) => context.tenantId === null || order.tenantId === context.tenantId)
          .filter((order) => profileId === undefined || order.profileId === profileId)
          .filter((order) => accountId === undefined || order.accountId === accountId)
          .filter((order) => state === undefined || order.state === state);
        return { items: found.reverse().slice(0, limit), total: found.length };
      },
      timeline: async (context, id) => find(context, id)?.timeline ?? [],
    },
    certificates: {
      findByFingerprint: async (context, sha256) => findCertificate(context, (certificate) => certificate.sha256.equals(sha256)),
      findBySerial: async (context, issuerHash, serial) =>
        findCertificate(context, (certificate) => certificate.issuerHash.equals(issuerHash) && certificate.serial === serial),
      find: async (context, id) => findCertificate(context, (certificate) => certificate.id === id),
    },
    refusals: { note: (refusal) => void noted.push(refusal) },
    revocations: {
      ...revocationDesk,
      async claim(_context, limit, leaseMs) {
        const free = [...outbox.values()].filter(({ until }) => until <= now()).slice(0, limit);
        for (const item of free) item.until = now() + leaseMs;
        return free.map(({ until: _until, ...due }) => due);
      },
      async done(context, { outboxId, orderId, certificate, reason }) {
        outbox.delete(outboxId);
        const entry = find(context, orderId);
        const own = certificates.get(entry?.order.certificateId ?? '');
        if (entry === undefined || own?.der.equals(certificate) !== true) return;
        if (reason === removeFromCrl) release(entry, context.actor);
        else markRevoked(entry, reason);
        if (entry.order.state === 'REVOKE_WANTED') enter(entry, 'REVOKED', context.actor, '');
      },
      async retry({ outboxId }) {
        const item = outbox.get(outboxId);
        if (item !== undefined) item.until = now() + 1_000;
      },
      async giveUp({ outboxId, orderId }, reason) {
        const [item, entry] = [outbox.get(outboxId), entries.get(orderId)];
        if (item !== undefined) item.until = Number.POSITIVE_INFINITY;
        if (entry !== undefined) enter(entry, entry.order.state, 'worker:revoke', reason, { failReason: reason });
      },
    },
  };
}

function isClaimable(state: OrderState): state is ClaimableState {
  return (claimableStates as readonly OrderState[]).includes(state);
}

function orderOf(tenantId: string, input: NewOrder, state: OrderState, finishedAt: Date | null): Order {
  const { id, profileId, connectorId, protocol, transactionId, operation, subject, facts, credential } = input;
  return {
    id,
    tenantId,
    profileId,
    connectorId,
    protocol,
    accountId: accountOf(input),
    transactionId,
    operation,
    state,
    subject,
    failInfo: null,
    failReason: null,
    attempts: 1,
    facts,
    credential,
    certificateId: null,
    createdAt: input.receivedAt,
    finishedAt,
    acknowledgedAt: null,
  };
}

/** SHA-256, for tests that make records by hand. */
export function sha256(...parts: readonly (string | Buffer)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
