import t from 'tap';
import { testDatabases } from '../support/database.js';
import { memoryEngineClients } from '../support/memory-engine-clients.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import { engineClientStoreContract } from './engine-clients.js';
import { engineStoreContract } from './engine-store.js';
import { tenancyContract } from './tenancy-stores.js';

t.test('in memory', async (t) => {
  await t.test('engine', (t) => engineStoreContract(t, memoryEngineStore()));
  await t.test('engine clients', (t) => engineClientStoreContract(t, memoryEngineClients()));
});

for (const database of testDatabases()) {
  t.test(database.name, async (t) => {
    const { store, close } = await database.open();
    t.teardown(close);
    await tenancyContract(t, store);
    await t.test('engine', (t) => engineStoreContract(t, store.engine));
    await t.test('engine clients', (t) => engineClientStoreContract(t, store.engineClients));
  });
}
