import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { sendDueMails } from '../../src/notification/send-mails.js';
import { createLog } from '../../src/runtime/log.js';
import { openStore } from '../../src/store/open.js';
import { type TenantContext, tenantContext } from '../../src/tenancy/context.js';
import { mailersOf, makeMails, openMailPlace } from '../support/mail-place.js';
import { type MailServer, type MailServerSetup, startMailServer } from '../support/mail-server.js';
import { type RawStore, rawStores } from '../support/raw-store.js';

t.setTimeout(240_000);
const log = createLog('silent');

async function serve(t: Test, setup: MailServerSetup = {}): Promise<MailServer> {
  const server = await startMailServer(setup);
  t.teardown(() => server.stop());
  return server;
}

for (const raw of await rawStores()) {
  t.test(raw.name, async (t) => {
    t.teardown(raw.close);
    await t.test('outcomes', (t) => outcomes(t, raw));
    await t.test('outages', (t) => outages(t, raw));
    await t.test('workers', (t) => workers(t, raw));
  });
}

async function outcomes(t: Test, raw: RawStore): Promise<void> {
  const { store } = raw;
  const server = await serve(t);
  const { context } = await openMailPlace(store, server.port, ['ops@example.net', 'refused@example.net', 'grey@example.net', 'cut@example.net']);
  const run = () => sendDueMails({ mails: store.mails, mailerOf: mailersOf(store), log, random: () => 0.5 });

  await t.test('each recipient stands for itself: taken, refused for good, put off, cut off', async (t) => {
    await makeMails(store, context);
    t.equal(await run(), 4);
    t.match(await statesOf(raw, context), {
      'ops@example.net': { state: 'sent', attempts: 1, response: /250/ },
      'refused@example.net': { state: 'dead', attempts: 1, lastError: /550 no such mailbox/ },
      'grey@example.net': { state: 'waiting', attempts: 1, lastError: /451/ },
      'cut@example.net': { state: 'waiting', attempts: 1, lastError: /after the mail was handed over/ },
    });
    t.equal(await run(), 0, 'not before its time');
    const [mail] = await server.received();
    t.match(mail, { to: ['ops@example.net'], raw: /Subject: \[Gatehouse\] 1 order failed/ });
  });

  await t.test('what was put off is sent a minute later', async (t) => {
    await hurry(raw, context);
    t.equal(await run(), 2);
    t.match(await statesOf(raw, context), { 'grey@example.net': { state: 'sent', attempts: 2 }, 'cut@example.net': { state: 'waiting', attempts: 2 } });
  });

  await t.test('what finds no taker for a day is dead, with its last reason', async (t) => {
    await sql`update mails set give_up_at = clock_timestamp() where tenant_id = ${context.tenantId} and state = 'waiting'`.execute(raw.connection.kysely);
    await hurry(raw, context);
    await run();
    t.match(await statesOf(raw, context), { 'cut@example.net': { state: 'dead', lastError: /cut the connection.*given up after 3 attempts/ } });
  });
}

async function outages(t: Test, raw: RawStore): Promise<void> {
  const { store } = raw;
  const server = await serve(t);
  const { context, connectorId, ruleId } = await openMailPlace(store, server.port, ['a@example.net', 'b@example.net', 'c@example.net']);
  await makeMails(store, context);
  const asked: string[] = [];
  const mailerOf = async (id: string) => {
    const ready = await mailersOf(store)(id);
    if (ready === undefined) return undefined;
    const { mailer } = ready;
    const send: typeof mailer.send = (message) => {
      asked.push(message.to);
      return mailer.send(message);
    };
    return { ...ready, mailer: { ...mailer, send } };
  };
  const run = () => sendDueMails({ mails: store.mails, mailerOf, log });

  await t.test('a server that is down is asked once for all its mails, and they wait', async (t) => {
    server.command('down');
    await run();
    t.equal(asked.length, 1);
    const states = Object.values(await statesOf(raw, context));
    t.same(
      states.map(({ state, attempts }) => [state, attempts]),
      Array(3).fill(['waiting', 1]),
    );
    t.ok(states.every(({ lastError }) => /421/.test(lastError ?? '')));
  });

  await t.test('an inactive connector sends nothing, an inactive rule not even tries', async (t) => {
    server.command('up');
    await store.connectors.update(context, connectorId, null, { status: 'inactive' });
    await hurry(raw, context);
    await run();
    t.equal(asked.length, 1);
    t.match(Object.values(await statesOf(raw, context))[0], { state: 'waiting', lastError: /connector of the rule is inactive/ });
    await store.connectors.update(context, connectorId, null, { status: 'active' });
    await store.notificationRules.update(context, ruleId, 1, { status: 'inactive' });
    await hurry(raw, context);
    t.equal(await run(), 0);
    await store.notificationRules.update(context, ruleId, 2, { status: 'active' });
  });

  await t.test('once it is back everything goes out, each mail once', async (t) => {
    await run();
    t.same(
      Object.values(await statesOf(raw, context)).map(({ state }) => state),
      Array(3).fill('sent'),
    );
    t.same((await server.received()).flatMap(({ to }) => to).sort(), ['a@example.net', 'b@example.net', 'c@example.net']);
  });
}

async function workers(t: Test, raw: RawStore): Promise<void> {
  const { store } = raw;
  const server = await serve(t);
  const recipients = Array.from({ length: 12 }, (_, index) => `r${index}@example.net`);
  const { context } = await openMailPlace(store, server.port, recipients);

  await t.test('many workers at once send each mail once', async (t) => {
    await makeMails(store, context);
    const runs = Array.from({ length: 5 }, () => sendDueMails({ mails: store.mails, mailerOf: mailersOf(store), log }));
    t.equal(
      (await Promise.all(runs)).reduce((sum, count) => sum + count, 0),
      12,
    );
    t.same((await server.received()).flatMap(({ to }) => to).sort(), [...recipients].sort());
  });

  await t.test('a node that stops puts back what it has not tried', async (t) => {
    const other = await openMailPlace(store, server.port, ['later@example.net']);
    await makeMails(store, other.context);
    await sendDueMails({ mails: store.mails, mailerOf: mailersOf(store), log }, AbortSignal.abort());
    t.match(await statesOf(raw, other.context), { 'later@example.net': { state: 'waiting', lastError: /node was stopped/ } });
    t.equal(await sendDueMails({ mails: store.mails, mailerOf: mailersOf(store), log }), 1, 'and another one sends it at once');
    t.equal((await server.received()).length, 13);
  });

  await t.test('a worker that was stopped too long does not send, and records nothing over the next one', async (t) => {
    const other = await openMailPlace(store, server.port, ['slow@example.net'], 60_000);
    await makeMails(store, other.context);
    await sendDueMails({ mails: store.mails, mailerOf: mailersOf(store), log, leaseMs: 1_000 });
    t.match(await statesOf(raw, other.context), { 'slow@example.net': { state: 'waiting', lastError: /no time left/ } });
    t.equal((await server.received()).length, 13);
  });
}

/** By recipient. */
async function statesOf({ store }: RawStore, { tenantId }: TenantContext) {
  const { items } = await store.mails.list(tenantContext(tenantId, 'test'), { limit: 100 });
  return Object.fromEntries(items.map((mail) => [mail.recipient, mail]));
}

/** Time passes. */
function hurry({ connection }: RawStore, { tenantId }: TenantContext): Promise<unknown> {
  return sql`update mails set next_attempt_at = clock_timestamp() where tenant_id = ${tenantId} and state = 'waiting'`.execute(connection.kysely);
}

t.test('a process that dies between the server taking a mail and its own commit: the mail is sent again, and its copy is recognisable', async (t) => {
  const server = await serve(t);
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-mails-'));
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));
  const open = async () => {
    const opened = await openStore({ dataDir, masterKey: Buffer.alloc(32, 1), nodeId: 'lives', log });
    if (!opened.ok) throw new Error(JSON.stringify(opened.error));
    return opened.value;
  };
  const before = await open();
  const { context } = await openMailPlace(before, server.port, ['ops@example.net'], 8_000);
  await makeMails(before, context);
  await before.close();

  const program = fileURLToPath(new URL('../support/mail-crash-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', program, dataDir, '12000'], { stdio: 'inherit' });
  t.same(await once(child, 'exit'), [null, 'SIGKILL']);
  t.equal((await server.received()).length, 1, 'the mail had been handed over');

  const after = await open();
  t.teardown(() => after.close());
  const desk = tenantContext(context.tenantId, 'test');
  t.match((await after.mails.list(desk, { limit: 10 })).items, [{ state: 'waiting', attempts: 1 }], 'and nothing says so');
  while ((await sendDueMails({ mails: after.mails, mailerOf: mailersOf(after), log })) === 0) await sleep(200);
  t.match((await after.mails.list(desk, { limit: 10 })).items, [{ state: 'sent', attempts: 2 }]);
  const raws = (await server.received()).map(({ raw }) => raw);
  t.equal(raws.length, 2);
  const ids = raws.map((raw) => /^Message-ID: (.+)$/m.exec(raw)?.[1]);
  t.match(ids[0], /^<[0-9a-f-]{36}@example\.org>/);
  t.equal(ids[0], ids[1]);
});
