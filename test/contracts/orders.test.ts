import t from 'tap';
import { systemClock } from '../../src/runtime/clock.js';
import { testDatabases } from '../support/database.js';
import { memoryDelayedAnswers } from '../support/memory-delayed-answers.js';
import { memoryStore } from '../support/memory-store.js';
import { delayedAnswerContract } from './delayed-answers.js';
import { orderStoreContract } from './order-store.js';

t.test('in memory', async (t) => {
  const store = memoryStore();
  await orderStoreContract(t, { ...store, flush: async () => undefined });
  await t.test('delayed answers', (t) => delayedAnswerContract(t, memoryDelayedAnswers(systemClock)));
});

for (const database of testDatabases()) {
  t.test(database.name, async (t) => {
    const { store, close } = await database.open();
    t.teardown(close);
    await orderStoreContract(t, store);
    await t.test('delayed answers', (t) => delayedAnswerContract(t, store.delayedAnswers));
  });
}
