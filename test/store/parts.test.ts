import t from 'tap';
import { createLog } from '../../src/runtime/log.js';
import { createBatcher } from '../../src/store/batcher.js';
import { canonicalJson, orderedJson } from '../../src/store/canonical-json.js';
import { isTransient, retrying, violatedConstraint } from '../../src/store/connection/transient.js';
import { accountIdOf } from '../../src/store/orders/account.js';
import { keptCounts } from '../../src/store/orders/kept-counts.js';
import { createSpool } from '../../src/store/spool.js';
import { storableJson, storableText } from '../../src/store/text.js';

const withCode = (code: string) => Object.assign(new Error(code), { code });
const tick = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));

t.test('canonical JSON (RFC 8785)', async (t) => {
  t.equal(canonicalJson({ b: 1, a: [true, null, 'é"\n'], B: { z: -0, y: 1e21 } }), '{"B":{"y":1e+21,"z":0},"a":[true,null,"é\\"\\n"],"b":1}');
  // The example of section 3.2.3: members sorted by UTF-16 code units.
  const names = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6'];
  t.same(
    canonicalJson(Object.fromEntries(names.map((name) => [name, 0]))),
    `{${['\r', '1', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33'].map((name) => `${JSON.stringify(name)}:0`).join(',')}}`,
  );
  t.equal(canonicalJson({ left: undefined, at: new Date(0) }), '{"at":"1970-01-01T00:00:00.000Z"}');
  t.throws(() => canonicalJson({ n: Number.NaN }), TypeError);
  t.throws(() => canonicalJson({ n: 1n }), TypeError);
});

t.test('a flat object in order is written the same, also when a device put in what the database cannot hold', async (t) => {
  for (const value of [
    { a: 'é"\n', b: 1, c: null, d: true, e: undefined },
    { a: '\u0000', b: '\ud800 x', c: '\u001f' },
  ])
    t.equal(orderedJson(value), canonicalJson(value));
});

t.test('text the database can hold', async (t) => {
  t.equal(storableText('a\u0000b\ud800c\udfff'), 'a\ufffdb\ufffdc\ufffd');
  t.equal(storableText('\ud83d\ude00 ü'), '\ud83d\ude00 ü');
  t.equal(storableJson({ a: ['\u0000'], b: 1 }), '{"a":["\ufffd"],"b":1}');
});

t.test('an account id follows from profile and identity', async (t) => {
  const identity = Buffer.alloc(32, 1);
  t.equal(accountIdOf('p', identity), accountIdOf('p', identity));
  t.not(accountIdOf('p', identity), accountIdOf('q', identity));
  t.match(accountIdOf('p', identity), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

t.test('only what may pass is tried again', async (t) => {
  for (const code of ['40001', '40P01', '57P01', '08006', '08P01', 'ECONNRESET']) t.ok(isTransient(withCode(code)), code);
  for (const code of ['23505', '22P02', '57014', '55P03', '25006', '42P01', '53300']) t.notOk(isTransient(withCode(code)), code);
  t.ok(isTransient(new Error('Connection terminated unexpectedly')));
  t.notOk(isTransient('40001'));
  t.equal(violatedConstraint(Object.assign(withCode('23505'), { constraint: 'x_key' })), 'x_key');
  t.equal(violatedConstraint(withCode('40001')), undefined);
  let tries = 0;
  const succeedsLate = () => retrying(async (attempt) => (attempt === 2 ? 'done' : Promise.reject(withCode('40001'))));
  t.equal(await succeedsLate(), 'done');
  const fails = () =>
    retrying(async () => {
      tries += 1;
      throw withCode('23505');
    });
  await t.rejects(fails(), { code: '23505' });
  t.equal(tries, 1);
});

t.test('the batcher', async (t) => {
  await t.test('gathers what a turn of the loop brings, up to its limits, and answers item for item', async (t) => {
    const batches: number[][] = [];
    let under = 0;
    let most = 0;
    const batcher = createBatcher<number, number>(
      async (items) => {
        under += 1;
        most = Math.max(most, under);
        batches.push([...items]);
        await tick(2);
        under -= 1;
        return items.map((item) => item * 2);
      },
      { maxBatch: 4, maxInFlight: 2 },
    );
    const answers = await Promise.all(Array.from({ length: 11 }, (_, index) => batcher.submit(index)));
    t.same(answers, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
    t.same(
      batches.map(({ length }) => length),
      [4, 4, 3],
    );
    t.equal(most, 2);
    await batcher.idle();
  });

  await t.test('starts with half of what is open, so that one half is written while the other is computed', async (t) => {
    const batches: number[] = [];
    const batcher = createBatcher<number, number>(
      async (items) => {
        batches.push(items.length);
        await tick(2);
        return items;
      },
      { maxBatch: 64, maxInFlight: 2 },
    );
    const round = (count: number) => Promise.all(Array.from({ length: count }, (_, index) => batcher.submit(index)));
    await round(8);
    t.same(batches.splice(0), [8], 'nothing is known of a first burst');
    await round(8);
    await round(8);
    t.same(batches.splice(0), [4, 4, 4, 4]);
    t.equal(await batcher.submit(9), 9, 'fewer than a half do not wait for more');
    for (let times = 0; times < 60; times += 1) await batcher.submit(1);
    await round(4);
    batches.splice(0);
    await round(4);
    t.same(batches, [2, 2], 'a quieter time is noticed');
  });

  await t.test('has one batch under way at a time while much is open, and several again when it is over', async (t) => {
    const sizes: number[] = [];
    const release: (() => void)[] = [];
    const batcher = createBatcher<number, number>(
      async (items) => {
        sizes.push(items.length);
        await new Promise<void>((resolve) => release.push(resolve));
        return items;
      },
      { maxBatch: 8, maxInFlight: 2, singlyFrom: 6 },
    );
    const until = async (isSo: () => boolean) => {
      while (!isSo()) await tick();
    };
    const endAll = () => {
      for (const end of release.splice(0)) end();
    };
    const answers = Array.from({ length: 6 }, (_, item) => batcher.submit(item));
    await until(() => release.length === 1);
    answers.push(...Array.from({ length: 4 }, (_, item) => batcher.submit(10 + item)));
    for (let turn = 0; turn < 5; turn += 1) await tick();
    t.same(sizes, [6], 'what comes meanwhile waits');
    endAll();
    await until(() => release.length === 1);
    t.same(sizes, [6, 4], 'and goes together');
    endAll();
    t.same(await Promise.all(answers), [0, 1, 2, 3, 4, 5, 10, 11, 12, 13]);
    // With each batch the busy time counts for less.
    for (let round = 0; round < 20; round += 1) {
      const lone = batcher.submit(round);
      await until(() => release.length === 1);
      endAll();
      t.equal(await lone, round);
    }
    const pair = [batcher.submit(1)];
    await until(() => release.length === 1);
    pair.push(batcher.submit(2));
    await until(() => release.length === 2);
    endAll();
    t.same(await Promise.all(pair), [1, 2], 'two were under way');
  });

  await t.test('fails only the item that is at fault', async (t) => {
    const batcher = createBatcher<number, number>(
      async (items) => {
        if (items.includes(3)) throw new Error('three');
        return items;
      },
      { maxBatch: 8, maxInFlight: 1 },
    );
    const settled = await Promise.allSettled([1, 2, 3, 4].map((item) => batcher.submit(item)));
    t.same(
      settled.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    );
    t.equal(await batcher.submit(5), 5, 'and goes on');
  });

  await t.test('keeps nobody waiting in turn for a database that is away', async (t) => {
    for (const { code, runs } of [
      { code: 'ECONNREFUSED', runs: 1 },
      { code: '55P03', runs: 3 },
    ]) {
      const asked: number[] = [];
      const run = async (items: readonly number[]) => {
        asked.push(items.length);
        if (items.includes(2)) throw withCode(code);
        return items;
      };
      const batcher = createBatcher<number, number>(run, { maxBatch: 8, maxInFlight: 1 });
      const settled = await Promise.allSettled([1, 2, 3, 4].map((item) => batcher.submit(item)));
      t.equal(asked.length, runs, `${code}: ${runs} runs`);
      t.same(
        settled.slice(1).map((answer) => answer.status === 'rejected' && answer.reason.code),
        [code, code, code],
      );
    }
  });

  await t.test('is idle only when everything is answered', async (t) => {
    let answered = false;
    const batcher = createBatcher<number, number>(async (items) => tick(5).then(() => items), { maxBatch: 1, maxInFlight: 1 });
    void Promise.all([1, 2, 3].map((item) => batcher.submit(item))).then(() => {
      answered = true;
    });
    await batcher.idle();
    await tick();
    t.ok(answered);
  });
});

t.test('the spool', async (t) => {
  const options = { name: 'notes', intervalMs: 1, maxBatch: 3, maxWaiting: 5, log: createLog('silent') };

  await t.test('writes in order, in batches, and drops what is too much', async (t) => {
    const written: number[][] = [];
    const spool = createSpool<number>(async (notes) => void written.push([...notes]), options);
    for (let note = 1; note <= 7; note += 1) spool.add(note);
    await spool.close();
    spool.add(8);
    await spool.flush();
    t.same(written, [
      [1, 2, 3],
      [4, 5],
    ]);
  });

  await t.test('what comes while notes are written waits for its own interval', async (t) => {
    const written: number[][] = [];
    const spool = createSpool<number>(
      async (notes) => {
        written.push([...notes]);
        if (written.length < 3) for (const note of notes) spool.add(note + 10);
      },
      { ...options, maxWaiting: 50 },
    );
    for (const note of [1, 2, 3, 4]) spool.add(note);
    while (written.length < 2) await tick(1);
    t.same(written, [[1, 2, 3], [4]], 'not with the rest of those before');
    await spool.flush();
    t.same(written.slice(2), [[11, 12, 13], [14]]);
    await spool.close();
  });

  await t.test('keeps notes while the database is away and drops one that it refuses', async (t) => {
    const written: number[] = [];
    let isAway = true;
    const outages = ['ECONNREFUSED', '57014', '55P03', '25006', '53300', '53100'].map(withCode);
    const spool = createSpool<number>(async (notes) => {
      const outage = outages.pop();
      if (outage !== undefined) throw outage;
      if (isAway) throw new Error('timeout exceeded when trying to connect');
      if (notes.includes(2)) throw withCode('22P02');
      written.push(...notes);
    }, options);
    for (const note of [1, 2, 3]) spool.add(note);
    while (outages.length > 0) await spool.flush();
    t.same(written, []);
    isAway = false;
    while (written.length < 2) await tick(1);
    t.same(written, [1, 3], 'without being asked again');
    await spool.close();
  });
});

t.test('counts over many orders are kept when they took long, others never', async (t) => {
  const kept = keptCounts<number>((count) => count);
  const asked: string[] = [];
  const ask = (key: string, count: number, ms: number) =>
    kept(key, async () => {
      asked.push(key);
      await tick(ms);
      return count;
    });
  t.equal(await ask('large and slow', 60_000, 120), 60_000);
  t.equal(await ask('large and slow', 60_001, 120), 60_000);
  for (const [key, count, ms] of [
    ['large and quick', 60_000, 0],
    ['small and slow', 5, 120],
  ] as const) {
    t.equal(await ask(key, count, ms), count);
    t.equal(await ask(key, count + 1, ms), count + 1);
  }
  t.equal(asked.length, 5);
});
