import { join } from 'node:path';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { createLog } from '../../src/runtime/log.js';
import { createSealer, deriveKey, sealedHead } from '../../src/runtime/seal.js';
import { challengeMacKeyOf } from '../../src/store/challenge-mac-key.js';
import { connectPglite } from '../../src/store/connection/pglite.js';
import { connectPostgres } from '../../src/store/connection/postgres.js';
import { describeStoreFault } from '../../src/store/fault.js';
import { idempotencyStore } from '../../src/store/idempotency.js';
import { openStore } from '../../src/store/open.js';
import { rotateMasterKey } from '../../src/store/rotate.js';
import { forgetOldJob } from '../../src/workers/forget-old.js';
import { createDatabase } from '../support/database.js';
import { newCertificate, newOrder, newTenant, orderIn, system } from '../support/orders.js';
import { type RawStore, rawStores } from '../support/raw-store.js';

// An embedded database is opened a dozen times, which takes two seconds each on a busy machine.
t.setTimeout(240_000);

for (const raw of await rawStores()) {
  t.test(raw.name, async (t) => {
    t.teardown(raw.close);
    await t.test('answers kept for an Idempotency-Key', (t) => keptAnswers(t, raw));
    await t.test('the audit trail', (t) => trail(t, raw));
    await t.test('refusals that did not come again', (t) => oldRefusals(t, raw));
  });
}

async function keptAnswers(t: Test, { connection, store }: RawStore): Promise<void> {
  const sealer = createSealer(Buffer.alloc(32, 1));
  const other = idempotencyStore(connection, sealer);
  const tomorrow = new Date(Date.now() + 86_400_000);
  const tenantId = '01890000-0000-7000-8000-000000000001';
  const key = (name: string, actor = 'token:1') => ({ tenantId, actor, key: name });
  const answer = { status: 201, headers: { location: '/x' }, body: '{"secret":"shown once"}' };
  const kindOf = async (claim: Promise<{ readonly kind: string }>) => (await claim).kind;

  await t.test('one of many concurrent requests gets the key, on whatever process it runs', async (t) => {
    const claims = await Promise.all(Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? store.idempotency : other).claim(key('a'), 'f', tomorrow)));
    t.same(claims.map(({ kind }) => kind).sort(), [...Array(7).fill('busy'), 'mine']);
    const mine = claims.find((claim) => claim.kind === 'mine');
    if (mine?.kind === 'mine') await mine.held.keep(answer);
    t.same(await other.claim(key('a'), 'f', tomorrow), { kind: 'kept', answer }, 'and any process gives its answer');
    t.equal(await kindOf(other.claim(key('a'), 'g', tomorrow)), 'other-request');
    t.equal(await kindOf(other.claim(key('a', 'token:2'), 'g', tomorrow)), 'mine', 'another caller never meets it');
    t.equal(await kindOf(other.claim({ ...key('a'), tenantId: null }, 'g', tomorrow)), 'mine');
  });

  await t.test('is sealed where it lies', async (t) => {
    const { rows } = await sql<{ answer: Buffer }>`select answer from idempotency_keys where answer is not null`.execute(connection.kysely);
    t.equal(rows.length, 1);
    t.notMatch(rows[0]?.answer.toString('latin1') ?? '', /shown once/);
    await sql`update idempotency_keys set answer = ${rows[0]?.answer}`.execute(connection.kysely);
    await t.rejects(store.idempotency.claim(key('a', 'token:2'), 'g', tomorrow), /cannot be opened/, 'and cannot be moved to another key');
  });

  await t.test('a key that was released, or whose process is gone, may be taken again', async (t) => {
    const claim = await store.idempotency.claim(key('b'), 'f', tomorrow);
    if (claim.kind === 'mine') await claim.held.release();
    const second = await other.claim(key('b'), 'f2', tomorrow);
    t.equal(second.kind, 'mine');
    await sql`update idempotency_keys set claimed_until = now() - interval '1 second'`.execute(connection.kysely);
    t.equal(await kindOf(store.idempotency.claim(key('b'), 'f3', tomorrow)), 'other-request');
    t.equal(await kindOf(store.idempotency.claim(key('b'), 'f2', tomorrow)), 'mine');
    if (second.kind === 'mine') await second.held.keep(answer);
    t.equal(await kindOf(store.idempotency.claim(key('b'), 'f2', tomorrow)), 'busy', 'who lost it writes nothing');
  });

  await t.test('is swept after its time', async (t) => {
    await sql`delete from idempotency_keys`.execute(connection.kysely);
    await store.idempotency.claim(key('old'), 'f', new Date(Date.now() - 1000));
    await store.idempotency.claim(key('new'), 'f', tomorrow);
    t.equal(await kindOf(store.idempotency.claim(key('old'), 'g', new Date(Date.now() - 1000))), 'mine', 'an old one is no obstacle either');
    t.equal(await store.idempotency.forget(), 1);
    t.equal(await kindOf(store.idempotency.claim(key('new'), 'f', tomorrow)), 'busy');
  });
}

async function trail(t: Test, { connection, store }: RawStore): Promise<void> {
  const quiet = () => undefined;
  const verify = async (marks = {}) => store.auditTrail.verify(marks, quiet);
  const tenant = newTenant();
  for (let count = 0; count < 5; count += 1) await store.orders.settleIssued(tenant, newOrder({ transactionId: 'é\u0000\ud800' }), newCertificate(), 'issuing');
  await orderIn(store.orders, tenant, 'REVOKED');
  await store.flush();
  const first = await verify();
  const [boot = ''] = Object.keys(first.marks);
  const put = async (...texts: readonly string[]) => {
    for (const text of texts) await sql.raw(text).execute(connection.kysely);
  };

  await t.test('is whole as the nodes wrote it, and grows without a fault', async (t) => {
    t.same(first.faults, []);
    t.equal(first.events, first.marks[boot]?.seq);
    await store.orders.settleIssued(tenant, newOrder(), newCertificate(), 'issuing');
    const second = await verify(first.marks);
    t.same(second.faults, []);
    t.equal(second.events, first.events + 1);
    t.not(second.marks[boot]?.digest, first.marks[boot]?.digest);
  });

  await t.test('a changed row is found by its details, or by the marks', async (t) => {
    await put(`update audit_events set details = replace(details, '{', '{ ') where node_seq = 2`);
    t.match(await verify(), { faults: [{ kind: 'not-canonical', boot, seq: 2 }] });
    await put(`update audit_events set details = replace(details, '{ ', '{') where node_seq = 2`);
    await put(`update audit_events set actor = 'nobody' where node_seq = 3`);
    t.same((await verify()).faults, [], 'well made, and not to be told from the right one by itself');
    t.same((await verify(first.marks)).faults, [{ kind: 'changed', boot, seq: first.marks[boot]?.seq }]);
    await put(`update audit_events set actor = 'device' where node_seq = 3`);
    t.same((await verify(first.marks)).faults, []);
  });

  await t.test('rows that are missing, or were never written by a node, are found', async (t) => {
    await put('create table kept as select * from audit_events');
    await put('delete from audit_events where node_seq in (2, 3)');
    t.same((await verify()).faults, [{ kind: 'gap', boot, from: 2, to: 3 }]);
    const last = (await verify()).marks[boot]?.seq ?? 0;
    await put(`delete from audit_events where node_seq = ${last}`);
    t.match(await verify(), {
      faults: [
        { kind: 'gap', from: 2, to: 3 },
        { kind: 'gap', from: last, to: last },
      ],
    });
    await put('delete from audit_events', 'insert into audit_events select * from kept', 'drop table kept');
    await put(
      `insert into audit_events select boot_id, ${last + 2}, node_id, at, tenant_id, actor, action, object, outcome, details from audit_events where node_seq = 1`,
    );
    t.same((await verify()).faults, [{ kind: 'beyond', boot, seq: last + 2 }]);
    await put(`delete from audit_events where node_seq = ${last + 2}`);
    const stranger = '01890000-0000-7000-8000-00000000000f';
    t.same((await verify({ ...first.marks, [stranger]: { seq: 1, digest: 'x' } })).faults, [{ kind: 'gone', boot: stranger }]);
    t.same((await verify(first.marks)).faults, []);
  });
}

async function oldRefusals(t: Test, { connection, store }: RawStore): Promise<void> {
  for (const source of ['192.0.2.1', '192.0.2.2'])
    store.refusals.note({ reason: 'malformed', tenantId: null, profileId: null, source, clientFamily: 'x', detail: '' });
  await store.flush();
  await sql`update refusals set last_seen = now() - interval '31 days' where source = '192.0.2.1'`.execute(connection.kysely);
  const sources = async () => (await store.refusals.list({ tenantId: null, actor: 'x' }, { limit: 10 })).items.map(({ source }) => source).sort();
  const log = createLog('silent');
  await forgetOldJob({ ...store, log }, 90).run();
  t.same(await sources(), ['192.0.2.1', '192.0.2.2']);
  await forgetOldJob({ ...store, log }, 30).run();
  t.same(await sources(), ['192.0.2.2'], 'are forgotten after as many days as the setting says');
}

t.test('another master key', { timeout: 240_000 }, async (t) => {
  const log = createLog('silent');
  const [oldKey, newKey] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const database = await createDatabase();
  const places: { readonly name: string; readonly at: { readonly dataDir: string } | { readonly databaseUrl: string } }[] = [
    { name: 'PGlite', at: { dataDir: join(t.testdir({}), 'db') } },
  ];
  if (database !== undefined) places.push({ name: 'PostgreSQL', at: { databaseUrl: database.url } });
  t.teardown(async () => database?.drop());

  for (const { name, at } of places) {
    await t.test(name, { timeout: 120_000 }, async (t) => {
      const options = { ...at, nodeId: 'rotate-1', log, masterKey: oldKey };
      const open = async (masterKey: Buffer) => {
        const opened = await openStore({ ...options, nodeId: 'node-1', masterKey });
        if (!opened.ok) throw new Error(describeStoreFault(opened.error));
        return opened.value;
      };
      const connect = async () =>
        'databaseUrl' in at ? connectPostgres({ databaseUrl: at.databaseUrl, applicationName: 'test', poolSize: 1, log }) : connectPglite(at.dataDir);
      const quiet = () => undefined;

      const store = await open(oldKey);
      for (let index = 0; index < 150; index += 1) {
        const claim = await store.idempotency.claim({ tenantId: null, actor: 'a', key: `k${index}` }, 'f', new Date(Date.now() + 86_400_000));
        if (claim.kind === 'mine') await claim.held.keep({ status: 200, headers: {}, body: `answer ${index}` });
      }
      await store.engine.addCa({ id: 'root', certificate: Buffer.from('certificate'), privateKey: Buffer.from('private key'), parentId: 'root' } as Parameters<
        typeof store.engine.addCa
      >[0]);
      const [tenant, waiting] = [newTenant(), newOrder()];
      await store.orders.record(tenant, waiting, 'ACCEPTED');
      if ('databaseUrl' in at) {
        t.match(await rotateMasterKey(options, newKey, quiet), { ok: false, error: { kind: 'in-use' } }, 'not under a running server');
        await store.ping();
      }
      await store.close();

      await t.test('a run that is cut off keeps servers out and is finished by the next one', async (t) => {
        const cut = () => {
          throw new Error('cut off');
        };
        await t.rejects(
          untilIdle(() => rotateMasterKey(options, newKey, cut)),
          /cut off/,
        );
        t.match(await openStore({ ...options, nodeId: 'node-2' }), { ok: false, error: { kind: 'key-rotation-unfinished' } });
        t.match(await rotateMasterKey(options, Buffer.alloc(32, 3), quiet), { ok: false, error: { kind: 'other-rotation' } });
        const steps: string[] = [];
        const rotated = await rotateMasterKey(options, newKey, (table, resealed) => void (resealed > 0 && steps.push(`${table} ${resealed}`)));
        t.match(rotated, { ok: true });
        t.match(steps, ['engine_cas 1', 'order_work 1', 'idempotency_keys 100', 'idempotency_keys 150']);
      });

      await t.test('afterwards only the new key opens anything, and everything opens', async (t) => {
        t.match(await openStore({ ...options, nodeId: 'node-3' }), { ok: false, error: { kind: 'wrong-master-key' } });
        t.match(await rotateMasterKey(options, newKey, quiet), { ok: false, error: { kind: 'wrong-master-key' } });
        const fresh = await open(newKey);
        t.match(await fresh.idempotency.claim({ tenantId: null, actor: 'a', key: 'k149' }, 'f', new Date()), { kind: 'kept', answer: { body: 'answer 149' } });
        t.match(await fresh.engine.listCas(), [{ id: 'root', privateKey: Buffer.from('private key') }]);
        t.same((await fresh.orders.claim(system, waiting.id, 1_000))?.request, waiting.request);
        t.same(await challengeMacKeyOf(fresh.settings, newKey), deriveKey(oldKey, 'challenge'), 'challenges made under the old key stay valid');
        t.match((await fresh.audit.list({ tenantId: null, actor: 'x' }, { limit: 1, action: 'master-key.rotated' })).items, [{ actor: 'cli' }]);
        await fresh.close();
      });

      await t.test('a sealed value nobody knows how to seal anew stops it before the old key is given up', async (t) => {
        const raw = await connect();
        const sealed = createSealer(newKey).seal(Buffer.from('x'), { table: 'later', column: 'secret', tenantId: '', rowId: '1' });
        await sql`create table later (secret bytea)`.execute(raw.kysely);
        await sql`insert into later values (${sealed})`.execute(raw.kysely);
        await raw.close();
        const third = Buffer.alloc(32, 3);
        const again = { ...options, masterKey: newKey };
        t.match(await rotateMasterKey(again, third, quiet), { ok: false, error: { kind: 'left', column: 'later.secret', rows: 1 } });
        t.match(sealed.subarray(0, 10), sealedHead(newKey));
        const mended = await connect();
        await sql`drop table later`.execute(mended.kysely);
        await mended.close();
        t.match(await rotateMasterKey(again, third, quiet), { ok: true, value: 0 }, 'what was sealed anew stays so');
        const last = await open(third);
        t.same(await challengeMacKeyOf(last.settings, third), deriveKey(oldKey, 'challenge'), 'the key of the challenges is handed on');
        await last.close();
      });
    });
  }

  /** PostgreSQL shows a connection for a moment after it was closed. */
  async function untilIdle<T extends { readonly ok: boolean; readonly error?: { readonly kind: string } }>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      const result = await work();
      if (result.error?.kind !== 'in-use') return result;
    }
  }
});
