import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createEngineClients } from '../../src/crypto-engine/index.js';
import { memoryAdmin } from '../support/memory-admin.js';
import { memoryEngineClients } from '../support/memory-engine-clients.js';
import { openDesk } from './desk.js';

const url = '/api/v1/engine-clients';

t.test('clients of the engine are made, given new secrets and removed by a superadmin of all tenants', async (t) => {
  const desk = await openDesk(async (clock) => {
    const memory = memoryAdmin(clock);
    return {
      ...memory,
      addOrder: async (order: Parameters<typeof memory.addOrder>[0]) => memory.addOrder(order),
      auditEvents: async () => memory.events,
      close: async () => {},
    };
  });
  t.teardown(() => desk.close());
  const superadmin = await desk.as('superadmin', null);
  const made = await superadmin('POST', url, { name: 'Branch office', clientId: 'branch' });
  t.match(made, { status: 201, body: { clientId: 'branch', scopes: ['ca.read', 'ca.issue', 'ca.revoke'], clientSecret: /^ghe_[A-Za-z0-9_-]{43}$/ } });
  const { id, clientSecret } = made.body;
  const rotated = await superadmin('POST', `${url}/${id}/rotate-secret`);
  t.match(rotated, { status: 200, body: { id, clientSecret: /^ghe_/ } });
  t.not(rotated.body.clientSecret, clientSecret);
  const list = await superadmin('GET', url);
  t.match(list, { status: 200, body: { items: [{ id, clientId: 'branch', name: 'Branch office' }] } });
  t.notMatch(list.text, /secretHash|ghe_/, 'a secret is shown once');
  t.match(await superadmin('POST', url, { name: 'B', clientId: 'branch' }), { status: 409, body: { errors: [{ path: 'clientId' }] } });
  for (const [fields, path] of [
    [{ clientId: 'a:b' }, 'clientId'],
    [{ clientId: 'c', scopes: ['all'] }, 'scopes.0'],
    [{ clientId: 'c', scopes: [] }, 'scopes'],
  ] as const) {
    t.match(await superadmin('POST', url, { name: 'B', ...fields }), { status: 400, body: { errors: [{ path }] } });
  }
  const bound = await desk.as('superadmin', (await desk.addTenant()).id);
  t.match(await bound('POST', url, { name: 'B', clientId: 'b' }), { status: 403 }, 'the engine is everyone’s');
  t.equal((await superadmin('DELETE', `${url}/${id}`)).status, 204);
  t.equal((await superadmin('DELETE', `${url}/${id}`)).status, 404);
  t.equal((await superadmin('POST', `${url}/${id}/rotate-secret`)).status, 404);
});

t.test('a client that another process made a moment ago is known when it comes', async (t) => {
  const store = memoryEngineClients();
  const [here, there] = [createEngineClients(store), createEngineClients(store)];
  await there.reload();
  const made = await here.create({ clientId: 'branch', name: 'Branch', scopes: ['ca.read'] }, 'test');
  t.equal(there.authenticate('branch', made?.clientSecret ?? ''), undefined);
  await sleep(60);
  await there.catchUp();
  t.same(there.authenticate('branch', made?.clientSecret ?? ''), { clientId: 'branch', scopes: ['ca.read'] });
});

t.test('an older list that comes late does not take the place of a newer one', async (t) => {
  const store = memoryEngineClients();
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let calls = 0;
  const clients = createEngineClients({
    ...store,
    async listClients() {
      calls += 1;
      const list = await store.listClients();
      if (calls === 1) await held;
      return list;
    },
  });
  const late = clients.reload();
  await clients.create({ clientId: 'branch', name: 'Branch', scopes: ['ca.read'] }, 'test');
  letGo();
  await late;
  t.same(clients.scopesOf('branch'), ['ca.read']);
});
