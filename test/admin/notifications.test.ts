import t from 'tap';
import { uuidv7 } from '../../src/runtime/ids.js';
import { systemContext, tenantContext } from '../../src/tenancy/context.js';
import { testDatabases } from '../support/database.js';
import { makeMailsOf } from '../support/mail-place.js';
import { orderIn, system } from '../support/orders.js';
import { type Answer, type Json, openDesk } from './desk.js';

t.setTimeout(120_000);
const paths = (answer: Answer): string[] => answer.body.errors.map((error: { path: string }) => error.path).sort();
const nobody = '0192f0c1-2345-7000-8000-000000000001';

for (const database of testDatabases()) {
  t.test(`notifications over ${database.name}`, async (t) => {
    const { store, close } = await database.open();
    const none = { addOrder: async () => '', auditEvents: async () => [], close };
    const tested: string[][] = [];
    const ruleTester = {
      test: async (_rule: unknown, recipients: readonly string[]) => {
        tested.push([...recipients]);
        return { ok: true, steps: [] };
      },
    };
    const desk = await openDesk(async () => ({ ...store, ...none }), { ruleTester });
    t.teardown(() => desk.close());
    const { id: tenantId, admin, connectorId: engineId } = await desk.addTenant();
    const smtp = async (name: string, config: object = {}) =>
      admin('POST', '/api/v1/connectors', { type: 'smtp', name, config: { server: 'mail.example.test', from: 'gatehouse@example.test', ...config } });
    const { body: mail } = await smtp('Mail');
    const rule = (name: string, more: object = {}) => ({ name, connectorId: mail.id, recipients: ['ops@example.test'], events: ['order-failed'], ...more });

    await t.test('an SMTP connector: form fields, defaults, and a password that is never read back', async (t) => {
      const created = await smtp('Whole', { port: 465, username: 'gatehouse', password: 'pa$$' });
      t.equal(created.status, 201, created.text);
      t.match(created.body, {
        type: 'smtp',
        config: { server: 'mail.example.test', port: 465, username: 'gatehouse', password: { set: true }, timeoutMs: 30_000 },
      });
      t.notMatch(created.text, /pa\$\$/);
      const stored = await store.connectors.find(systemContext('cli'), created.body.id);
      t.equal(stored?.secrets.password?.value.reveal(), 'pa$$');
      const url = `/api/v1/connectors/${created.body.id}`;
      const elsewhere = { tls: 'starttls', port: 587 };
      const refused = await admin('PATCH', url, { config: elsewhere }, { 'if-match': '"1"' });
      t.same(paths(refused), ['config.password'], 'a stored password is not sent to another address');
      const patched = await admin('PATCH', url, { config: { ...elsewhere, password: 'pa$$' } }, { 'if-match': '"1"' });
      t.match(patched.body, { config: { tls: 'starttls', port: 587, password: { set: true } } });
      t.match((await admin('PATCH', url, { config: { password: null } }, { 'if-match': '"2"' })).body, { config: { password: { set: false } } });
      const wrong = await smtp('Wrong', { server: 'mail:25', port: 0, from: 'x\r\nBcc: y@z.example', tls: 'ssl', bogus: 1, replyTo: 'nobody' });
      t.same(paths(wrong), ['config.bogus', 'config.from', 'config.port', 'config.replyTo', 'config.server', 'config.tls']);
      t.same(paths(await admin('POST', '/api/v1/connectors', { type: 'smtp', name: 'Nameless', config: { server: 'm' } })), ['config.from']);
      t.match(
        (await admin('POST', '/api/v1/connectors/test', { type: 'smtp', config: { server: 'm', from: 'a@b.example' }, to: 'ops@example.test' })).status,
        200,
      );
    });

    await t.test('a rule is created with what it needs; the rest has defaults', async (t) => {
      const created = await admin(
        'POST',
        '/api/v1/notification-rules',
        rule('First', { recipients: ['ops@example.test', 'ops@example.test', 'b@example.test'] }),
      );
      t.equal(created.status, 201, created.text);
      t.match(created.headers, { etag: '"1"', location: `/api/v1/notification-rules/${created.body.id}` });
      t.match(created.body, {
        tenantId,
        status: 'active',
        recipients: ['ops@example.test', 'b@example.test'],
        events: ['order-failed'],
        profileIds: [],
        expiryDays: [30, 14, 7, 1],
        minutesBetweenMails: 15,
        digest: { weekday: 1, hour: 6 },
        version: 1,
      });
      t.same((await admin('GET', `/api/v1/notification-rules/${created.body.id}`)).body, created.body);
      t.same(paths(await admin('POST', '/api/v1/notification-rules', rule('First'))), ['name'], 'a name is taken once');
    });

    await t.test('every fault is told with its path', async (t) => {
      const wrong = {
        recipients: ['ops', 'a@example.test\r\nBcc: b@example.test'],
        events: ['order-fried'],
        expiryDays: [0],
        minutesBetweenMails: 0,
        digest: { weekday: 7, hour: 1 },
      };
      const answer = await admin('POST', '/api/v1/notification-rules', { ...rule('Wrong', wrong), bogus: 1 });
      t.equal(answer.status, 400);
      t.same(paths(answer), ['bogus', 'digest.weekday', 'events.0', 'expiryDays.0', 'minutesBetweenMails', 'recipients.0', 'recipients.1']);
      t.same(paths(await admin('POST', '/api/v1/notification-rules', rule('Empty', { recipients: [], events: [] }))), ['events', 'recipients']);
      const other = await desk.addTenant();
      for (const connectorId of [engineId, other.connectorId, nobody]) {
        t.same(paths(await admin('POST', '/api/v1/notification-rules', rule('Foreign', { connectorId, profileIds: [nobody] }))), [
          'connectorId',
          'profileIds.0',
        ]);
      }
    });

    await t.test('a merge patch changes what it names and needs the ETag', async (t) => {
      const { body } = await admin('POST', '/api/v1/notification-rules', rule('Patched', { expiryDays: [60, 5], digest: { weekday: 3, hour: 12 } }));
      const url = `/api/v1/notification-rules/${body.id}`;
      t.equal((await admin('PATCH', url, { name: 'x' })).status, 428);
      t.equal((await admin('PATCH', url, { name: 'x' }, { 'if-match': '"7"' })).status, 412);
      const changed = await admin('PATCH', url, { events: ['weekly-digest'], expiryDays: null, digest: { hour: 8 } }, { 'if-match': '"1"' });
      t.equal(changed.status, 200, changed.text);
      t.match(changed.body, { name: 'Patched', events: ['weekly-digest'], expiryDays: [30, 14, 7, 1], digest: { weekday: 3, hour: 8 }, version: 2 });
      t.same(
        paths(await admin('PATCH', url, { tenantId: nobody, recipients: [], connectorId: engineId }, { 'if-match': '"2"' })),
        ['recipients', 'tenantId'].sort(),
      );
      t.same(paths(await admin('PATCH', url, { connectorId: engineId }, { 'if-match': '"2"' })), ['connectorId']);
    });

    await t.test('lists come in pages, filtered and searched', async (t) => {
      const list = (query: string) => admin('GET', `/api/v1/notification-rules?${query}`);
      const first = await list('limit=1&sort=name');
      t.match(first.body, { items: [{ name: 'First' }], total: 2 });
      t.match((await list(`limit=1&sort=name&cursor=${first.body.nextCursor}`)).body, { items: [{ name: 'Patched' }], nextCursor: null });
      t.equal((await list('q=patch')).body.total, 1);
      t.equal((await list(`connectorId=${mail.id}&status=active`)).body.total, 2);
      t.equal((await list('status=inactive')).body.total, 0);
      t.equal((await list('colour=red')).status, 400);
    });

    await t.test('a connector that a rule needs is not deleted', async (t) => {
      const answer = await admin('DELETE', `/api/v1/connectors/${mail.id}`, undefined, { 'if-match': '"1"' });
      t.equal(answer.status, 409);
      t.match(answer.body, { type: /in-use/, usedBy: [{ type: 'notification-rule', name: 'First' }, { name: 'Patched' }] });
    });

    await t.test('a test mail goes to every recipient of the rule, or to one that is named', async (t) => {
      const { body } = await admin('GET', '/api/v1/notification-rules?q=First');
      const url = `/api/v1/notification-rules/${body.items[0].id}/test`;
      t.equal((await admin('POST', url)).status, 200);
      t.equal((await admin('POST', url, { to: 'me@example.test' })).status, 200);
      t.same(tested, [['ops@example.test', 'b@example.test'], ['me@example.test']]);
      t.same(paths(await admin('POST', url, { to: 'not an address' })), ['to']);
    });

    await t.test('mails can be seen with their text; dead ones are sent again', async (t) => {
      await orderIn(store.orders, tenantContext(tenantId, 'device'), 'FAILED');
      await makeMailsOf(store);
      const { body } = await admin('GET', '/api/v1/mails?state=waiting&kind=order-failed');
      t.equal(body.total, 2);
      t.match(body.items[0], { ruleName: 'First', kind: 'order-failed', state: 'waiting', attempts: 0, subject: /1 order failed/, lastError: null });
      t.notOk('content' in body.items[0]);
      const url = `/api/v1/mails/${body.items[0].id}`;
      t.match((await admin('GET', url)).body, { id: body.items[0].id, text: /1 order failed\n\n/ });
      const early = await admin('POST', `${url}/retry`);
      t.match([early.status, early.body.detail], [409, /this one is waiting/]);
      for (const claimed of await store.mails.claim(system, 100, 60_000))
        await store.mails.settle(system, claimed, { kind: 'dead', reason: '550 no such mailbox' });
      t.match((await admin('GET', '/api/v1/mails?state=dead')).body, { total: 2, items: [{ lastError: '550 no such mailbox', nextAttemptAt: null }, {}] });
      const retried = await admin('POST', `${url}/retry`);
      t.match([retried.status, retried.body], [200, { state: 'waiting', attempts: 0 }]);
      const viewer = await desk.as('viewer', tenantId);
      t.equal((await viewer('POST', `${url}/retry`)).status, 403);
    });

    await t.test('a rule that is deleted leaves its dead mails to be read, not to be sent', async (t) => {
      const { body } = await admin('GET', '/api/v1/notification-rules?q=First');
      const url = `/api/v1/notification-rules/${body.items[0].id}`;
      t.equal((await admin('DELETE', url)).status, 428);
      t.equal((await admin('DELETE', url, undefined, { 'if-match': '"1"' })).status, 204);
      const { body: left } = await admin('GET', '/api/v1/mails');
      t.same(
        left.items.map(({ state }: Json) => state),
        ['dead'],
      );
      const answer = await admin('POST', `/api/v1/mails/${left.items[0].id}/retry`);
      t.match([answer.status, answer.body.detail], [409, /rule of this mail is gone/]);
      t.equal((await admin('GET', `/api/v1/mails/${uuidv7()}`)).status, 404);
    });
  });
}
