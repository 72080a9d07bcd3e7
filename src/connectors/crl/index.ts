import type { RevocationLists } from '../../enrolment/ports.js';
import { type CertificateList, fromPem, parseCrlInTurns, prepareRevocations } from '../../pkix/index.js';
import type { Clock } from '../../runtime/clock.js';
import type { Log } from '../../runtime/log.js';
import { gauge } from '../../runtime/metrics.js';
import type { AddressGuard } from '../address-guard.js';
import { maxCrlBytes } from '../crl-bounds.js';
import { createOutbound, type Outbound } from '../outbound.js';

const fetchMs = 5_000;
/** A list is fetched again after this, or when its nextUpdate has come; a failure is remembered for a minute. */
const keptMs = 3_600_000;
const failureKeptMs = 60_000;
const maxLists = 200;

export interface RevocationListDeps {
  readonly guard: AddressGuard;
  readonly clock: Clock;
  readonly log: Log;
}

interface Kept {
  readonly list: CertificateList | undefined;
  /** When it is fetched again. */
  readonly until: number;
}

/**
 * CRLs from the URLs that profiles name, and from nowhere else: what certificates say of distribution points is never followed.
 * One fetch at a time for each URL; an old list stays in use while a newer one cannot be had, and expires by its own nextUpdate.
 */
export function createRevocationLists(deps: RevocationListDeps): RevocationLists {
  const kept = new Map<string, Kept>();
  const underway = new Map<string, Promise<CertificateList | undefined>>();
  const outbound = createOutbound({ guard: deps.guard, concurrency: 4, maxAnswerBytes: maxCrlBytes });

  async function refresh(url: string): Promise<CertificateList | undefined> {
    const now = deps.clock.now().getTime();
    const list = await fetchList(url, outbound, deps);
    const old = kept.get(url)?.list;
    const nextUpdate = list?.nextUpdate?.getTime() ?? Number.POSITIVE_INFINITY;
    const until = list === undefined ? now + failureKeptMs : Math.max(now + failureKeptMs, Math.min(now + keptMs, nextUpdate));
    kept.delete(url);
    kept.set(url, { list: list ?? old, until });
    noteNextUpdate(kept);
    if (kept.size > maxLists) kept.delete(kept.keys().next().value as string);
    return list ?? old;
  }

  function listAt(url: string): Promise<CertificateList | undefined> {
    const known = kept.get(url);
    if (known !== undefined && known.until > deps.clock.now().getTime()) return Promise.resolve(known.list);
    const running = underway.get(url) ?? refresh(url).finally(() => underway.delete(url));
    underway.set(url, running);
    return running;
  }

  return {
    async listsAt(urls) {
      const lists = await Promise.all(urls.map(listAt));
      return lists.filter((list) => list !== undefined);
    },
  };
}

const nextUpdates = gauge('gatehouse_crl_next_update_timestamp_seconds', 'When the first of the CRLs in use is over; absent where none is', 'min');

function noteNextUpdate(kept: ReadonlyMap<string, Kept>): void {
  const times = [...kept.values()].flatMap(({ list }) => list?.nextUpdate?.getTime() ?? []);
  if (times.length > 0) nextUpdates({}).set(Math.min(...times) / 1000);
}

async function fetchList(url: string, outbound: Outbound, { log }: RevocationListDeps): Promise<CertificateList | undefined> {
  try {
    const answer = await outbound.send({ method: 'GET', url, headers: { accept: 'application/pkix-crl' } }, AbortSignal.timeout(fetchMs));
    if (answer.kind !== 'answered') throw new Error(answer.reason);
    if (answer.status !== 200) throw new Error(`The server answered ${answer.status}.`);
    const parsed = await parseCrlInTurns(derOf(answer.body));
    if (!parsed.ok) throw parsed.error;
    await prepareRevocations(parsed.value);
    return parsed.value;
  } catch (error) {
    log.warn({ err: error, url }, 'A CRL could not be fetched.');
    return undefined;
  }
}

function derOf(body: Buffer): Buffer {
  return body[0] === 0x2d ? (fromPem('X509 CRL', body.toString('latin1'))[0] ?? body) : body;
}
