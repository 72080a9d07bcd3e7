import type { ListedCertificate } from '../../enrolment/ports.js';
import { fromPem } from '../../pkix/index.js';
import { faultText, problemOf } from './answers.js';
import type { Authorities } from './authorities.js';
import type { Call } from './remote.js';
import { certificateList, readJson } from './wire.js';

/**
 * Every certificate that the engine issued to this client in a span of time. A client id belongs to one installation, so what it ordered is
 * ours. Nothing where the engine has no such call; throws when it cannot be asked.
 */
export async function* listIssued(call: Call, authorities: Authorities, from: Date, to: Date): AsyncGenerator<readonly ListedCertificate[]> {
  const place = await authorities.find();
  if (!place.ok) throw new Error(place.error);
  let cursor: string | null = null;
  do {
    const query: URLSearchParams = new URLSearchParams({ issuedAfter: from.toISOString(), issuedBefore: to.toISOString(), ...(cursor !== null && { cursor }) });
    const answer = await call({ method: 'GET', path: `/v1/cas/${encodeURIComponent(place.value.caId)}/certificates?${query}` });
    if (answer.kind !== 'answered') throw new Error(answer.reason);
    if (answer.status === 404 || answer.status === 405 || answer.status === 501) return;
    const page = answer.status === 200 ? readJson(certificateList, answer.body) : undefined;
    if (page === undefined) throw new Error(faultText(answer.status, problemOf(answer)));
    yield page.items.flatMap(({ certificate }) => fromPem('CERTIFICATE', certificate).slice(0, 1)).map((certificate) => ({ certificate, isOurs: true }));
    cursor = page.items.length === 0 ? null : (page.nextCursor ?? null);
  } while (cursor !== null);
}
