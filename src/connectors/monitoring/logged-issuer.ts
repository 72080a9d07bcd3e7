import type { Issuer, IssuerAnswer, ListedCertificate, LookupAnswer } from '../../enrolment/ports.js';
import { parseCertificate, serialHex } from '../../pkix/index.js';
import type { CallResult } from '../../tenancy/connector-call.js';
import type { CallMeaning, Recorder } from './recorder.js';

const results = {
  issued: 'ok',
  found: 'ok',
  none: 'ok',
  pending: 'ok',
  refused: 'refused',
  notSent: 'failed',
  uncertain: 'failed',
  unknown: 'failed',
} as const satisfies Record<(IssuerAnswer | LookupAnswer)['kind'], CallResult>;

/** The same issuer, with every call in the connector's log. What the embedded engine signs in this process is not logged: each order tells it. */
export function logged(issuer: Issuer, record: Recorder): Issuer {
  if (issuer.local !== undefined) return issuer;
  const { crl, crlOf, issued } = issuer;
  return {
    ...issuer,
    issue: (ref, ...more) => record({ operation: 'issue', ...about(ref) }, () => issuer.issue(ref, ...more), meaningOf),
    lookup: (ref, ...more) => record({ operation: 'lookup', ...about(ref) }, () => issuer.lookup(ref, ...more), meaningOf),
    revoke: (certificate, reason) =>
      record(
        { operation: 'revoke', requestId: serialOf(certificate) },
        () => issuer.revoke(certificate, reason),
        (done): CallMeaning => {
          return done.ok ? { outcome: 'revoked', result: 'ok', detail: `reason ${reason}` } : { outcome: 'notRevoked', result: 'failed', detail: done.error };
        },
      ),
    chain: (age) => record({ operation: 'chain', requestId: '', only: 'sent' }, () => issuer.chain(age), answered),
    ...(crl !== undefined && { crl: () => record({ operation: 'crl', requestId: '', only: 'sent' }, () => crl.call(issuer), answered) }),
    ...(crlOf !== undefined && {
      crlOf: (authority: Buffer) => record({ operation: 'crl', requestId: '', only: 'sent' }, () => crlOf.call(issuer, authority), answered),
    }),
    ...(issued !== undefined && { issued: (from, to, tenantId) => recordedPages(issued.call(issuer, from, to, tenantId), spanOf(from, to), record) }),
  };
}

type Page = readonly ListedCertificate[];

/** Each page is a call of its own; the end of the list, for which nothing is asked, is none. */
async function* recordedPages(pages: AsyncIterable<Page>, requestId: string, record: Recorder): AsyncGenerator<Page> {
  const iterator = pages[Symbol.asyncIterator]();
  try {
    for (;;) {
      const page = await record({ operation: 'list', requestId, only: 'sent' }, () => iterator.next(), listed);
      if (page.done === true) return;
      yield page.value;
    }
  } finally {
    await iterator.return?.();
  }
}

function listed(page: IteratorResult<Page>): CallMeaning {
  return { outcome: 'answered', result: 'ok', ...(page.done !== true && { detail: `${page.value.length} certificates of ours` }) };
}

const spanOf = (from: Date, to: Date): string => `${from.toISOString()}/${to.toISOString()}`;

function meaningOf(answer: IssuerAnswer | LookupAnswer): CallMeaning {
  const result = results[answer.kind];
  if (answer.kind === 'pending') return { outcome: 'pending', result, detail: `the CA's reference: ${answer.reference}` };
  return { outcome: answer.kind, result, ...('reason' in answer && { detail: answer.reason }) };
}

const answered = (): CallMeaning => ({ outcome: 'answered', result: 'ok' });

const orderRef = /^[0-9a-f-]{36}-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/i;

/** A ref is `<tenantId>-<orderId>`, or names something else than an order. */
function about(ref: string): { readonly requestId: string; readonly orderId: string | null } {
  return { requestId: ref, orderId: orderRef.exec(ref)?.[1] ?? null };
}

function serialOf(certificate: Buffer): string {
  const parsed = parseCertificate(certificate);
  return parsed.ok ? serialHex(parsed.value.serial) : '';
}
