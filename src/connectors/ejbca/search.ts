import { parseCertificate, serialHex } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { EjbcaClient, EjbcaOutcome } from './client.js';
import { type EjbcaFault, faultIn, faultWithout } from './faults.js';
import { elements, operation, textOf } from './soap.js';
import { certificateIn, oldSearchAnswer, readJson, searchAnswer } from './wire.js';

/** A certificate in EJBCA's database. */
export interface Found {
  readonly der: Buffer;
  readonly username?: string;
  /** As EJBCA writes it. */
  readonly issuerDn?: string;
  readonly isRevoked?: boolean;
  /** CRLReason number of a revoked one. */
  readonly revocationReason?: number;
  /** When its record was last changed, in milliseconds. */
  readonly changedAt?: number;
}

export interface Search {
  /** Every certificate of an end entity, or those issued after a time. Compares nothing else. */
  byUsername(username: string, after: Date | undefined, deadline: AbortSignal): Promise<Result<readonly Found[], EjbcaFault>>;
  /** What EJBCA knows of a certificate; undefined where it does not know it. */
  byCertificate(certificate: Buffer, deadline: AbortSignal): Promise<Result<Found | undefined, EjbcaFault>>;
  /** What a CA issued between two moments, a page of them from 1 on, and whether more follow. */
  byTime(caName: string, from: Date, to: Date, page: number, deadline: AbortSignal): Promise<Result<FoundPage, EjbcaFault>>;
  /** Any certificate that this CA issued; undefined where there is none yet. */
  anyOf(caName: string, deadline: AbortSignal): Promise<Result<Found | undefined, EjbcaFault>>;
}

export interface FoundPage {
  readonly found: readonly Found[];
  readonly hasMore: boolean;
}

interface Criterion {
  readonly property: string;
  readonly value: string;
  readonly operation: 'EQUAL' | 'AFTER' | 'BEFORE';
}

const mostHits = 100;
const mostOldHits = 400;
const revokedStatus = 40;

/** Version 2 of the REST search; where it is not served, version 1; where that is not either, the web service. */
export function createSearch(client: EjbcaClient): Search {
  async function rest(criteria: readonly Criterion[], deadline: AbortSignal): Promise<Result<readonly Found[], EjbcaFault>> {
    const page = await restPage(criteria, 1, deadline);
    return page.ok ? ok(page.value.found) : page;
  }

  async function restPage(criteria: readonly Criterion[], page: number, deadline: AbortSignal): Promise<Result<FoundPage, EjbcaFault>> {
    const body = { pagination: { page_size: mostHits, current_page: page }, criteria };
    const answer = await client.rest({ method: 'POST', path: 'v2/certificate/search', body }, deadline);
    const found = answer.kind === 'answered' && answer.status === 200 ? readJson(searchAnswer, answer.body) : undefined;
    const hits = found?.certificates ?? [];
    if (found !== undefined) return ok({ found: hits.flatMap(hitOf), hasMore: hits.length === mostHits });
    const fault = faultOfOutcome(answer);
    return isNotServed(fault) ? older(criteria, deadline) : fail(fault);
  }

  /** Has no pages. */
  async function older(criteria: readonly Criterion[], deadline: AbortSignal): Promise<Result<FoundPage, EjbcaFault>> {
    const answer = await client.rest({ method: 'POST', path: 'v1/certificate/search', body: { max_number_of_results: mostOldHits, criteria } }, deadline);
    const found = answer.kind === 'answered' && answer.status === 200 ? readJson(oldSearchAnswer, answer.body) : undefined;
    if (found === undefined) return fail(faultOfOutcome(answer));
    return ok({ found: found.certificates.flatMap((item) => asFound(certificateIn(item.certificate))), hasMore: found.more_results === true });
  }

  async function byWebService(username: string, deadline: AbortSignal): Promise<Result<readonly Found[], EjbcaFault>> {
    const answer = await client.soap('findCerts', operation('findCerts', username, 'false'), deadline);
    const isGood = answer.kind === 'answered' && answer.status === 200 && answer.body.includes('findCertsResponse');
    if (!isGood) return fail(faultOfOutcome(answer));
    const items = elements(answer.body.toString('utf8'), 'return');
    return ok(items.flatMap((item) => asFound(certificateIn(textOf(item, 'certificateData') ?? ''))));
  }

  return {
    async byUsername(username, after, deadline) {
      const since: Criterion[] = after === undefined ? [] : [{ property: 'ISSUED_DATE', value: timeText(after), operation: 'AFTER' }];
      const found = await rest([{ property: 'QUERY', value: username, operation: 'EQUAL' }, ...since], deadline);
      if (found.ok) return ok(found.value.filter((item) => item.username === undefined || item.username === username));
      return isNotServed(found.error) ? byWebService(username, deadline) : found;
    },
    async byCertificate(certificate, deadline) {
      const parsed = parseCertificate(certificate);
      if (!parsed.ok) return ok(undefined);
      const found = await rest([{ property: 'QUERY', value: serialHex(parsed.value.serial), operation: 'EQUAL' }], deadline);
      return found.ok ? ok(found.value.find(({ der }) => der.equals(certificate))) : found;
    },
    byTime: (caName, from, to, page, deadline) => {
      const criteria: readonly Criterion[] = [
        { property: 'CA', value: caName, operation: 'EQUAL' },
        { property: 'ISSUED_DATE', value: timeText(from), operation: 'AFTER' },
        { property: 'ISSUED_DATE', value: timeText(to), operation: 'BEFORE' },
      ];
      return restPage(criteria, page, deadline);
    },
    async anyOf(caName, deadline) {
      const found = await rest([{ property: 'CA', value: caName, operation: 'EQUAL' }], deadline);
      return found.ok ? ok(found.value[0]) : found;
    },
  };
}

export function faultOfOutcome(outcome: EjbcaOutcome): EjbcaFault {
  return outcome.kind === 'answered' ? faultIn(outcome) : faultWithout(outcome);
}

/** The call itself is not there, whatever is asked for. */
export function isNotServed({ code }: EjbcaFault): boolean {
  return code === 'rest-disabled' || code === 'unsupported-by-ca';
}

const asFound = (der: Buffer | undefined): Found[] => (der === undefined ? [] : [{ der }]);

type Hit = NonNullable<NonNullable<(typeof searchAnswer)['_zod']['output']['certificates']>>[number];

function hitOf({ base64Cert, username, issuerDN, status, revocationReason, udpateTime }: Hit): Found[] {
  const der = certificateIn(base64Cert ?? '');
  if (der === undefined) return [];
  const reason = typeof revocationReason === 'number' && revocationReason >= 0 ? { revocationReason } : {};
  const names = { ...(typeof username === 'string' && { username }), ...(typeof issuerDN === 'string' && { issuerDn: issuerDN }) };
  const changed = typeof udpateTime === 'number' ? { changedAt: udpateTime } : {};
  return [{ der, ...names, isRevoked: status === revokedStatus, ...reason, ...changed }];
}

/** ISO 8601 in UTC without fractions, as every version of the API reads it. */
function timeText(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}
