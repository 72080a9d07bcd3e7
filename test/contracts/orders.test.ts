import t from 'tap';
import { testDatabases } from '../support/database.js';
import { memoryStore } from '../support/memory-store.js';
import { orderStoreContract } from './order-store.js';

t.test('in memory', async (t) => {
  const store = memoryStore();
  await orderStoreContract(t, { ...store, flush: async () => undefined });
});

for (const database of testDatabases()) {
  t.test(database.name, async (t) => {
    const { store, close } = await database.open();
    t.teardown(close);
    await orderStoreContract(t, store);
  });
}
