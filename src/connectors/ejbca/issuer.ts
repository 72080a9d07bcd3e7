import type { Issuer } from '../../enrolment/ports.js';
import { type Clock, systemClock } from '../../runtime/clock.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { Secret } from '../../runtime/secret.js';
import { type ClientIdentity, identityOf } from '../../tenancy/client-identity.js';
import type { EjbcaConfig } from '../../tenancy/ejbca-config.js';
import type { AddressGuard } from '../address-guard.js';
import { faultyConfiguration, type TestReport } from '../test-steps.js';
import { type Authority, createAuthority } from './authority.js';
import { serviceUrls } from './base-url.js';
import { type Choice, ejbcaChoices } from './choices.js';
import { createEjbcaClient, type EjbcaClient } from './client.js';
import { type EnrolPlace, isByPkcs10 } from './enrol.js';
import { type IssueDeps, issue, lookup } from './issue.js';
import { createLanes } from './lanes.js';
import { listIssued } from './listing.js';
import { createReach } from './reach.js';
import { revoke } from './revoke.js';
import { createSearch, faultOfOutcome, isNotServed, type Search } from './search.js';
import { operation } from './soap.js';
import { testEjbca } from './test-connection.js';
import { createWitness } from './witness.js';

export interface EjbcaDeps {
  readonly clock?: Clock;
  /** Which addresses may be spoken to; every one when absent. */
  readonly guard?: AddressGuard;
}

/** As a connector keeps them: `pfx` holds certificate and key as PEM. */
export type EjbcaSecrets = Readonly<Record<string, { readonly value: Secret }>>;

/** What is wrong with a configuration, in words; `createEjbcaIssuer` throws the same words. */
export function checkEjbcaConfig({ connectorUrl, caUrl }: Pick<EjbcaConfig, 'connectorUrl' | 'caUrl'>): Result<true, string> {
  const urls = serviceUrls(connectorUrl, caUrl);
  return urls.ok ? ok(true) : urls;
}

/** The `Issuer` of an `ejbca` connector. Throws on a configuration that `checkEjbcaConfig` refuses. */
export function createEjbcaIssuer(config: EjbcaConfig, secrets: EjbcaSecrets, deps: EjbcaDeps): Issuer {
  const { timeoutMs, maxProcessingMs, concurrency } = config;
  const { client, search, authority, place } = partsOf(config, secrets, deps);
  const witness = createWitness(search);
  const issuing: IssueDeps = {
    client,
    search,
    lanes: createLanes(),
    place,
    rule: config,
    timeoutMs,
    noteIssued({ certificate, chain }, username) {
      authority.note(chain);
      witness.note(certificate, username);
    },
    isSearchProven: (deadline) => witness.isShown(deadline),
  };
  const webService = createWebServiceProbe(client, timeoutMs);
  return {
    timing: { timeoutMs, maxProcessingMs, concurrency },
    capabilities: { lookup: true, uniqueRef: false, ordersNames: true },
    accepts: async (request) => (isByPkcs10(request) ? ok(true) : webService()),
    issue: (ref, request) => issue(ref, request, issuing),
    lookup: (ref, publicKey, _reference, request) => lookup(ref, publicKey, request, issuing),
    async revoke(certificate, reason) {
      const revoked = await revoke(certificate, reason, client, search, AbortSignal.timeout(timeoutMs));
      if (revoked.ok) authority.noteRevocation();
      return revoked;
    },
    chain: (age) => authority.chain(age),
    crl: () => authority.crl(),
    crlOf: (name) => authority.crlOf(name),
    issued: (from, to, tenantId) => listIssued({ search, caName: place.caName, rule: config, timeoutMs }, from, to, tenantId),
  };
}

/** Tries a configuration, saved or not, without changing anything at the CA. Each step has the time of one call, all together what `whole` gives. */
export async function testEjbcaConnector(config: EjbcaConfig, secrets: EjbcaSecrets, deps: EjbcaDeps, whole?: AbortSignal): Promise<TestReport> {
  const checked = checkEjbcaConfig(config);
  if (!checked.ok) return faultyConfiguration(checked.error);
  const parts = partsOf(config, secrets, deps);
  const { trustedCa, serverName, timeoutMs } = config;
  const reach = createReach({ url: new URL(config.connectorUrl), guard: parts.guard, trustedCa, serverName, identity: parts.identity });
  return testEjbca({ ...parts, reach, clock: deps.clock ?? systemClock }, { stepMs: timeoutMs, whole });
}

/** What the settings that name something in EJBCA may be. */
export async function listEjbcaChoices(config: EjbcaConfig, secrets: EjbcaSecrets, deps: EjbcaDeps): Promise<readonly Choice[]> {
  const { client } = partsOf(config, secrets, deps);
  return ejbcaChoices(client, config.endEntityProfile, AbortSignal.timeout(config.timeoutMs));
}

interface Parts {
  readonly client: EjbcaClient;
  readonly search: Search;
  readonly authority: Authority;
  readonly identity: ClientIdentity | undefined;
  readonly place: EnrolPlace;
  readonly guard: AddressGuard;
}

function partsOf(config: EjbcaConfig, secrets: EjbcaSecrets, deps: EjbcaDeps): Parts {
  const { connectorUrl, caUrl, trustedCa, serverName, concurrency, caName, endEntityProfile, certificateProfile, timeoutMs } = config;
  const urls = serviceUrls(connectorUrl, caUrl);
  if (!urls.ok) throw new Error(urls.error);
  const identity = identityOf(secrets.pfx?.value);
  const guard = deps.guard ?? (() => true);
  const client = createEjbcaClient({ urls: urls.value, identity, trustedCa, serverName, concurrency, guard });
  const search = createSearch(client);
  const authority = createAuthority(client, search, caName, timeoutMs);
  return { client, search, authority, identity, guard, place: { caName, endEntityProfile, certificateProfile } };
}

const probeKeptMs = 60_000;

/** Whether the web service is there. One that cannot be asked now is given the benefit of the doubt: the order then waits. */
function createWebServiceProbe(client: EjbcaClient, timeoutMs: number): () => Promise<Result<true, string>> {
  let kept: { readonly result: Result<true, string>; readonly until: number } | undefined;
  return async () => {
    if (kept !== undefined && performance.now() < kept.until) return kept.result;
    const answer = await client.soap('getEjbcaVersion', operation('getEjbcaVersion'), AbortSignal.timeout(timeoutMs));
    const isThere = answer.kind === 'answered' && answer.status === 200;
    const fault = isThere ? undefined : faultOfOutcome(answer);
    const isOff = fault !== undefined && isNotServed(fault);
    const result = isOff
      ? fail(`EJBCA takes a request without a PKCS#10 only by its web service, which is off: enable "Web Services". ${fault.reason}`)
      : ok(true as const);
    kept = { result, until: performance.now() + probeKeptMs };
    return result;
  };
}
