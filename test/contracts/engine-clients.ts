import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import type { EngineClientStore } from '../../src/crypto-engine/ports.js';
import { uuidv7 } from '../../src/runtime/ids.js';

/** What every store of the engine API's clients does; `store` knows none yet. */
export async function engineClientStoreContract(t: Test, store: EngineClientStore): Promise<void> {
  const hash = randomBytes(32);
  const client = { id: uuidv7(), clientId: 'ra-1', name: 'RA one', scopes: ['ca.read', 'ca.issue'] as const, secretHash: hash };

  t.test('keeps clients with the hash of their secret, each client id once', async (t) => {
    t.equal(await store.addClient(client, 'user:1'), true);
    t.equal(await store.addClient({ ...client, id: uuidv7() }, 'user:1'), false);
    t.match(await store.listClients(), [{ ...client, createdAt: Date, secretSetAt: Date }]);
    t.equal((await store.listClients()).length, 1);
  });

  t.test('replaces a secret and removes a client, once', async (t) => {
    const other = randomBytes(32);
    t.equal(await store.setClientSecret(client.id, other, 'user:1'), true);
    t.same((await store.listClients())[0]?.secretHash, other);
    for (const id of [uuidv7(), 'x']) {
      t.equal(await store.setClientSecret(id, other, 'user:1'), false);
      t.equal(await store.removeClient(id, 'user:1'), false);
    }
    t.equal(await store.removeClient(client.id, 'user:1'), true);
    t.equal(await store.removeClient(client.id, 'user:1'), false);
    t.same(await store.listClients(), []);
  });
}
