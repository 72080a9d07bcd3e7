import { sql } from 'kysely';
import t from 'tap';
import { uuidv7 } from '../../src/runtime/ids.js';
import { InvalidListQuery } from '../../src/store/page.js';
import { lookedAtMost, searchedAtOnce } from '../../src/store/walk.js';
import { newTenant } from '../support/orders.js';
import { rawStores } from '../support/raw-store.js';

const most = lookedAtMost;

t.setTimeout(300_000);

for (const { name, store, connection, close } of await rawStores()) {
  t.test(name, { timeout: 300_000 }, async (t) => {
    t.teardown(close);
    const tenant = newTenant();
    const profile = uuidv7();
    // The oldest is the only one that is issued and not fetched; half are of a subject of their own.
    await sql`insert into orders (id, tenant_id, profile_id, connector_id, protocol, account_id, transaction_id, dedupe_key, operation, state, subject,
        client_ip, client_family, key_type, digest, cipher, credential, created_at, finished_at)
      select (lpad(to_hex((extract(epoch from now()) * 1000)::bigint - n), 12, '0') || '7000' || '8' || lpad(to_hex(n), 15, '0'))::uuid, ${tenant.tenantId}::uuid,
        ${profile}::uuid, ${profile}::uuid, 'scep', md5('a' || n)::uuid, 't' || n, decode(md5('d' || n), 'hex'), 'enrolment',
        case n when ${most + 5} then 'ISSUED' else 'CONFIRMED' end, 'CN=' || n % 2 || '-' || n, '192.0.2.1', 'x', 'P-256', 'sha256', '', 'x', now(), now()
      from generate_series(1, ${most + 5}::int) n`.execute(connection.kysely);
    const list = (query: object) => store.orderReader.list(tenant, { limit: 50, ...query });

    await t.test('what is rare and far back is searched a piece at a time: an empty page with a next one, then the order', async (t) => {
      const first = await list({ state: 'ISSUED' });
      t.match(first, { items: [], total: 0, totalIsLowerBound: true });
      t.type(first.nextCursor, 'string');
      const second = await list({ state: 'ISSUED', cursor: first.nextCursor });
      t.match(second.items, [{ state: 'ISSUED', transactionId: `t${most + 5}` }]);
      t.equal(second.nextCursor, undefined);
      const fromTheEnd = await list({ state: 'ISSUED', sort: 'createdAt' });
      t.match(fromTheEnd, { items: [{ state: 'ISSUED' }], total: 1, totalIsLowerBound: true });
    });

    await t.test('a text that is rare and far back is found on some page: how far one looks depends on the machine, and has bounds', async (t) => {
      const pages = [await list({ q: `-${most + 5}` })];
      for (let cursor = pages[0]?.nextCursor; cursor !== undefined; cursor = pages.at(-1)?.nextCursor) pages.push(await list({ q: `-${most + 5}`, cursor }));
      t.match(
        pages.flatMap(({ items }) => items),
        [{ transactionId: `t${most + 5}` }],
      );
      t.ok(pages.length >= 2 && pages.length <= 1 + most / searchedAtOnce, `${pages.length} pages`);
    });

    await t.test('page after page shows every match once, in sequence, in both directions', async (t) => {
      for (const sort of ['createdAt', '-createdAt']) {
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await list({ q: 'CN=1-', sort, limit: 4_000, ...(cursor !== undefined && { cursor }) });
          t.ok(page.total >= searchedAtOnce / 2 && page.total <= 10_000 && page.totalIsLowerBound, 'counted as far as was looked');
          seen.push(...page.items.map(({ id }) => id));
          cursor = page.nextCursor;
        } while (cursor !== undefined);
        t.equal(seen.length, Math.ceil((most + 5) / 2));
        t.same(seen, sort === 'createdAt' ? [...seen].sort() : [...seen].sort().reverse());
        t.equal(new Set(seen).size, seen.length);
      }
    });

    await t.test('what no index sorts is sorted among the newest', async (t) => {
      const page = await list({ sort: 'subject', limit: 1 });
      t.match(page, { total: 10_000, totalIsLowerBound: true });
      const narrow = await list({ sort: '-finishedAt', transactionId: 't7' });
      t.match(narrow, { items: [{ transactionId: 't7' }], total: 1 });
      t.notOk('totalIsLowerBound' in narrow);
    });

    await t.test('one index and nothing else needs no search: the total is as before', async (t) => {
      t.match(await list({ profileId: profile }), { total: 10_000, totalIsLowerBound: true });
      t.match(await list({ transactionId: 't7' }), { total: 1, items: [{ transactionId: 't7' }] });
      const foreign = await store.orderReader.list(newTenant(), { limit: 5, profileId: profile });
      t.match(foreign, { items: [] }, "another tenant's profile shows nothing");
    });

    await t.test('a cursor that no list made is refused, whatever stands in it', async (t) => {
      const forged = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url');
      const cursors = [
        '',
        '!',
        forged(),
        forged('a'),
        forged('a', 'b'),
        forged(1, 2),
        forged('2026-02-30 00:00:00+00', uuidv7()),
        forged('\u0000', uuidv7()),
        forged(uuidv7(), "';--"),
      ];
      for (const cursor of cursors)
        for (const sort of ['createdAt', '-attempts', 'finishedAt'])
          for (const q of ['', 'x']) await t.rejects(list({ cursor, sort, q }), { name: 'InvalidListQuery' }, `${cursor} ${sort}`);
      t.ok(new InvalidListQuery('x') instanceof Error);
    });
  });
}
