import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { noteConnectorState } from '../../src/notification/connector-state.js';
import { composeMail } from '../../src/notification/content.js';
import type { ClaimedMail, Credential, NewRule } from '../../src/notification/ports.js';
import type { NotificationRule } from '../../src/notification/rule.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import { systemContext, type TenantContext, tenantContext } from '../../src/tenancy/context.js';
import { policySchema } from '../../src/tenancy/policy.js';
import { newCertificate, newOrder, orderIn, system } from '../support/orders.js';
import { type RawStore, rawStores } from '../support/raw-store.js';

t.setTimeout(240_000);

for (const raw of await rawStores()) {
  t.test(raw.name, async (t) => {
    t.teardown(raw.close);
    await t.test('events', (t) => events(t, raw));
    await t.test('storms', (t) => storms(t, raw));
    await t.test('rules', (t) => rules(t, raw));
    await t.test('expiries', (t) => expiries(t, raw));
    await t.test('digests', (t) => digests(t, raw));
    await t.test('connectors', (t) => connectors(t, raw));
    await t.test('mails', (t) => mails(t, raw));
  });
}

const now = { gatherMs: 0 };
const consoleUrl = 'https://gatehouse.example.test';

/** A tenant with an SMTP connector. */
async function newPlace({ store }: RawStore): Promise<{ readonly context: TenantContext; readonly connectorId: string }> {
  const id = uuidv7();
  await store.tenants.create(systemContext('cli'), { id, name: `Acme ${id}`, slug: `t-${id}`, status: 'active' });
  const context = tenantContext(id, 'cli');
  const connectorId = uuidv7();
  const config = { server: 'mail.example.test', port: 587, from: 'gatehouse@example.test' };
  await store.connectors.create(context, { id: connectorId, type: 'smtp', name: 'Mail', description: '', status: 'active', config, secrets: {} });
  return { context, connectorId };
}

async function newRule({ store }: RawStore, context: TenantContext, connectorId: string, change: Partial<NewRule> = {}): Promise<NotificationRule> {
  const words = { name: `Rule ${uuidv7()}`, description: '', status: 'active' as const, recipients: ['ops@example.test'] };
  const what = {
    events: ['order-failed', 'approval-needed'] as const,
    profileIds: [],
    expiryDays: [30, 7, 1],
    minutesBetweenMails: 15,
    digest: { weekday: 1, hour: 6 },
  };
  const created = await store.notificationRules.create(context, { id: uuidv7(), connectorId, ...words, ...what, ...change });
  if (!created.ok) throw new Error(JSON.stringify(created.error));
  return created.value;
}

async function newProfile({ store }: RawStore, context: TenantContext, name: string): Promise<string> {
  const [id, connectorId] = [uuidv7(), uuidv7()];
  const issuing = { type: 'crypto-engine', description: '', status: 'active', config: { url: 'embedded:' }, secrets: {} } as const;
  await store.connectors.create(context, { id: connectorId, name: `Engine of ${name}`, ...issuing });
  const created = await store.profiles.createScep(context, {
    id,
    connectorId,
    name,
    protocol: 'scep',
    endpointPath: `p-${id}`,
    legacyPaths: [],
    description: '',
    status: 'active',
    policy: policySchema.parse({}),
    overrides: {},
    publicBaseUrl: null,
    challengeMode: 'one-time',
    challengeMac: null,
  });
  if (!created.ok) throw new Error(JSON.stringify(created.error));
  return id;
}

/** Makes mails of everything that is due; resolves with those of a tenant, newest last. */
async function mailsOf({ store }: RawStore, { tenantId }: TenantContext) {
  while ((await store.notifications.gather(100, now)) > 0);
  await store.notifications.close(100, (gathered, occasion) => composeMail(gathered, { ...occasion, consoleUrl }));
  return [...(await store.mails.list(tenantContext(tenantId, 'test'), { limit: 100 })).items].reverse();
}

async function events(t: Test, raw: RawStore): Promise<void> {
  const { store, connection } = raw;
  const { context, connectorId } = await newPlace(raw);
  const profileId = await newProfile(raw, context, 'Routers');
  const outbox = async () =>
    (
      await sql<{
        kind: string;
      }>`select payload->>'kind' as kind from outbox where topic = 'notification' and tenant_id = ${context.tenantId} order by id`.execute(connection.kysely)
    ).rows.map(({ kind }) => kind);

  await t.test('without a rule nothing is written, and nothing is asked of the database', async (t) => {
    await orderIn(store.orders, context, 'FAILED', newOrder({ profileId, connectorId }));
    t.same(await outbox(), []);
    t.equal(store.notifications.hasRules(), false);
  });

  const rule = await newRule(raw, context, connectorId, { name: 'Operators', recipients: ['ops@example.test', 'night@example.test'] });
  t.equal(store.notifications.hasRules(), true);

  await t.test('an event stands in the outbox as soon as the order is in its state, and only what a rule wants to hear of', async (t) => {
    await orderIn(store.orders, context, 'FAILED', newOrder({ profileId, connectorId, subject: 'CN=router-1' }));
    const waiting = newOrder({ profileId, connectorId, subject: 'CN=router-2' });
    await orderIn(store.orders, context, 'AWAITING_APPROVAL', waiting);
    await orderIn(store.orders, context, 'REJECTED', newOrder({ profileId, connectorId }));
    await orderIn(store.orders, context, 'STUCK', newOrder({ profileId, connectorId }));
    await orderIn(store.orders, context, 'DELIVERED', newOrder({ profileId, connectorId }));
    await orderIn(store.orders, { ...context, tenantId: uuidv7() }, 'FAILED');
    t.same(await outbox(), ['order-failed', 'approval-needed']);
  });

  await t.test('a change that is rolled back leaves no event behind', async (t) => {
    const order = newOrder({ profileId, connectorId, challengeId: uuidv7() });
    t.match(await store.orders.record(context, order, 'AWAITING_APPROVAL'), { kind: 'challenge-spent' });
    t.equal((await outbox()).length, 2);
  });

  await t.test('each recipient gets a mail of its own per kind, and each event is told once', async (t) => {
    const made = await mailsOf(raw, context);
    t.same(made.map(({ kind, recipient }) => `${kind} ${recipient}`).sort(), [
      'approval-needed night@example.test',
      'approval-needed ops@example.test',
      'order-failed night@example.test',
      'order-failed ops@example.test',
    ]);
    const failed = made.find(({ kind }) => kind === 'order-failed');
    t.match(failed, { ruleId: rule.id, ruleName: 'Operators', state: 'waiting', attempts: 0, subject: /^\[Gatehouse\] 1 order failed \(Acme/ });
    t.match(failed?.content.rows, [[String, /UTC$/, 'Routers (scep)', 'CN=router-1', '192.0.2.1', 'no']]);
    t.same(await outbox(), []);
    t.equal((await mailsOf(raw, context)).length, 4, 'nothing is made twice');
  });

  await t.test('an approval that was given meanwhile is not asked for', async (t) => {
    const other = await newPlace(raw);
    await newRule(raw, other.context, other.connectorId);
    const order = newOrder();
    await orderIn(store.orders, other.context, 'AWAITING_APPROVAL', order);
    await store.orders.move(other.context, order.id, ['AWAITING_APPROVAL'], 'ACCEPTED', 'approved');
    t.same(await mailsOf(raw, other.context), []);
  });

  await t.test('a rule hears only of its profiles', async (t) => {
    const other = await newPlace(raw);
    const mine = await newProfile(raw, other.context, 'Mine');
    await newRule(raw, other.context, other.connectorId, { profileIds: [mine] });
    await orderIn(store.orders, other.context, 'FAILED', newOrder({ profileId: uuidv7() }));
    await orderIn(store.orders, other.context, 'FAILED', newOrder({ profileId: mine, subject: 'CN=mine' }));
    t.match(await mailsOf(raw, other.context), [{ content: { rows: [[String, String, String, 'CN=mine']], more: 0 } }]);
  });

  await t.test('the commit of a change also carries the event when the process decides late who listens', async (t) => {
    const other = await newPlace(raw);
    await sql`insert into notification_rules (id, tenant_id, connector_id, name, description, status, recipients, events, profile_ids, expiry_days,
        minutes_between_mails, digest)
      values (${uuidv7()}, ${other.context.tenantId}, ${other.connectorId}, 'made elsewhere', '', 'active', '["a@example.test"]', '["order-rejected"]', '[]',
        '[]', 1, '{"weekday":1,"hour":6}')`.execute(connection.kysely);
    await orderIn(store.orders, other.context, 'REJECTED');
    t.same(await mailsOf(raw, other.context), [], 'not heard of until the rules are read again');
    await store.notifications.reload();
    await orderIn(store.orders, other.context, 'REJECTED');
    t.equal((await mailsOf(raw, other.context)).length, 1);
  });
}

async function storms(t: Test, raw: RawStore): Promise<void> {
  const { store, connection } = raw;
  const { context, connectorId } = await newPlace(raw);
  const rule = await newRule(raw, context, connectorId, { events: ['order-rejected'], minutesBetweenMails: 60 });

  await t.test('however many orders fail, they are one mail, and the next one comes an hour later', async (t) => {
    for (let index = 0; index < 60; index += 1) {
      const state = { state: 'REJECTED', failInfo: 'order-rejected', failReason: index % 3 === 0 ? 'no name' : 'wrong key' } as const;
      await store.orders.record(context, newOrder(), state);
    }
    const [mail, ...more] = await mailsOf(raw, context);
    t.same(more, []);
    t.match(mail, {
      subject: /60 orders were rejected/,
      content: {
        more: 10,
        tallyTitle: 'Reasons',
        tallies: [
          ['wrong key', 40],
          ['no name', 20],
        ],
      },
    });
    t.equal(mail?.content.rows.length, 50);

    await orderIn(store.orders, context, 'REJECTED');
    t.equal((await mailsOf(raw, context)).length, 1, 'gathered for the next mail');
    const minutes = sql<{
      left: number;
    }>`select (extract(epoch from due_at - clock_timestamp()) / 60)::float8 as left from notification_gatherings where rule_id = ${rule.id}`;
    const left = (await minutes.execute(connection.kysely)).rows[0]?.left ?? 0;
    t.ok(left > 58 && left <= 60, `${left} minutes`);
    await sql`update notification_gatherings set due_at = clock_timestamp() where rule_id = ${rule.id}`.execute(connection.kysely);
    t.match((await mailsOf(raw, context))[1], { subject: /1 order was rejected/ });
  });

  await t.test('many nodes gather and close at once, and nothing is counted twice', async (t) => {
    const other = await newPlace(raw);
    await newRule(raw, other.context, other.connectorId, { events: ['order-rejected'] });
    for (let index = 0; index < 30; index += 1) await orderIn(store.orders, other.context, 'REJECTED');
    const gathered = await Promise.all(Array.from({ length: 6 }, () => store.notifications.gather(7, now)));
    while ((await store.notifications.gather(7, now)) > 0);
    t.ok(gathered.every((count) => count <= 7));
    const compose: Parameters<typeof store.notifications.close>[1] = (items, occasion) => composeMail(items, { ...occasion, consoleUrl });
    const closed = await Promise.all(Array.from({ length: 4 }, () => store.notifications.close(10, compose)));
    t.equal(
      closed.reduce((sum, count) => sum + count, 0),
      1,
    );
    t.match((await mailsOf(raw, other.context))[0], { subject: /30 orders/ });
  });
}

async function rules(t: Test, raw: RawStore): Promise<void> {
  const { store, connection } = raw;
  const { context, connectorId } = await newPlace(raw);

  await t.test('a name is taken once in a tenant, a change needs the version, and another tenant sees nothing', async (t) => {
    const rule = await newRule(raw, context, connectorId, { name: 'Only' });
    const again = await store.notificationRules.create(context, { ...rule, id: uuidv7() });
    t.same(again, { ok: false, error: { kind: 'conflict', field: 'name' } });
    t.same(await store.notificationRules.update(context, rule.id, 7, { name: 'x' }), { ok: false, error: { kind: 'stale', version: 1 } });
    t.match(await store.notificationRules.update(context, rule.id, 1, { recipients: ['b@example.test'] }), {
      ok: true,
      value: { version: 2, recipients: ['b@example.test'], name: 'Only' },
    });
    const stranger = tenantContext(uuidv7(), 'x');
    t.equal(await store.notificationRules.find(stranger, rule.id), undefined);
    t.same((await store.notificationRules.list(stranger, { limit: 10 })).items, []);
    t.same(await store.notificationRules.remove(stranger, rule.id, 2), { ok: false, error: { kind: 'not-found' } });
  });

  await t.test('a connector that a rule sends through is in use', async (t) => {
    const found = await store.connectors.remove(context, connectorId, 1);
    t.match(found, { ok: false, error: { kind: 'in-use', usedBy: [{ type: 'notification-rule', name: 'Only' }] } });
  });

  await t.test('a rule that sleeps hears nothing and sends nothing; what it had gathered is gone', async (t) => {
    const other = await newPlace(raw);
    const rule = await newRule(raw, other.context, other.connectorId);
    await orderIn(store.orders, other.context, 'FAILED');
    await store.notifications.gather(100, { gatherMs: 60_000 });
    await store.notificationRules.update(other.context, rule.id, 1, { status: 'inactive' });
    await orderIn(store.orders, other.context, 'FAILED');
    t.same(await mailsOf(raw, other.context), []);
    await store.notificationRules.update(other.context, rule.id, 2, { status: 'active' });
    t.same(await mailsOf(raw, other.context), []);
  });

  await t.test('its mails that wait go with a rule, those that were sent stay in the list; every change is audited', async (t) => {
    const other = await newPlace(raw);
    const rule = await newRule(raw, other.context, other.connectorId, { recipients: ['one@example.test', 'two@example.test'] });
    await orderIn(store.orders, other.context, 'FAILED');
    await mailsOf(raw, other.context);
    const [claimed] = (await store.mails.claim(system, 100, 60_000)).filter(({ tenantId }) => tenantId === other.context.tenantId);
    await store.mails.settle(system, claimed as ClaimedMail, { kind: 'sent', response: '250 taken' });
    await store.notificationRules.remove(other.context, rule.id, 1);
    t.match(await mailsOf(raw, other.context), [{ state: 'sent', ruleName: rule.name }]);
    const audit = await store.audit.list(tenantContext(other.context.tenantId, 'x'), { limit: 50 });
    const actions = audit.items.map(({ action }) => action);
    for (const action of ['notification-rule.created', 'notification-rule.removed']) t.ok(actions.includes(action), action);
    const rest = sql`select 1 from notification_gatherings where rule_id = ${rule.id}`;
    t.equal((await rest.execute(connection.kysely)).rows.length, 0);
  });
}

const dayMs = 86_400_000;
const inDays = (days: number): Date => new Date(Date.now() + days * dayMs);

async function expiries(t: Test, raw: RawStore): Promise<void> {
  const { store, connection } = raw;
  const { context, connectorId } = await newPlace(raw);
  const profileId = await newProfile(raw, context, 'Routers');
  const rule = await newRule(raw, context, connectorId, { events: ['certificate-expiring', 'credential-expiring'], expiryDays: [30, 7, 1] });
  const device = (name: string) => newOrder({ profileId, connectorId, accountIdentity: Buffer.alloc(32, name), subject: `CN=${name}` });
  /** Made as if it had been a while ago. */
  const certify = async (name: string, days: number, order = device(name)): Promise<string> => {
    const certificate = newCertificate({ subject: `CN=${name}`, notAfter: inDays(days) });
    await store.orders.settleIssued(context, order, certificate, 'issuing');
    await sql`update certificates set created_at = now() - interval '1 year' where id = ${certificate.id}`.execute(connection.kysely);
    return certificate.id;
  };
  const told = async () => {
    await store.notifications.gatherExpiring(rule, now);
    await sql`update notification_gatherings set due_at = clock_timestamp() where rule_id = ${rule.id} and count > 0`.execute(connection.kysely);
    const before = new Set(seen);
    const fresh = (await mailsOf(raw, context)).filter(({ id, kind }) => kind === 'certificate-expiring' && !before.has(id));
    for (const { id } of fresh) seen.add(id);
    return fresh.flatMap(({ content }) => content.rows.map((cells) => cells[3]));
  };
  const seen = new Set<string>();
  const travel = (days: number) =>
    sql`update notification_marks set reached = reached - ${days} * interval '1 day' where rule_id = ${rule.id}`.execute(connection.kysely);

  await t.test('at the first look everything within reach is told, under its nearest threshold, and not again', async (t) => {
    await certify('in-20', 20);
    await certify('in-5', 5);
    await certify('in-60', 60);
    const revoked = await certify('revoked', 10);
    await sql`update certificates set status = 'revoked' where id = ${revoked}`.execute(connection.kysely);
    t.same(await told(), ['CN=in-5', 'CN=in-20']);
    t.same(await told(), []);
  });

  await t.test('a certificate is told once per threshold as its end comes nearer', async (t) => {
    const id = await certify('ageing', 40);
    const expectations = [
      [31, []],
      [29, ['CN=ageing']],
      [20, []],
      [6.5, ['CN=ageing']],
      [6, []],
      [0.5, ['CN=ageing']],
      [0.4, []],
    ] as const;
    let left = 40;
    for (const [days, expected] of expectations) {
      // Time passes: the certificate's end comes nearer, and what was told before lies as much further back.
      await travel(left - days);
      await sql`update certificates set not_after = not_after - ${left - days} * interval '1 day' where id = ${id}`.execute(connection.kysely);
      await sql`update certificates set not_after = not_after - interval '400 days' where subject in ('CN=in-20', 'CN=in-5', 'CN=in-60')`.execute(
        connection.kysely,
      );
      left = days;
      t.same(await told(), expected, `${days} days`);
    }
  });

  await t.test('what was renewed, and what was made for less than the threshold, is no news', async (t) => {
    await sql`update certificates set not_after = not_after - interval '400 days' where subject = 'CN=ageing'`.execute(connection.kysely);
    await certify('renewed', 3, device('renewed'));
    await certify('renewed', 300, device('renewed'));
    await store.orders.settleIssued(context, device('short'), newCertificate({ subject: 'CN=short', notAfter: inDays(0.9) }), 'issuing');
    await travel(40);
    t.same(await told(), []);
  });

  await t.test('two nodes that look at once tell it once', async (t) => {
    await certify('raced', 25);
    await travel(40);
    const counts = await Promise.all([store.notifications.gatherExpiring(rule, now), store.notifications.gatherExpiring(rule, now)]);
    t.same(counts.sort(), [0, 1]);
    t.same(await told(), ['CN=raced']);
  });

  await t.test('credentials of Gatehouse itself are told the same way', async (t) => {
    const credential = (usedBy: string, days: number): Credential => ({
      tenantId: context.tenantId,
      profileId: null,
      usedBy,
      what: 'RA certificate',
      subject: 'CN=RA',
      notBefore: inDays(-300),
      notAfter: inDays(days),
    });
    t.equal(await store.notifications.gatherCredentials(rule, [credential('soon', 5), credential('later', 100)], now), 1);
    t.equal(await store.notifications.gatherCredentials(rule, [credential('soon', 5), credential('later', 100)], now), 0);
    const mail = (await mailsOf(raw, context)).find(({ kind }) => kind === 'credential-expiring');
    t.match(mail?.content.rows, [['soon', /UTC$/, 'RA certificate', 'CN=RA']]);
  });

  await t.test('a rule that looks at other profiles starts over', async (t) => {
    t.same(await told(), []);
    const changed = await store.notificationRules.update(context, rule.id, 1, { profileIds: [profileId] });
    if (!changed.ok) throw new Error(changed.error.kind);
    t.equal(await store.notifications.gatherExpiring(rule, now), 0, 'the rule as it was is no longer looked after');
    t.ok((await store.notifications.gatherExpiring(changed.value, now)) > 0);
  });
}

async function digests(t: Test, raw: RawStore): Promise<void> {
  const { store } = raw;
  const { context, connectorId } = await newPlace(raw);
  const profileId = await newProfile(raw, context, 'Routers');
  await newProfile(raw, context, 'Quiet');
  const rule = await newRule(raw, context, connectorId, { events: ['weekly-digest'] });
  await orderIn(store.orders, context, 'DELIVERED', newOrder({ profileId, connectorId }));
  await orderIn(store.orders, context, 'FAILED', newOrder({ profileId, connectorId }));
  await orderIn(store.orders, context, 'REJECTED', newOrder({ profileId, connectorId }));
  await orderIn(store.orders, context, 'ACCEPTED', newOrder({ profileId, connectorId }));

  await t.test('a new rule begins with the next time; then each week is told once', async (t) => {
    const [first, second] = [new Date(Date.now() - 1_000), new Date(Date.now() + 60_000)];
    t.equal(await store.notifications.gatherDigest(rule, first, now), false);
    t.same(await Promise.all([1, 2].map(() => store.notifications.gatherDigest(rule, second, now))).then((all) => all.sort()), [false, true]);
    t.equal(await store.notifications.gatherDigest(rule, first, now), false);
    const [mail, ...more] = await mailsOf(raw, context);
    t.same(more, []);
    t.match(mail, { kind: 'weekly-digest', subject: /The week in figures/ });
    t.match(mail?.content.rows, [
      ['Quiet (scep)', '0', '0', '0', '0', '0'],
      ['Routers (scep)', '1', '1', '1', '1', '0'],
    ]);
    t.same(mail?.content.tallies, [['no', 2]]);
  });
}

async function connectors(t: Test, raw: RawStore): Promise<void> {
  const { store } = raw;
  const { context, connectorId } = await newPlace(raw);
  await newRule(raw, context, connectorId, { events: ['connector-down', 'connector-recovered'], minutesBetweenMails: 1 });
  const note = (state: 'up' | 'down', id = connectorId) => noteConnectorState(store.notifications, { connectorId: id, state, reason: 'nothing listens there' });

  await t.test('only a change is news, whoever says it and however often', async (t) => {
    t.equal(await note('up'), true, 'the first word is noted');
    t.same(await mailsOf(raw, context), [], 'and told to nobody');
    const voices = await Promise.all(Array.from({ length: 5 }, () => note('down')));
    t.equal(voices.filter((isNews) => isNews).length, 1);
    t.equal(await note('down'), false);
    t.equal(await note('up'), true);
    t.equal(await note('up'), false);
    const made = await mailsOf(raw, context);
    t.same(made.map(({ kind }) => kind).sort(), ['connector-down', 'connector-recovered']);
    t.match(made.find(({ kind }) => kind === 'connector-down')?.content.rows, [['Mail', /UTC$/, 'smtp', 'nothing listens there']]);
    t.match(made.find(({ kind }) => kind === 'connector-recovered')?.content.rows, [['Mail', /UTC$/, 'smtp', /second/]]);
    t.equal(await note('down', uuidv7()), false, 'of a connector that is gone nothing is told');
  });
}

async function mails(t: Test, raw: RawStore): Promise<void> {
  const { store, connection } = raw;
  const { context, connectorId } = await newPlace(raw);
  await newRule(raw, context, connectorId);
  const claimMine = async () => (await store.mails.claim(system, 1_000, 60_000)).filter(({ tenantId }) => tenantId === context.tenantId);
  const loseLease = (id: string) => sql`update mails set next_attempt_at = clock_timestamp() where id = ${id}`.execute(connection.kysely);
  await orderIn(store.orders, context, 'FAILED');
  await mailsOf(raw, context);
  const desk = tenantContext(context.tenantId, 'token:1');

  await t.test('a mail is held by one worker, and a late one changes nothing under an old fence', async (t) => {
    const both = await Promise.all([claimMine(), claimMine()]);
    t.equal(both.flat().length, 1);
    const late = both.flat()[0] as ClaimedMail;
    t.match(late, { connectorId, recipient: 'ops@example.test', attempts: 1 });
    await loseLease(late.id);
    const [next] = await claimMine();
    t.match(next, { id: late.id, attempts: 2 });
    for (const result of [
      { kind: 'sent', response: '' },
      { kind: 'dead', reason: 'x' },
      { kind: 'retry', reason: 'x', delayMs: 0 },
    ] as const) {
      t.equal(await store.mails.settle(system, late, result), false, result.kind);
    }
    t.equal(await store.mails.settle(system, next as ClaimedMail, { kind: 'retry', reason: 'greylisted', delayMs: 3_600_000 }), true);
    t.match(await store.mails.find(desk, late.id), { state: 'waiting', lastError: 'greylisted' });
    t.same(await claimMine(), [], 'not before its time');
  });

  await t.test('a dead mail says why, in the audit too, and can be sent again', async (t) => {
    const id = (await store.mails.list(desk, { limit: 1 })).items[0]?.id ?? '';
    t.equal(await store.mails.retry(desk, id), false, 'one that waits is not retried');
    await loseLease(id);
    const [claimed] = await claimMine();
    t.equal(await store.mails.settle(system, claimed as ClaimedMail, { kind: 'dead', reason: '550 no such mailbox' }), true);
    t.match(await store.mails.find(desk, id), { state: 'dead', lastError: '550 no such mailbox', nextAttemptAt: null, finishedAt: Date });
    t.match((await store.mails.list(desk, { limit: 10, state: 'dead' })).items, [{ id }]);
    t.same(await claimMine(), []);
    t.equal(await store.mails.retry(tenantContext(uuidv7(), 'x'), id), false, 'nobody else can');
    t.equal(await store.mails.retry(desk, id), true);
    t.equal(await store.mails.settle(system, claimed as ClaimedMail, { kind: 'sent', response: '' }), false, 'its old worker is out');
    const [again] = await claimMine();
    t.match(again, { id, attempts: 1 });
    t.equal(await store.mails.settle(system, again as ClaimedMail, { kind: 'sent', response: '250 taken' }), true);
    t.equal(await store.mails.settle(system, again as ClaimedMail, { kind: 'sent', response: '250 taken' }), true, 'said twice after a lost commit');
    t.match(await store.mails.find(desk, id), { state: 'sent', response: '250 taken', lastError: null });
    const actions = (await store.audit.list(desk, { limit: 50, object: `mail:${id}` })).items.map(({ action }) => action);
    t.same(actions.sort(), ['mail.dead', 'mail.retried']);
  });

  await t.test('what is over is forgotten after its time', async (t) => {
    t.equal(await store.mails.forget(90), 0);
    await sql`update mails set finished_at = now() - interval '91 days' where tenant_id = ${context.tenantId} and state = 'sent'`.execute(connection.kysely);
    t.equal(await store.mails.forget(90), 1);
  });
}
