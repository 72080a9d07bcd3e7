import type { Engine } from '../../crypto-engine/ports.js';
import type { Issuer } from '../../enrolment/ports.js';
import { type Clock, systemClock } from '../../runtime/clock.js';
import type { Log } from '../../runtime/log.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { Secret } from '../../runtime/secret.js';
import type { CryptoEngineConfig } from '../../tenancy/connector.js';
import type { AddressGuard } from '../address-guard.js';
import { faultyConfiguration, runSteps, type TestReport } from '../test-steps.js';
import { listOf } from './authorities.js';
import { type Choice, choicesIn } from './choices.js';
import { createEmbeddedIssuer } from './embedded.js';
import { createHttpClient, type HttpClient } from './http.js';
import { createRemoteIssuer } from './remote.js';
import { createSession } from './session.js';
import { testRemoteEngine } from './test-connection.js';
import { createTokenSource, type TokenSource } from './token.js';

export const embeddedUrl = 'embedded:';

export interface CryptoEngineDeps {
  /** Needed for `embedded:`. */
  readonly engine?: Engine;
  readonly log: Log;
  readonly clock?: Clock;
  /** Which addresses may be spoken to; every one when absent. */
  readonly guard?: AddressGuard;
}

/** As a connector keeps them. */
export type CryptoEngineSecrets = Readonly<Record<string, { readonly value: Secret }>>;

/** What is wrong with a configuration, in words an administrator can act on. For the moment of saving; `createCryptoEngineIssuer` throws the same words. */
export function checkCryptoEngineConfig(config: CryptoEngineConfig): Result<true, string> {
  if (config.dialect !== 'crypto-engine-v1') return fail(`This connector speaks "crypto-engine-v1", not "${config.dialect}".`);
  if (config.url === embeddedUrl) {
    const isKnown = config.caId === undefined || config.caId === 'issuing';
    return isKnown ? ok(true) : fail(`The embedded engine has no issuing CA "${config.caId}"; leave caId empty.`);
  }
  const checked = checkUrl(config.url);
  return checked.ok && config.tokenUrl !== undefined ? checkUrl(config.tokenUrl) : checked;
}

function checkUrl(text: string): Result<true, string> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return fail('The URL cannot be read; it looks like https://engine.example/base.');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return fail('The URL must begin with https:// or http://, or be "embedded:".');
  if (url.username !== '' || url.password !== '') return fail('The URL must not hold a user name or password; use client id and secret.');
  return url.search === '' && url.hash === '' ? ok(true) : fail('The URL must end with its path, without ? or #.');
}

/** The `Issuer` of a `crypto-engine` connector. Throws on a configuration that `checkCryptoEngineConfig` refuses. */
export function createCryptoEngineIssuer(config: CryptoEngineConfig, secrets: CryptoEngineSecrets, deps: CryptoEngineDeps): Issuer {
  const checked = checkCryptoEngineConfig(config);
  if (!checked.ok) throw new Error(checked.error);
  const { timeoutMs, maxProcessingMs, concurrency, caId, profileId } = config;
  const timing = { timeoutMs, maxProcessingMs, concurrency };
  if (config.url === embeddedUrl) return createEmbeddedIssuer(engineOf(deps), timing, deps.log);
  const { http, tokens } = clientOf(config, secrets, deps);
  return createRemoteIssuer(createSession(http, tokens), { caId, profileId, timing }, deps.clock ?? systemClock, deps.log);
}

/** Tries a configuration, saved or not, without asking for a certificate. Each step has the time of one call, all together what `whole` gives. */
export async function testCryptoEngine(
  config: CryptoEngineConfig,
  secrets: CryptoEngineSecrets,
  deps: CryptoEngineDeps,
  whole?: AbortSignal,
): Promise<TestReport> {
  const checked = checkCryptoEngineConfig(config);
  if (!checked.ok) return faultyConfiguration(checked.error);
  const { caId, profileId, timeoutMs: stepMs } = config;
  if (config.url === embeddedUrl) return runSteps([['engine', async () => `${engineOf(deps).chain().length} certificates in the chain`]], { stepMs, whole });
  return testRemoteEngine({ ...clientOf(config, secrets, deps), caId, profileId }, { stepMs, whole });
}

function engineOf(deps: CryptoEngineDeps): Engine {
  if (deps.engine === undefined) throw new Error('The embedded engine does not run in this process.');
  return deps.engine;
}

function clientOf(config: CryptoEngineConfig, secrets: CryptoEngineSecrets, deps: CryptoEngineDeps) {
  const { url, trustedCa, concurrency, clientId, tokenUrl } = config;
  const settings = { trustedCa, concurrency, guard: deps.guard ?? (() => true) };
  const http = createHttpClient({ url, ...settings });
  return {
    http,
    tokens: clientId === '' ? undefined : tokensOf(config, secrets, tokenUrl === undefined ? http : createHttpClient({ url: tokenUrl, ...settings })),
  };
}

function tokensOf({ clientId, tokenUrl, scope, audience, clientAuth }: CryptoEngineConfig, secrets: CryptoEngineSecrets, http: HttpClient): TokenSource {
  const settings = { scope, audience, clientAuth, ...(tokenUrl !== undefined && { path: '' }) };
  return createTokenSource(http, clientId, secrets.clientSecret?.value ?? new Secret(''), settings);
}

/** What the settings that name something in the engine may be. The embedded engine has one issuing CA, and policies in the place of profiles. */
export async function listCryptoEngineChoices(
  config: CryptoEngineConfig,
  secrets: CryptoEngineSecrets,
  deps: CryptoEngineDeps,
  deadline: AbortSignal,
): Promise<readonly Choice[]> {
  const checked = checkCryptoEngineConfig(config);
  if (!checked.ok) throw new Error(checked.error);
  if (config.url === embeddedUrl) return [{ field: 'caId', values: ['issuing'] }];
  const { http, tokens } = clientOf(config, secrets, deps);
  const listed = listOf(await createSession(http, tokens)({ method: 'GET', path: '/v1/cas' }, deadline));
  return choicesIn(listed, config.caId);
}
