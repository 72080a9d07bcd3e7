import { randomBytes } from 'node:crypto';
import Fastify from 'fastify';
import t from 'tap';
import { createCryptoEngineIssuer } from '../../src/connectors/crypto-engine/index.js';
import { createVaultIssuer } from '../../src/connectors/vault/index.js';
import { createEngine, createEngineClients, type Engine, registerEngineApi } from '../../src/crypto-engine/index.js';
import { buildName } from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { systemClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { Secret } from '../../src/runtime/secret.js';
import { cryptoEngineConfigSchema } from '../../src/tenancy/connector.js';
import { startFakeEjbca } from '../support/ejbca/index.js';
import { ejbcaIssuer } from '../support/ejbca/issuer.js';
import { memoryEngineClients } from '../support/memory-engine-clients.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import { startVault } from '../support/vault/index.js';
import { issuerContract, requestWithPkcs10 } from './issuer.js';

const log = createLog('silent');

async function newEngine(): Promise<Engine> {
  const engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://pki.example' });
  await engine.ensureCas();
  return engine;
}

t.test('the embedded engine fulfils the contract of an issuer', async (t) => {
  const config = cryptoEngineConfigSchema.parse({ url: 'embedded:' });
  const issuer = createCryptoEngineIssuer(config, {}, { engine: await newEngine(), log });
  // Which keys are strong enough is a matter of the profile's policy, which stands before it.
  await issuerContract(t, { issuer, isHoldKnown: true, unfit: requestWithPkcs10({ keyUsage: ['x'] }) });
});

t.test('a Crypto Engine elsewhere fulfils the contract of an issuer', async (t) => {
  const clients = createEngineClients(memoryEngineClients());
  const made = await clients.create({ clientId: 'ra', name: 'RA', scopes: ['ca.read', 'ca.issue', 'ca.revoke'] }, 'test');
  const app = Fastify();
  const deps = { engine: await newEngine(), clock: systemClock, log, clients, tokenKey: randomBytes(32), version: '1.0' };
  await app.register(async (scope) => registerEngineApi(scope, deps), { prefix: '/engine' });
  t.teardown(() => app.close());
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/engine`;
  const secrets = { clientSecret: { value: new Secret(made?.clientSecret ?? '') } };
  const issuer = createCryptoEngineIssuer(cryptoEngineConfigSchema.parse({ url, clientId: 'ra' }), secrets, { log });
  await issuerContract(t, { issuer, isHoldKnown: true });
});

for (const [title, settings] of [
  ['a role of Vault', { profileId: 'device' }],
  [
    'a role of Vault that takes the PKCS#10 as it is, whose certificates are read after a lost answer',
    { profileId: 'device', signVerbatim: true, searchCertificates: true },
  ],
] as const) {
  t.test(`${title} fulfils the contract of an issuer`, async (t) => {
    const vault = await startVault();
    t.teardown(() => vault.stop());
    const { url, roleId: clientId, secretId, trustedCa } = vault;
    const config = cryptoEngineConfigSchema.parse({ url, dialect: 'vault', clientId, trustedCa, ...settings });
    const issuer = createVaultIssuer(config, { clientSecret: { value: new Secret(secretId) } }, {});
    await issuerContract(t, { issuer, isHoldKnown: false });
  });
}

for (const [title, settings] of [
  ['EJBCA', {}],
  ['EJBCA with version 1 of its search and the web service alone', { restV2: false, caCalls: false }],
] as const) {
  t.test(`${title} fulfils the contract of an issuer`, async (t) => {
    const fake = await startFakeEjbca();
    t.teardown(() => fake.stop());
    await fake.set(settings);
    const unfit = requestWithPkcs10({ subject: buildName([[oids.organizationName, 'Without a common name']]).der });
    await issuerContract(t, { issuer: ejbcaIssuer(fake), isHoldKnown: true, decidesValidity: true, unfit });
  });
}
