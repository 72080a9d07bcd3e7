import type { CertificateRequest, Issuer } from '../../enrolment/ports.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { Secret } from '../../runtime/secret.js';
import type { CryptoEngineConfig } from '../../tenancy/connector.js';
import type { AddressGuard } from '../address-guard.js';
import { faultAnswer } from '../fault-answer.js';
import { timeOfRef } from '../order-ref.js';
import { faultyConfiguration, type TestReport } from '../test-steps.js';
import { type Authority, createAuthority } from './authority.js';
import { type Choice, vaultChoices } from './choices.js';
import { createVaultClient, type VaultClient } from './client.js';
import { type SignPlace, sign } from './issue.js';
import { createCertificateList } from './lookup.js';
import { checkNames, checkSubject } from './names.js';
import { isVaultPath, readPlace } from './place.js';
import { revoke } from './revoke.js';
import { createRoleReader, type RoleReader } from './role.js';
import { testVaultEngine } from './test-connection.js';

export interface VaultDeps {
  /** Which addresses may be spoken to; every one when absent. */
  readonly guard?: AddressGuard;
  /** What the life of tokens is measured by; the process's own clock when absent. */
  readonly monotonicMs?: () => number;
}

/** As a connector keeps them: `clientSecret` is the secret_id. */
export type VaultSecrets = Readonly<Record<string, { readonly value: Secret }>>;

/** What is wrong with a configuration, in words an administrator can act on; `createVaultIssuer` throws the same words. */
export function checkVaultConfig({ url, clientId, authPath, caId, profileId }: CryptoEngineConfig): Result<true, string> {
  const place = readPlace(url);
  if (!place.ok) return place;
  if (clientId === '') return fail('Vault wants a client id (role_id) and a client secret (secret_id).');
  const texts = { authPath, caId, profileId };
  const wrong = Object.entries(texts).find(([, text]) => text !== undefined && !isVaultPath(text));
  return wrong === undefined ? ok(true) : fail(`${wrong[0]} "${wrong[1]}" is no name of Vault's: letters, digits, dots, dashes and underscores.`);
}

/** The `Issuer` of a PKI secrets engine of OpenBao or HashiCorp Vault. Throws on a configuration that `checkVaultConfig` refuses. */
export function createVaultIssuer(config: CryptoEngineConfig, secrets: VaultSecrets, deps: VaultDeps): Issuer {
  const { client, authority, roles, place, timing } = partsOf(config, secrets, deps);
  const deadline = () => AbortSignal.timeout(timing.timeoutMs);
  const list = config.searchCertificates === true ? createCertificateList(client) : undefined;
  return {
    timing,
    capabilities: { lookup: list !== undefined, uniqueRef: false, ordersNames: true },
    accepts: (request) => accepts(request, place, roles),
    async issue(_ref, request) {
      if (place === undefined) return { kind: 'notSent', reason: noRole };
      const named = checkNames(request);
      if (!named.ok) return { kind: 'refused', reason: named.error };
      const signed = await sign(client, place, request, deadline());
      if (!signed.ok) return faultAnswer(signed.error);
      authority.note(signed.value.chain);
      return { kind: 'issued', certificate: signed.value.certificate };
    },
    async lookup(ref, publicKey) {
      if (list === undefined) return { kind: 'unknown', reason: 'Vault finds nothing by an order; searchCertificates lets its certificates be read.' };
      const role = place === undefined ? undefined : await roles.read(place.role);
      // What the list does not show may still have been issued, where the role keeps no certificates.
      if (role?.no_store !== false) return { kind: 'unknown', reason: role === undefined ? roleUnread : roleStoresNone };
      return list.find(publicKey, timeOfRef(ref), deadline());
    },
    revoke: (certificate, reason) => revoke(client, certificate, reason, deadline()),
    chain: (age) => authority.chain(age),
    crl: () => authority.crl(),
    crlOf: (name) => authority.crlOf(name),
    ...(list !== undefined && {
      // The secrets engine does not say for whom it issued.
      issued: async function* (from: Date, to: Date) {
        yield (await list.between(from, to, deadline())).map((certificate) => ({ certificate, isOurs: false }));
      },
    }),
  };
}

const noRole = 'No role is chosen; give one as profileId, in the connector or in the profile.';

const roleUnread = 'Our policy does not let us read the role, so whether it stores certificates is not known.';
const roleStoresNone = 'The role stores no certificates (no_store), so nothing can be looked up.';

/** Before anything is promised: a request that this role could never be issued for as it was granted. */
async function accepts(request: CertificateRequest, place: SignPlace | undefined, roles: RoleReader): Promise<Result<true, string>> {
  if (place === undefined) return fail(noRole);
  const named = checkNames(request);
  if (!named.ok || place.isVerbatim) return named;
  const role = await roles.read(place.role);
  return role === undefined ? ok(true) : checkSubject(request.subject, role);
}

/** Tries a configuration, saved or not, without asking for a certificate. Each step has the time of one call, all together what `whole` gives. */
export async function testVault(config: CryptoEngineConfig, secrets: VaultSecrets, deps: VaultDeps, whole?: AbortSignal): Promise<TestReport> {
  const checked = checkVaultConfig(config);
  if (!checked.ok) return faultyConfiguration(checked.error);
  return testVaultEngine(partsOf(config, secrets, deps), { stepMs: config.timeoutMs, whole });
}

/** What the settings that name something in the secrets engine may be. */
export async function listVaultChoices(config: CryptoEngineConfig, secrets: VaultSecrets, deps: VaultDeps, deadline: AbortSignal): Promise<readonly Choice[]> {
  const { client, authority } = partsOf(config, secrets, deps);
  return vaultChoices(client, authority, deadline);
}

export interface VaultParts {
  readonly client: VaultClient;
  readonly authority: Authority;
  readonly roles: RoleReader;
  /** Undefined while no role is chosen. */
  readonly place: SignPlace | undefined;
  readonly timing: Pick<CryptoEngineConfig, 'timeoutMs' | 'maxProcessingMs' | 'concurrency'>;
}

function partsOf(config: CryptoEngineConfig, secrets: VaultSecrets, deps: VaultDeps): VaultParts {
  const checked = checkVaultConfig(config);
  const found = readPlace(config.url);
  if (!checked.ok) throw new Error(checked.error);
  if (!found.ok) throw new Error(found.error);
  const { timeoutMs, maxProcessingMs, concurrency, trustedCa, namespace, caId, profileId } = config;
  const appRole = { roleId: config.clientId, secretId: secrets.clientSecret?.value ?? new Secret(''), mount: config.authPath ?? 'approle' };
  const { monotonicMs = () => performance.now() } = deps;
  const client = createVaultClient({ place: found.value, appRole, namespace, trustedCa, concurrency, guard: deps.guard ?? (() => true), monotonicMs });
  const place = profileId === undefined ? undefined : { issuer: caId, role: profileId, isVerbatim: config.signVerbatim === true };
  return {
    client,
    authority: createAuthority(client, caId, timeoutMs),
    roles: createRoleReader(client, timeoutMs),
    place,
    timing: { timeoutMs, maxProcessingMs, concurrency },
  };
}
