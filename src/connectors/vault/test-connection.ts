import { commonNameOf, parseCertificate } from '../../pkix/index.js';
import { runSteps, type Step, type StepBounds, type TestReport } from '../test-steps.js';
import { faultOf } from './faults.js';
import type { VaultParts } from './issuer.js';
import { healthAnswer, keysAnswer, readJson } from './wire.js';

/** Speaks to Vault step by step without asking for a certificate, up to the first step that fails. The right to sign is only proved by signing. */
export function testVaultEngine(parts: VaultParts, bounds: StepBounds): Promise<TestReport> {
  const { client, place } = parts;
  const steps: readonly Step[] = [
    ['connection', (deadline) => healthText(parts, deadline)],
    [
      'login',
      async (deadline) => {
        const token = await client.logIn(deadline);
        if (!token.ok) throw new Error(token.error.reason);
        return 'The role id and secret id are accepted.';
      },
    ],
    ['chain', () => chainText(parts)],
    ['role', () => roleText(parts)],
    ...(place === undefined ? [] : [['look-up', (deadline) => lookupText(parts, deadline)] satisfies Step]),
  ];
  return runSteps(steps, bounds);
}

async function healthText({ client }: VaultParts, deadline: AbortSignal): Promise<string> {
  const answer = await client.health(deadline);
  const health = answer.kind === 'answered' ? readJson(healthAnswer, answer.body) : undefined;
  if (answer.kind === 'answered' && health === undefined) throw new Error(`This is neither OpenBao nor Vault: /v1/sys/health answered HTTP ${answer.status}.`);
  if (health === undefined) throw new Error(faultOf(answer).reason);
  if (!health.initialized) throw new Error('Vault is not initialised yet.');
  if (health.sealed) throw new Error('Vault is sealed.');
  return `Version ${health.version}${health.standby ? ', a standby' : ''}.`;
}

async function chainText({ authority }: VaultParts): Promise<string> {
  const chain = await authority.chain();
  const issuer = chain[0] === undefined ? undefined : parseCertificate(chain[0]);
  const name = issuer?.ok ? (commonNameOf(issuer.value.subject) ?? 'a CA without a common name') : 'a CA';
  return `${chain.length} ${chain.length === 1 ? 'certificate' : 'certificates'}; ${name} issues.`;
}

async function roleText({ place, roles }: VaultParts): Promise<string> {
  if (place === undefined) return 'No role is chosen here, so each profile must choose one (profileId).';
  const role = await roles.read(place.role);
  if (role === undefined) return `Our policy does not let us read the role "${place.role}"; whether it is there shows when it signs.`;
  const notes = [
    ...(place.isVerbatim ? ['Subjects are taken whole from the PKCS#10.'] : ['Of the subject only the common name is taken from the PKCS#10.']),
    ...(role.no_store ? ['It stores no certificates: after a lost answer nothing can be looked up.'] : []),
  ];
  return `The role "${place.role}" is there. ${notes.join(' ')}`;
}

/** Without it an order whose answer was lost waits for an operator; that is no fault of the settings. */
async function lookupText({ client }: VaultParts, deadline: AbortSignal): Promise<string> {
  const answer = await client.call({ method: 'GET', path: 'certs?list=true', route: 'certs' }, deadline);
  if (!answer.ok) return 'Our policy does not let us list certificates: after a lost answer an operator must decide.';
  const count = readJson(keysAnswer, answer.value.body)?.data.keys.length ?? 0;
  return `${count} certificates can be listed.`;
}
