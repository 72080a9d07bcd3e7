import { createHash } from 'node:crypto';
import type { IssuedCertificate, LocalIssuer, NewOrder, OrderStore, RecordOutcome, SignedCertificate } from '../../src/enrolment/ports.js';
import type { EnrolmentRequest } from '../../src/enrolment/request.js';
import { createRevocationPassphrases, type RevocationPassphrases } from '../../src/enrolment/revocation-passphrase.js';
import { createEnrolment, type EnrolmentService, enrolmentDeps } from '../../src/enrolment/service.js';
import { readGeneralName } from '../../src/pkix/general-name.js';
import { parseName, signCertificate, subjectAltNameExtension } from '../../src/pkix/index.js';
import { Cursor, certificateTime } from '../../src/protocol/der/index.js';
import { stoppedClock } from '../../src/runtime/clock.js';
import { createLog, type Log } from '../../src/runtime/log.js';
import { ok } from '../../src/runtime/result.js';
import { Secret } from '../../src/runtime/secret.js';
import type { NewChallenge } from '../../src/tenancy/challenge.js';
import { atOnce } from '../support/at-once.js';
import { memoryPassphrases } from '../support/memory-passphrases.js';
import { memoryStore } from '../support/memory-store.js';
import { challengeMacKey, seedTime, type World } from './world.js';

/** The real core over stores in memory, and what must be known about what it did. */
export interface Core {
  readonly enrolment: EnrolmentService;
  readonly log: Log;
  readonly passphrases: RevocationPassphrases;
  /** Requests that were recorded as orders since the last look. */
  takeRecorded(): readonly EnrolmentRequest[];
  /** What was issued since the last look, by whichever way. */
  takeIssued(): readonly Issue[];
  /** What was logged as an error since the last look. */
  takeErrors(): readonly string[];
}

/** A certificate, and on whose word it was issued. */
export interface Issue {
  readonly credential: string;
  readonly certificate: Buffer;
  readonly request: EnrolmentRequest;
}

export interface CoreOptions {
  /** Signs instead of the CA of the fixtures. */
  readonly sign?: LocalIssuer['sign'];
  /** Certificates that were issued before this core began, by their SHA-256. */
  readonly issuedBefore?: (sha256: Buffer) => IssuedCertificate | undefined;
  readonly minted?: { readonly tenantId: string; readonly challenges: readonly NewChallenge[] };
}

export const clock = stoppedClock(seedTime);

export function createCore(world: World, options: CoreOptions = {}): Core {
  const { sign, issuedBefore, minted } = options;
  const errors: string[] = [];
  const log = createLog('error', { write: (line: string) => errors.push(line) });
  const store = memoryStore(clock);
  const recorded: EnrolmentRequest[] = [];
  const issues: Issue[] = [];
  let current: EnrolmentRequest | undefined;
  const watcher: Watcher = {
    recorded: () => {
      if (current !== undefined) recorded.push(current);
    },
    issued: ({ credential }, certificate) => {
      if (current !== undefined) issues.push({ credential, certificate, request: current });
    },
  };
  const issuer = localIssuer(world, sign);
  for (const challenge of minted?.challenges ?? []) void store.challenges.mint({ tenantId: minted?.tenantId ?? '', actor: 'fuzz' }, challenge);
  const { certificates } = store;
  const deps = enrolmentDeps({
    ...store,
    orderReader: store.orderReader as never,
    orders: watched(store.orders, watcher),
    certificates: {
      ...certificates,
      findByFingerprint: async (context, sha256) => issuedBefore?.(sha256) ?? certificates.findByFingerprint(context, sha256),
    },
    credentials: { findSharedSecret: async (_context, profileId, reference) => sharedSecret(world, profileId, reference) },
    challenges:
      minted === undefined
        ? { find: async () => undefined, admit: async () => Promise.reject(new Error('nothing is derived here')), forget: async () => 0 }
        : store.challenges,
    audit: { append: async () => undefined },
    issuers: { forProfile: async () => issuer, forOrder: async () => issuer },
    challengeMacKey,
    clock,
    log,
  });
  const service = createEnrolment(deps);
  const enrol: EnrolmentService['enrol'] = (profile, request) => {
    current = request;
    return service.enrol(profile, request);
  };
  return {
    enrolment: { ...service, enrol },
    log,
    passphrases: createRevocationPassphrases(memoryPassphrases(), deps),
    takeRecorded: () => recorded.splice(0),
    takeIssued: () => issues.splice(0),
    takeErrors: () => errors.splice(0),
  };
}

interface Watcher {
  recorded(): void;
  issued(order: Pick<NewOrder, 'credential'>, certificate: Buffer): void;
}

/** Tells of every order that comes into being and of every certificate, however they do. */
function watched(orders: OrderStore, watcher: Watcher): OrderStore {
  const telling = async (work: Promise<RecordOutcome>): Promise<RecordOutcome> => {
    const outcome = await work;
    if (outcome.kind === 'recorded') watcher.recorded();
    return outcome;
  };
  return {
    ...orders,
    async settleIssued(context, order, certificate, caId) {
      const outcome = await telling(orders.settleIssued(context, order, certificate, caId));
      if (outcome.kind === 'recorded') watcher.issued(order, certificate.der);
      return outcome;
    },
    async settleClaimed(context, claimed, answer) {
      const isSettled = await orders.settleClaimed(context, claimed, answer);
      if (isSettled && answer.kind === 'issued') watcher.issued(claimed.order, answer.certificate.der);
      return isSettled;
    },
    record: (...order) => telling(orders.record(...order)),
    supersede: (...order) => telling(orders.supersede(...order)),
  };
}

function sharedSecret(world: World, profileId: string, reference: string) {
  if (reference !== world.secrets.reference) return undefined;
  const secret = new Secret(Buffer.from(world.secrets.secret));
  return { id: 'secret-1', tenantId: '', profileId, reference, secret, status: 'active' as const, expiresAt: null, createdAt: seedTime };
}

/** Signs what it is asked for with the CA of the fixtures. */
function localIssuer(world: World, signer?: LocalIssuer['sign']) {
  const { ca } = world;
  let count = 0;
  const bare = (request: { publicKey: Buffer; subject: Buffer; sans: readonly Buffer[]; validitySeconds: number }) => {
    count += 1;
    const subject = parseName(request.subject);
    if (!subject.ok) throw subject.error;
    const names = request.sans.map((name) => readGeneralName(new Cursor(name)));
    const notAfter = new Date(seedTime.getTime() + request.validitySeconds * 1000);
    const certificate = signCertificate(
      {
        serial: createHash('sha256').update(String(count)).digest().subarray(0, 16),
        issuer: ca.certificate.subject,
        notBefore: seedTime,
        notAfter,
        subject: subject.value,
        spki: request.publicKey,
        extensions: names.length === 0 ? [] : [subjectAltNameExtension(names)],
      },
      { notBefore: certificateTime(seedTime), notAfter: certificateTime(notAfter) },
      ca.signer,
    );
    return ok<SignedCertificate>({ caId: 'ca', certificate });
  };
  const sign = signer ?? bare;
  return {
    timing: { timeoutMs: 1_000, maxProcessingMs: 1_000, concurrency: 4 },
    capabilities: { lookup: false, uniqueRef: true },
    issue: async (_ref: string, request: Parameters<LocalIssuer['sign']>[0]) => {
      const signed = signer && atOnce(signer(request));
      if (signed?.ok) return { kind: 'issued' as const, certificate: signed.value.certificate };
      return { kind: 'notSent' as const, reason: 'The fuzzer signs locally.' };
    },
    lookup: async () => ({ kind: 'none' as const }),
    revoke: async () => ok(true as const),
    chain: async () => [ca.certificate.der],
    local: { sign },
  };
}
