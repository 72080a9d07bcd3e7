import t from 'tap';
import { createEngine } from '../../src/crypto-engine/index.js';
import { stoppedClock } from '../../src/runtime/clock.js';
import { memoryAdmin } from '../support/memory-admin.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import { openDesk } from './desk.js';

const url = '/api/v1/engine-cas';
const day = 86_400_000;

t.test('SCEP-040 the next CA of the embedded engine is prepared, activated and given up by a superadmin of all tenants', async (t) => {
  const engine = createEngine({ store: memoryEngineStore(), clock: stoppedClock(new Date()), publicBaseUrl: 'http://pki.example' });
  await engine.ensureCas();
  const open = async (clock: Parameters<typeof memoryAdmin>[0]) => {
    const memory = memoryAdmin(clock);
    return {
      ...memory,
      addOrder: async (order: Parameters<typeof memory.addOrder>[0]) => memory.addOrder(order),
      auditEvents: async () => memory.events,
      close: async () => {},
    };
  };
  const desk = await openDesk(open, { engineCas: engine });
  t.teardown(() => desk.close());
  const superadmin = await desk.as('superadmin', null);
  const activatesAt = new Date(desk.clock.now().getTime() + day).toISOString();
  const states = async () => (await superadmin('GET', url)).body.items.map((ca: { id: string; state: string }) => `${ca.id} ${ca.state}`);

  t.same(await states(), ['root active', 'issuing active']);
  const prepared = await superadmin('POST', url, { activatesAt });
  t.match(prepared, { status: 201, body: { id: 'issuing-2', state: 'next', activatesAt, certificate: { sha256: /^([0-9A-F]{2}:){31}/, sha1: String } } });
  t.notMatch(prepared.text, /privateKey/);
  t.match(await superadmin('POST', url, { activatesAt }), {
    status: 409,
    body: { type: 'urn:gatehouse:problem:wrong-state', detail: /activate it or cancel it first/ },
  });
  t.match(await superadmin('POST', url, { activatesAt: '2001-01-01T00:00:00Z' }), { status: 400, body: { errors: [{ path: 'activatesAt' }] } });
  t.match(await superadmin('POST', `${url}/issuing/activate`), {
    status: 409,
    body: { detail: 'There is no CA "issuing" that is prepared and not yet in use.' },
  });
  t.equal((await superadmin('POST', `${url}/issuing-2/activate`)).status, 200);
  t.same(await states(), ['root active', 'issuing retired', 'issuing-2 active']);
  await superadmin('POST', url, { activatesAt });
  for (const id of ['%00', 'Issuing', 'x'.repeat(65), 'a%2Fb'])
    t.equal((await superadmin('POST', `${url}/${id}/cancel`)).status, 404, `${id} is no id of a CA`);
  t.equal((await superadmin('POST', `${url}/issuing-3/cancel`)).status, 200);
  t.same(await states(), ['root active', 'issuing retired', 'issuing-3 retired', 'issuing-2 active']);
  t.ok(desk.notices() >= 4, 'this node hears of it at once');

  const tenant = await desk.addTenant();
  const bound = await desk.as('superadmin', tenant.id);
  t.match(await bound('POST', url, { activatesAt }), { status: 403, body: { permission: 'engine:write' } }, 'the engine is everyone’s');
  t.equal((await tenant.admin('GET', url)).status, 200, 'its certificates are public');
});
