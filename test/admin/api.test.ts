import { createHash } from 'node:crypto';
import t from 'tap';
import { uuidv7 } from '../../src/runtime/ids.js';
import type { Store } from '../../src/store/store.js';
import { systemContext, tenantContext } from '../../src/tenancy/context.js';
import { testDatabases } from '../support/database.js';
import { makeMailsOf } from '../support/mail-place.js';
import { memoryAdmin } from '../support/memory-admin.js';
import { newOrder, orderIn } from '../support/orders.js';
import { type AdminStores, type OpenStores, type SeededOrder, seededFacts } from './desk.js';
import { adminSuite } from './suite.js';

const inMemory: OpenStores = async (clock) => {
  const memory = memoryAdmin(clock);
  return { ...memory, addOrder: async (order) => memory.addOrder(order), auditEvents: async () => memory.events, close: async () => {} };
};

async function addOrder(store: Store, { tenantId, device, state, ...fields }: SeededOrder): Promise<string> {
  const accountIdentity = createHash('sha256').update(device).digest();
  const order = newOrder({ ...fields, id: uuidv7(), protocol: 'cmp', accountIdentity, facts: seededFacts, credential: 'secret:ref' });
  await orderIn(store.orders, tenantContext(tenantId, 'device'), state, order);
  return order.id;
}

const overStore = (store: Store, close: () => Promise<void>): AdminStores => ({
  ...store,
  addOrder: (order) => addOrder(store, order),
  makeMails: () => makeMailsOf(store),
  auditEvents: async () => (await store.audit.list(systemContext('cli'), { limit: 10_000 })).items,
  close,
});

// Hundreds of requests against a database in WASM: seconds on an idle machine, half a minute on a crowded one.
t.setTimeout(120_000);

t.test('over stores in memory', (t) => adminSuite(t, inMemory));

for (const database of testDatabases()) {
  t.test(`over ${database.name}`, { timeout: 120_000 }, async (t) => {
    const { store, close } = await database.open();
    await adminSuite(t, async () => overStore(store, close));
  });
}
