import type { Engine } from '../../crypto-engine/ports.js';
import type { Issuer } from '../../enrolment/ports.js';
import type { Log } from '../../runtime/log.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { Connector, CryptoEngineConfig } from '../../tenancy/connector.js';
import { createEmbeddedIssuer } from './embedded.js';

export const embeddedUrl = 'embedded:';

export interface CryptoEngineDeps {
  /** Needed for `embedded:`. */
  readonly engine?: Engine;
  readonly log: Log;
}

/** What is wrong with a configuration, in words an administrator can act on. For the moment of saving; `createCryptoEngineIssuer` throws the same words. */
export function checkCryptoEngineConfig(config: CryptoEngineConfig): Result<true, string> {
  if (config.dialect === 'vault') return fail('The dialect "vault" is not served yet; choose "crypto-engine-v1".');
  if (config.url === embeddedUrl) {
    const isKnown = config.caId === undefined || config.caId === 'issuing';
    return isKnown ? ok(true) : fail(`The embedded engine has no issuing CA "${config.caId}"; leave caId empty.`);
  }
  return fail('Only "embedded:" is served.');
}

/** The `Issuer` of a `crypto-engine` connector. Throws on a configuration that `checkCryptoEngineConfig` refuses. */
export function createCryptoEngineIssuer(config: CryptoEngineConfig, _secrets: Connector['secrets'], deps: CryptoEngineDeps): Issuer {
  const checked = checkCryptoEngineConfig(config);
  if (!checked.ok) throw new Error(checked.error);
  const { timeoutMs, maxProcessingMs, concurrency } = config;
  if (deps.engine === undefined) throw new Error('The embedded engine does not run in this process.');
  return createEmbeddedIssuer(deps.engine, { timeoutMs, maxProcessingMs, concurrency }, deps.log);
}
