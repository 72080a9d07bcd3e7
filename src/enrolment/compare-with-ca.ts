import { parseCertificate } from '../pkix/index.js';
import type { Log } from '../runtime/log.js';
import { systemContext, tenantContext } from '../tenancy/context.js';
import type { Issuer, ListedCertificate } from './issuer.js';
import { certificateRecord } from './new-order.js';
import type { DueComparison, UnknownCertificateStore } from './unknown-certificates.js';

/** What is done about a certificate that nobody but us can have had issued; any other is only reported. */
export type UnknownAction = 'ignore' | 'report' | 'revoke';

/** How a connector's CA is to be compared: one issuer for each CA that its profiles use. */
export interface Comparable {
  readonly action: UnknownAction;
  readonly issuers: readonly Issuer[];
}

export interface CompareDeps {
  readonly unknownCertificates: UnknownCertificateStore;
  comparable(connectorId: string): Promise<Comparable | undefined>;
  readonly log: Log;
}

const context = systemContext('worker:compare');
const hourMs = 3_600_000;
/** A CA dates by its own clock, and lists may lag. */
const overlapMs = hourMs;
/** Behind a call, its quarantine and its look-up. */
const settleMs = 300_000;
/** So much of a CA's list is asked for at a time; each piece that was compared need not be again. */
const pieceMs = 24 * hourMs;

/** Holds what a CA says it issued against what stands here, from where the last comparison ended to what can be settled by now. */
export async function compareWithCa(due: DueComparison, deps: CompareDeps, stopping?: AbortSignal): Promise<void> {
  const { unknownCertificates: store, log } = deps;
  let until = due.comparedUntil;
  try {
    const comparable = await deps.comparable(due.connectorId);
    const issuers = comparable?.issuers ?? [];
    const end = new Date(due.now.getTime() - Math.max(settleMs, ...issuers.map(({ timing }) => 2 * (timing.timeoutMs + timing.maxProcessingMs))));
    while (until < end && stopping?.aborted !== true) {
      const to = new Date(Math.min(end.getTime(), until.getTime() + pieceMs));
      if (comparable !== undefined && comparable.action !== 'ignore') await comparePiece(due, { from: until, to }, comparable, deps);
      until = to;
    }
    await store.compared(due, until, hourMs, null);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn({ connectorId: due.connectorId, reason }, "the certificates of a CA could not be compared with this database's");
    await store.compared(due, until, hourMs, reason);
  }
}

async function comparePiece(due: DueComparison, { from, to }: { readonly from: Date; readonly to: Date }, comparable: Comparable, deps: CompareDeps) {
  const since = new Date(from.getTime() - overlapMs);
  for (const issuer of comparable.issuers) {
    if (issuer.issued === undefined) continue;
    for await (const page of issuer.issued(since, to, due.tenantId)) await comparePage(due, page, comparable.action, deps);
  }
}

async function comparePage(due: DueComparison, page: readonly ListedCertificate[], action: UnknownAction, { unknownCertificates: store, log }: CompareDeps) {
  const listed = page.flatMap(({ certificate, isOurs }) => {
    const parsed = parseCertificate(certificate);
    return parsed.ok ? [{ record: certificateRecord(certificate), publicKey: parsed.value.publicKey.spki, isOurs }] : [];
  });
  const unknown = await store.unknown(context, due.connectorId, listed);
  const found = listed
    .filter(({ record }) => unknown.has(record.id) && record.notAfter > due.now)
    .map((item) => ({ ...item, state: action === 'revoke' && item.isOurs ? ('REVOKE_WANTED' as const) : ('FOUND' as const) }));
  if (found.length === 0) return;
  const added = await store.add(tenantContext(due.tenantId, context.actor), due.connectorId, found);
  if (added > 0) log.warn({ connectorId: due.connectorId, certificates: added }, 'a CA issued certificates that this database does not know');
}

/** Revokes what is to be revoked, at its CA. */
export async function revokeUnknown({ unknownCertificates: store, comparable }: CompareDeps, leaseMs: number): Promise<void> {
  for (const wanted of await store.claimRevocations(context, 16, leaseMs)) {
    const [issuer] = (await comparable(wanted.connectorId))?.issuers ?? [];
    const revoked = issuer === undefined ? undefined : await issuer.revoke(wanted.certificate, superseded);
    const error = revoked === undefined ? 'The connector is gone or inactive.' : revoked.ok ? null : revoked.error;
    await store.revoked(tenantContext(wanted.tenantId, context.actor), wanted, error);
  }
}

/** CRLReason (RFC 5280 section 5.3.1). */
const superseded = 4;
