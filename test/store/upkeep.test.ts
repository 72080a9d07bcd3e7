import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { createSealer } from '../../src/runtime/seal.js';
import { idempotencyStore } from '../../src/store/idempotency.js';
import { type RawStore, rawStores } from '../support/raw-store.js';

for (const raw of await rawStores()) {
  t.test(raw.name, async (t) => {
    t.teardown(raw.close);
    await t.test('answers kept for an Idempotency-Key', (t) => keptAnswers(t, raw));
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
