import { fail, ok, type Result } from '../../runtime/result.js';
import { faultText, problemOf } from './answers.js';
import type { HttpOutcome, HttpRequest } from './http.js';
import { type Authority, authorityList, readJson } from './wire.js';

export interface Place {
  readonly caId: string;
  /** Absent when the CA offers no profiles. */
  readonly profileId: string | undefined;
}

export interface Authorities {
  /** Where to ask for certificates, or in words why nowhere. */
  find(deadline?: AbortSignal): Promise<Result<Place, string>>;
}

const keptMs = 300_000;

/** CA and profile as configured; what is left open is taken from the engine's list: the first active CA, its first profile. */
export function createAuthorities(
  call: (request: HttpRequest, deadline?: AbortSignal) => Promise<HttpOutcome>,
  settings: { readonly caId?: string | undefined; readonly profileId?: string | undefined },
): Authorities {
  const { caId, profileId } = settings;
  let kept: { readonly place: Place; readonly until: number } | undefined;
  return {
    async find(deadline) {
      if (caId !== undefined && profileId !== undefined) return ok({ caId, profileId });
      if (kept !== undefined && performance.now() < kept.until) return ok(kept.place);
      const listed = listOf(await call({ method: 'GET', path: '/v1/cas' }, deadline));
      if (!listed.ok) return listed;
      const place = choose(listed.value, caId, profileId);
      if (place.ok) kept = { place: place.value, until: performance.now() + keptMs };
      return place;
    },
  };
}

export function listOf(answer: HttpOutcome): Result<readonly Authority[], string> {
  if (answer.kind !== 'answered') return fail(answer.reason);
  const list = answer.status === 200 ? readJson(authorityList, answer.body) : undefined;
  return list === undefined ? fail(faultText(answer.status, problemOf(answer))) : ok(list.items);
}

/** The configured CA and profile as they stand in the engine's list. */
export function choose(list: readonly Authority[], caId: string | undefined, profileId: string | undefined): Result<Place, string> {
  const ca = caId === undefined ? list.find((item) => item.status === 'ACTIVE') : list.find((item) => item.id === caId);
  if (ca === undefined)
    return fail(caId === undefined ? 'The Crypto Engine shows this client no active CA.' : `The Crypto Engine shows this client no CA "${caId}".`);
  if (ca.status !== 'ACTIVE') return fail(`The CA "${ca.id}" is ${ca.status}.`);
  if (profileId === undefined) return ok({ caId: ca.id, profileId: ca.profiles[0]?.id });
  const isOffered = ca.profiles.length === 0 || ca.profiles.some((item) => item.id === profileId);
  return isOffered ? ok({ caId: ca.id, profileId }) : fail(`The CA "${ca.id}" offers no profile "${profileId}".`);
}
