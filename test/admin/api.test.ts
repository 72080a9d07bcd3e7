import t from 'tap';
import { memoryAdmin } from '../support/memory-admin.js';
import type { OpenStores } from './desk.js';
import { adminSuite } from './suite.js';

const inMemory: OpenStores = async (clock) => {
  const memory = memoryAdmin(clock);
  return {
    ...memory,
    addOrder: async (order) => {
      memory.orders.push(order);
    },
    auditEvents: async () => memory.events,
    close: async () => {},
  };
};

t.test('over stores in memory', (t) => adminSuite(t, inMemory));
