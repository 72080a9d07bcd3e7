import { readFileSync, statSync } from 'node:fs';
import t from 'tap';
import { createDatabase } from '../support/database.js';
import { openBench } from '../support/openssl.js';
import { program } from '../support/program.js';
import { type Ran, run } from '../support/run.js';
import { startServer } from '../support/server.js';

t.setTimeout(240_000);

t.test('a stopped installation: its audit trail is verified, and it gets another master key', { timeout: 240_000 }, async (t) => {
  const database = await createDatabase();
  const dataDir = t.testdir({});
  const env = { GATEHOUSE_DATABASE_URL: database?.url ?? '', GATEHOUSE_AUDIT_CHECKPOINT_DIR: `${dataDir}/checkpoints` };
  const server = await startServer({ dataDir, env });
  const bench = openBench();
  t.teardown(async () => {
    bench.remove();
    await server.dispose();
    await database?.drop();
  });
  const gatehouse = (...args: readonly string[]): Promise<Ran> =>
    run(process.execPath, [...program, ...args], {
      cwd: bench.dir,
      env: { GATEHOUSE_DATA_DIR: server.dataDir, ...env },
    });
  const verify = () => gatehouse('audit', 'verify', '--marks', 'marks.json');
  const rotate = () => gatehouse('secret', 'rotate', '--new-key-file', 'new.key');
  bench.write('challenge', `${server.firstRun.scep.challenge}\n`);
  bench.write('new.key', `${Buffer.alloc(32, 7).toString('base64')}\n`);

  await t.test('not while a server runs', async (t) => {
    const refused = await rotate();
    t.equal(refused.code, 75, refused.output);
    t.match(refused.stderr, /in use by process|Stop every node first/);
    t.equal((await server.stop()).code, 0);
  });

  await t.test('audit verify finds the trail whole', async (t) => {
    const verified = await verify();
    t.equal(verified.code, 0, verified.output);
    t.match(verified.stdout, /^The audit trail is whole: \d+ rows of \d+ starts\.\nThe chain is sound: \d+ events under \d+ checkpoints\.\n$/);
  });

  const verifyFile = (file: string) => gatehouse('audit', 'verify', '--export', file, '--key', 'audit.key', '--kept', `${server.dataDir}/checkpoints`);

  await t.test('an export is verified by itself, with the key and the checkpoints that were copied while the server ran', async (t) => {
    bench.write('audit.key', (await gatehouse('audit', 'key')).stdout);
    const exported = await gatehouse('audit', 'export', '--out', 'audit.jsonl');
    t.equal(exported.code, 0, exported.output);
    const verified = await verifyFile('audit.jsonl');
    t.equal(verified.code, 0, verified.output);
    t.match(verified.stdout, /^audit\.jsonl is sound: \d+ events under [1-9]\d* checkpoints\.\n$/);
    bench.write('changed.jsonl', readFileSync(bench.file('audit.jsonl'), 'utf8').replace('"outcome":"success"', '"outcome":"failure"'));
    const changed = await verifyFile('changed.jsonl');
    t.equal(changed.code, 1, changed.output);
    t.match(changed.stdout, /^line \d+, after event \d+: Event \d+ is not what was sealed\. \(hash\)$/m);
    t.equal((await gatehouse('audit', 'verify', '--export', 'audit.jsonl')).code, 64, 'without a key');
    t.equal((await verifyFile('missing.jsonl')).code, 64);
  });

  await t.test('secret rotate seals everything anew', async (t) => {
    const rotated = await rotate();
    t.equal(rotated.code, 0, rotated.output);
    t.match(rotated.stdout, /ra_keys: [2-9]/);
    t.match(rotated.stdout, /engine_cas: 2/);
    t.match(rotated.stdout, /master\.key holds the new key/);
    t.equal(readFileSync(`${server.dataDir}/master.key`, 'utf8'), readFileSync(bench.file('new.key'), 'utf8'));
    t.equal(statSync(`${server.dataDir}/master.key`).mode & 0o777, 0o600);
    const again = await rotate();
    t.equal(again.code, 64, again.output);
    t.match(again.stderr, /The new master key is the present one/);
    t.equal((await gatehouse('secret', 'rotate', '--new-key-file', 'missing.key')).code, 64);
  });

  await t.test('a server then serves its devices with the challenge they have', async (t) => {
    const restarted = await startServer({ dataDir: server.dataDir, env });
    t.teardown(() => restarted.stop());
    const device = ['--challenge-file', 'challenge', '--subject', 'CN=later', '--out', 'later'];
    const enrolled = await gatehouse('enrol', 'scep', '--url', `${restarted.deviceUrl}/scep/demo`, ...device);
    t.equal(enrolled.code, 0, enrolled.output);
  });

  await t.test('the key of the checkpoints stays what it was', async (t) => {
    t.equal((await gatehouse('audit', 'key')).stdout, readFileSync(bench.file('audit.key'), 'utf8'));
  });

  await t.test('audit verify tells when the trail is not what it was', async (t) => {
    t.equal((await verify()).code, 0, 'it has grown, which is no fault');
    const marks = JSON.parse(readFileSync(bench.file('marks.json'), 'utf8')) as Record<string, { digest: string }>;
    for (const mark of Object.values(marks)) mark.digest = '0'.repeat(64);
    bench.write('marks.json', JSON.stringify(marks));
    const broken = await verify();
    t.equal(broken.code, 1, broken.output);
    t.match(broken.stdout, /are not what they were when the marks were written/);
    t.same(JSON.parse(readFileSync(bench.file('marks.json'), 'utf8')), marks, 'the marks stay as they were');
    bench.write('marks.json', '{"x":1}');
    t.equal((await verify()).code, 64);
  });
});
