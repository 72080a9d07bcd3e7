import { randomBytes } from 'node:crypto';
import Fastify from 'fastify';
import t from 'tap';
import { createCryptoEngineIssuer } from '../../src/connectors/crypto-engine/index.js';
import { createEngine, engineScopes, registerEngineApi } from '../../src/crypto-engine/index.js';
import { systemClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { Secret } from '../../src/runtime/secret.js';
import { cryptoEngineConfigSchema } from '../../src/tenancy/connector.js';
import { startFakeEjbca } from '../support/ejbca/index.js';
import { ejbcaIssuer } from '../support/ejbca/issuer.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import { issuerContract } from './issuer.js';

const log = createLog('silent');

t.test('the embedded engine', async (t) => {
  const engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://pki.example' });
  await engine.ensureCas();
  issuerContract(t, async () => createCryptoEngineIssuer(cryptoEngineConfigSchema.parse({ url: 'embedded:' }), {}, { engine, log }));
});

t.test('a Crypto Engine elsewhere', async (t) => {
  const engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://pki.example' });
  await engine.ensureCas();
  const app = Fastify();
  t.teardown(() => app.close());
  const clients = {
    authenticate: (clientId: string, secret: string) => (secret === 'client secret' ? { clientId, scopes: engineScopes } : undefined),
    scopesOf: () => engineScopes,
  };
  const deps = { engine, clock: systemClock, log, tokenKey: randomBytes(32), clients, version: '1.0' };
  await app.register(async (scope) => registerEngineApi(scope, deps), { prefix: '/engine' });
  const config = cryptoEngineConfigSchema.parse({ url: `${await app.listen({ host: '127.0.0.1', port: 0 })}/engine`, clientId: 'ra' });
  issuerContract(t, async () => createCryptoEngineIssuer(config, { clientSecret: { value: new Secret('client secret') } }, { log }));
});

t.test('EJBCA', async (t) => {
  const fake = await startFakeEjbca();
  t.teardown(() => fake.stop());
  const make = async () => ejbcaIssuer(fake);
  issuerContract(t, make);

  t.test('with nothing but the web service beside enrolment', async (t) => {
    await fake.set({ restV2: false, caCalls: false });
    issuerContract(t, make);
  });
});
