import t from 'tap';
import { testDatabases } from '../support/database.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import { engineStoreContract } from './engine-store.js';
import { tenancyContract } from './tenancy-stores.js';

t.test('in memory', async (t) => {
  await t.test('engine', (t) => engineStoreContract(t, memoryEngineStore()));
});

for (const database of testDatabases()) {
  t.test(database.name, async (t) => {
    const { store, close } = await database.open();
    t.teardown(close);
    await tenancyContract(t, store);
    await t.test('engine', (t) => engineStoreContract(t, store.engine));
  });
}
