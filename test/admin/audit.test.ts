import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { openCheckpoint, readKey } from '../../src/audit/checkpoint.js';
import { leafHash, rootOfProof } from '../../src/audit/merkle.js';
import { tenantContext } from '../../src/tenancy/context.js';
import { ourVerdict } from '../audit/verifiers.js';
import { newCertificate, newOrder } from '../support/orders.js';
import { type RawStore, rawStores } from '../support/raw-store.js';
import { type Answer, type Desk, type Json, openDesk } from './desk.js';

t.setTimeout(180_000);
const paths = (answer: Answer): string[] => answer.body.errors.map((error: { path: string }) => error.path).sort();

for (const raw of await rawStores()) {
  t.test(raw.name, async (t) => {
    const none = { addOrder: async () => '', auditEvents: async () => [], close: async () => undefined };
    const { auditChain, auditSinks } = raw.store;
    const desk = await openDesk(async () => ({ ...raw.store, ...none }), { auditChain, auditSinks, chainOf: async () => [Buffer.from('3000', 'hex')] });
    t.teardown(async () => {
      await desk.close();
      await raw.close();
    });
    await events(t, raw, desk);
    await evidence(t, raw, desk);
    await exportAndCheckpoints(t, desk);
    await sinks(t, raw, desk);
  });
}

async function events(t: Test, raw: RawStore, desk: Desk): Promise<void> {
  const [one, other] = [await desk.addTenant(), await desk.addTenant()];
  const at = (time: string) => new Date(time);
  const event = (object: string, time: string, tenantId: string | null, outcome: 'success' | 'failure' = 'success') => ({
    ...{ at: at(time), tenantId, actor: 'someone', action: 'thing.done', object, outcome, details: { note: '=1+1' } },
  });
  await raw.store.audit.append(event('a', '2026-01-01T00:00:00Z', one.id));
  await raw.store.audit.append(event('b', '2026-01-02T00:00:00Z', one.id, 'failure'));
  await raw.store.audit.append(event('c', '2026-01-03T00:00:00Z', other.id));
  const auditor = await desk.as('auditor', one.id);
  const objects = async (query: string) =>
    (await auditor('GET', `/api/v1/audit-events?action=thing.done&sort=at${query}`)).body.items.map((item: Json) => item.object);

  await t.test('are filtered by what they tell and by time, within the tenant', async (t) => {
    t.same(await objects(''), ['a', 'b']);
    t.same(await objects('&since=2026-01-02T00:00:00Z'), ['b']);
    t.same(await objects('&until=2026-01-02T01:00:00%2B01:00'), ['a']);
    t.same(await objects('&outcome=failure'), ['b']);
    t.same(paths(await auditor('GET', '/api/v1/audit-events?since=yesterday')), ['since']);
    t.equal((await (await desk.as('viewer', one.id))('GET', '/api/v1/audit-events')).status, 403);
  });

  await t.test('come as CSV, with formulas made harmless', async (t) => {
    const { text, headers } = await auditor('GET', '/api/v1/audit-events?action=thing.done&sort=at', undefined, { accept: 'text/csv' });
    t.match(headers['content-type'], /^text\/csv/);
    const lines = text.trimEnd().split('\r\n');
    t.equal(lines[0], 'id,at,nodeId,tenantId,actor,action,object,outcome,details');
    t.equal(lines.length, 3);
    t.match(lines[1], /,someone,thing\.done,a,success,"\{""note"":""=1\+1""\}"$/);
  });

  await t.test('are read one by one, with the proof that a checkpoint covers them', async (t) => {
    const { body } = await auditor('GET', '/api/v1/audit-events?object=a');
    const { id } = body.items[0];
    t.match((await auditor('GET', `/api/v1/audit-events/${id}`)).body, { object: 'a', proof: null }, 'none yet');
    while ((await raw.store.auditChain.seal()) > 0);
    await raw.store.auditChain.sign();
    const { body: detail } = await auditor('GET', `/api/v1/audit-events/${id}`);
    provenBy(t, detail.proof, (await auditor('GET', '/api/v1/audit-checkpoints')).body.key);
    t.match(JSON.parse(detail.proof.event), { object: 'a', details: { note: '=1+1' } });
    t.equal((await other.admin('GET', `/api/v1/audit-events/${id}`)).status, 404, "another tenant's event is not there");
    t.equal((await auditor('GET', `/api/v1/audit-events/${id.replace(/:\d+$/, ':999999')}`)).status, 404);
    t.equal((await auditor('GET', '/api/v1/audit-events/nonsense')).status, 404);
  });
}

function provenBy(t: Test, proof: Json, keyLine: string): void {
  const key = readKey(keyLine);
  const opened = key.ok ? openCheckpoint(proof.checkpoint, key.value) : key;
  if (!opened.ok) {
    t.fail(opened.error);
    return;
  }
  const path = proof.path.map((hash: string) => Buffer.from(hash, 'base64'));
  t.same(rootOfProof(leafHash(proof.event), proof.seq - 1, proof.size, path), opened.value.root);
}

async function evidence(t: Test, raw: RawStore, desk: Desk): Promise<void> {
  await t.test('the evidence of an order proves its history without the server, and reading it is an event', async (t) => {
    const tenant = await desk.addTenant();
    const order = newOrder();
    await raw.store.orders.settleIssued(tenantContext(tenant.id, 'device'), order, newCertificate(), 'issuing');
    await raw.store.flush();
    const auditor = await desk.as('auditor', tenant.id);
    const answer = await auditor('GET', `/api/v1/orders/${order.id}/evidence`);
    t.equal(answer.status, 200, answer.text);
    const { body } = answer;
    t.match(body, { format: 'gatehouse-evidence-v1', order: { id: order.id }, certificate: { pem: /BEGIN CERTIFICATE/, chain: [/BEGIN CERTIFICATE/] } });
    t.same(body.events.map(({ action }: Json) => action).sort(), ['evidence.read', 'order.issued']);
    for (const event of body.events) provenBy(t, event.proof, body.key);
    t.ok(body.timeline.length > 0);
    const stranger = await desk.addTenant();
    t.equal((await stranger.admin('GET', `/api/v1/orders/${order.id}/evidence`)).status, 404);
    t.equal((await (await desk.as('viewer', tenant.id))('GET', `/api/v1/orders/${order.id}/evidence`)).status, 403);
  });
}

async function exportAndCheckpoints(t: Test, desk: Desk): Promise<void> {
  await t.test('the export verifies under the key and the checkpoints that the API shows', async (t) => {
    const auditor = await desk.as('auditor', null);
    const { text, headers } = await auditor('GET', '/api/v1/audit-export');
    t.equal(headers['content-type'], 'application/x-ndjson');
    const { body } = await auditor('GET', '/api/v1/audit-checkpoints?limit=200');
    const key = readKey(body.key);
    if (!key.ok) return t.fail(key.error);
    const lines = text.trimEnd().split('\n');
    const kept = body.items.map(({ note }: Json) => note);
    t.match(await ourVerdict(lines, { key: key.value, kept }), /^sound \d+ \d+$/);
    t.match(text, /"action":"audit.exported"/, 'it tells of itself');
    t.match(body.state, { unsealed: Number, signed: body.items.at(-1).size });
    t.equal((await auditor('GET', `/api/v1/audit-checkpoints?after=${body.items.at(-1).size}`)).body.items.length, 0);
    const tenant = await desk.addTenant();
    t.equal((await tenant.admin('GET', '/api/v1/audit-export')).status, 403, 'not for those who see one tenant only');
  });
}

async function sinks(t: Test, raw: RawStore, desk: Desk): Promise<void> {
  const superadmin = await desk.as('superadmin', null);
  const webhook = (name: string, more: object = {}) => ({
    name,
    type: 'webhook',
    settings: { url: 'https://siem.example.test/in' },
    secret: 'sixteen-letters-at-least',
    ...more,
  });

  await t.test('a sink is created, changed and removed; its secret is never read back and lies sealed', async (t) => {
    const created = await superadmin('POST', '/api/v1/audit-sinks', webhook('SIEM'));
    t.equal(created.status, 201, created.text);
    t.match(created.body, { status: 'active', tenantId: null, secret: { set: true }, lastError: null, deliveredAt: null });
    t.notMatch(created.text, /sixteen/);
    const { rows } = await sql<{ secret: Buffer }>`select secret from audit_sinks where secret is not null`.execute(raw.connection.kysely);
    t.notMatch(rows[0]?.secret.toString('latin1'), /sixteen/);
    const url = `/api/v1/audit-sinks/${created.body.id}`;
    t.same(paths(await superadmin('POST', '/api/v1/audit-sinks', webhook('SIEM'))), ['name']);
    t.same(
      paths(await superadmin('PATCH', url, { settings: { url: 'https://elsewhere.example.test' } }, { 'if-match': '"1"' })),
      ['secret'],
      'a secret does not follow to another address',
    );
    t.same(paths(await superadmin('PATCH', url, { settings: { host: 'x' } }, { 'if-match': '"1"' })).includes('settings.url'), true);
    const moved = await superadmin(
      'PATCH',
      url,
      { settings: { url: 'https://elsewhere.example.test' }, secret: 'another-secret-of-it' },
      { 'if-match': '"1"' },
    );
    t.match(moved.body, { settings: { url: 'https://elsewhere.example.test' }, version: 2 });
    t.equal((await superadmin('PATCH', url, { status: 'inactive' }, { 'if-match': '"1"' })).status, 412);
    t.match((await superadmin('GET', '/api/v1/audit-sinks?type=webhook')).body, { total: 1 });
    t.equal((await superadmin('DELETE', url, undefined, { 'if-match': '"2"' })).status, 204);
    t.equal((await superadmin('GET', url)).status, 404);
    const told = (await raw.store.audit.list({ tenantId: null, actor: 'x' }, { limit: 10, object: `audit-sink:${created.body.id}` })).items;
    t.same(told.map(({ action }) => action).sort(), ['audit-sink.created', 'audit-sink.removed', 'audit-sink.updated']);
  });

  await t.test('what is wrong is told with its path, and only who sees every tenant may', async (t) => {
    t.same(paths(await superadmin('POST', '/api/v1/audit-sinks', webhook('X', { secret: 'short', settings: { url: 'ftp://x' } }))), ['secret', 'settings.url']);
    t.same(paths(await superadmin('POST', '/api/v1/audit-sinks', webhook('X', { tenantId: '0192f0c1-2345-7000-8000-000000000001' }))), ['tenantId']);
    t.equal((await superadmin('POST', '/api/v1/audit-sinks', { name: 'S', type: 'syslog', settings: { host: 'a b' } })).status, 400);
    const tenant = await desk.addTenant();
    t.equal((await tenant.admin('POST', '/api/v1/audit-sinks', webhook('Y'))).status, 403);
    t.equal((await tenant.admin('GET', '/api/v1/audit-sinks')).status, 403);
    t.equal((await (await desk.as('admin', null))('POST', '/api/v1/audit-sinks', webhook('Y'))).status, 403);
  });
}
