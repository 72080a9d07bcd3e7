import { createHash, generateKeyPairSync } from 'node:crypto';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { keyText, openCheckpoint, readKey, signCheckpoint } from '../../src/audit/checkpoint.js';
import { checkpointFolder } from '../../src/audit/kept-checkpoints.js';
import { GrowingTree, inclusionProof, leafHash, nodeHash, rootOf, rootOfProof, type SubtreeReader } from '../../src/audit/merkle.js';
import { createLog } from '../../src/runtime/log.js';
import { subtreeReader } from '../../src/store/audit-tiles.js';
import { sealAuditJob } from '../../src/workers/seal-audit.js';
import { type RawStore, rawStores } from '../support/raw-store.js';
import { isAgreed, isFound, tamperWithDatabase, tamperWithExports } from './campaign.js';
import { exported, growTrail } from './trail.js';
import { hasPython, ourVerdict, theirVerdicts } from './verifiers.js';

t.setTimeout(240_000);

const leaves = Array.from({ length: 70 }, (_, index) => leafHash(`entry ${index}`));

/** The definition of RFC 9162 section 2.1.1, word for word. */
function treeHash(entries: readonly Buffer[]): Buffer {
  if (entries.length === 0) return createHash('sha256').digest();
  if (entries.length === 1) return entries[0] as Buffer;
  let split = 1;
  while (split * 2 < entries.length) split *= 2;
  return nodeHash(treeHash(entries.slice(0, split)), treeHash(entries.slice(split)));
}

const inMemory: SubtreeReader = async (height, index) => treeHash(leaves.slice(index * 2 ** height, (index + 1) * 2 ** height));

t.test('roots and audit paths are those of RFC 9162 section 2.1, for every size and entry', async (t) => {
  const tree = new GrowingTree();
  t.same(tree.root(), treeHash([]));
  for (const [index, leaf] of leaves.entries()) {
    tree.append(leaf);
    const size = index + 1;
    const root = treeHash(leaves.slice(0, size));
    t.same(tree.root(), root, `size ${size}`);
    t.same(await rootOf(inMemory, size), root);
    for (let at = 0; at < size; at += 1) {
      const path = await inclusionProof(inMemory, at, size);
      t.same(rootOfProof(leaves[at] as Buffer, at, size, path), root);
      t.notSame(rootOfProof(leafHash('other'), at, size, path), root);
      t.notSame(rootOfProof(leaves[at] as Buffer, at, size, [...path, leafHash('more')]), root);
      t.notSame(rootOfProof(leaves[at] as Buffer, at + 1, size, path), root);
    }
  }
});

t.test('a checkpoint is believed only as it was signed, by the key it was signed with', async (t) => {
  const pair = generateKeyPairSync('ed25519');
  const key = { origin: 'gatehouse-x', publicKey: Buffer.from(pair.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url') };
  const checkpoint = { origin: key.origin, size: 7, root: treeHash(leaves.slice(0, 7)), time: '2026-01-01T00:00:00.000Z', previous: 3 };
  const note = signCheckpoint(checkpoint, key, pair.privateKey);
  t.match(
    note,
    /^gatehouse-x\n7\n[A-Za-z0-9+/]{43}=\ntime 2026-01-01T00:00:00.000Z\nprevious 3\n\n\u2014 gatehouse-x [A-Za-z0-9+/]{91}=\n$/,
    'C2SP tlog-checkpoint',
  );
  t.same(openCheckpoint(note, key), { ok: true, value: checkpoint });
  t.same(readKey(keyText(key)), { ok: true, value: key });
  t.match(readKey(keyText(key).replace('gatehouse-x', 'gatehouse-y')), { ok: false, error: /does not fit its id/ });
  t.match(readKey('nothing'), { ok: false });
  for (const changed of [note.replace('\n7\n', '\n8\n'), note.replace('previous 3', 'previous 2'), note.replace('time 2026', 'time 2025'), `${note}\n`, '']) {
    t.equal(openCheckpoint(changed, key).ok, false, changed);
  }
  t.match(openCheckpoint(note, { ...key, origin: 'gatehouse-y' }), { ok: false, error: /another key/ });
});

for (const raw of await rawStores()) {
  t.test(raw.name, async (t) => {
    t.teardown(raw.close);
    await growTrail(raw, 600, 6);
    await t.test('the chain', (t) => chain(t, raw));
    await t.test('tampering', (t) => tampering(t, raw));
    await t.test('copies outside', (t) => copies(t, raw));
  });
}

async function chain(t: Test, raw: RawStore): Promise<void> {
  const { auditChain } = raw.store;
  const lines = await exported(raw);
  const [key, all] = [await auditChain.key(), await auditChain.checkpoints(0, 100)];
  const evidence = { key, kept: all.map(({ note }) => note) };

  await t.test('holds every committed event once, over all nodes, and both verifiers find it sound (T34)', async (t) => {
    t.match(await auditChain.state(), { sealed: 600, signed: 600, unsealed: 0, unsignedSeconds: 0 });
    t.equal(await ourVerdict(lines, evidence), 'sound 600 6');
    if (hasPython()) t.same(await theirVerdicts([lines], evidence), ['sound 600 6']);
  });

  await t.test('signs again only when something was added, and in the background only when it is due', async (t) => {
    t.equal(await auditChain.sign(), undefined);
    await raw.store.audit.append({ at: new Date(), tenantId: null, actor: 'x', action: 'login.failed', object: 'user:1', outcome: 'failure', details: {} });
    t.equal(await auditChain.seal(), 1);
    t.equal(await auditChain.sign('due'), undefined, 'the last checkpoint is seconds old');
    await sql`update audit_checkpoints set signed_at = now() - interval '1 hour'`.execute(raw.connection.kysely);
    t.match(await auditChain.sign('due'), { size: 601, previous: 600 });
    t.match(await auditChain.state(), { sealed: 601, signed: 601, unsealed: 0 });
  });

  await t.test('is made by one process at a time', async (t) => {
    for (let count = 0; count < 4; count += 1) await growTrail(raw, 10, 1);
    t.equal(await ourVerdict(await exported(raw), evidence), 'sound 641 11');
    const more = Array.from({ length: 20 }, (_, at) => ({
      at: new Date(),
      tenantId: null,
      actor: 'x',
      action: 'y',
      object: `${at}`,
      outcome: 'success' as const,
      details: {},
    }));
    await Promise.all(more.map((event) => raw.store.audit.append(event)));
    const sealed = await Promise.all([auditChain.seal(), auditChain.seal(), auditChain.seal()]);
    t.equal(
      sealed.reduce((sum, count) => sum + count),
      20,
      String(sealed),
    );
    await auditChain.sign();
    t.equal(await ourVerdict(await exported(raw), evidence), 'sound 661 12');
  });

  await t.test('proves of one event that a checkpoint covers it', async (t) => {
    const { rows } = await sql<{ boot_id: string; node_seq: number }>`select boot_id, node_seq from audit_events order by boot_id, node_seq`.execute(
      raw.connection.kysely,
    );
    for (const { boot_id, node_seq } of rows.filter((_, at) => at % 13 === 0)) {
      const proof = await auditChain.proofOf(boot_id, node_seq);
      const opened = proof === undefined ? undefined : openCheckpoint(proof.note, key);
      if (proof === undefined || opened?.ok !== true) return t.fail(`no proof for ${boot_id}:${node_seq}`);
      t.same(rootOfProof(leafHash(proof.event), proof.seq - 1, proof.size, proof.path), opened.value.root);
      t.match(JSON.parse(proof.event), { bootId: boot_id, nodeSeq: node_seq, seq: proof.seq });
    }
    t.equal(await auditChain.proofOf('01890000-0000-7000-8000-00000000000f', 1), undefined);
  });

  await t.test('the tree in the database is the tree of its leaves, over several tiles', async (t) => {
    const tree = new GrowingTree();
    for (const line of lines) {
      const event = /^\{"hash":"[0-9a-f]{64}","event":(.*)\}$/s.exec(line)?.[1];
      if (event !== undefined) tree.append(leafHash(event));
    }
    t.same(await rootOf(subtreeReader(raw.connection.kysely), 600), tree.root());
  });
}

async function tampering(t: Test, raw: RawStore): Promise<void> {
  const lines = await exported(raw);
  const [key, all] = [await raw.store.auditChain.key(), await raw.store.auditChain.checkpoints(0, 100)];
  const evidence = { key, kept: all.slice(-1).map(({ note }) => note) };

  await t.test('every tampering with an export is found by both verifiers, at the same place (T34)', async (t) => {
    const attempts = await tamperWithExports(lines, evidence, 64, 1);
    for (const attempt of attempts) t.ok(isFound(attempt) && isAgreed(attempt), JSON.stringify(attempt));
  });

  await t.test('every tampering with the tables is found by both verifiers (T34)', async (t) => {
    for (const attempt of await tamperWithDatabase(raw, evidence, 1, 2)) t.ok(isFound(attempt) && isAgreed(attempt), JSON.stringify(attempt));
  });

  await t.test('what is cut off behind a checkpoint can be told only by one that was kept elsewhere', async (t) => {
    const cut = lines.slice(0, lines.findIndex((line) => line.startsWith('{"checkpoint"')) + 1);
    t.equal(await ourVerdict(cut, { key, kept: [] }), 'sound 100 1');
    t.equal(await ourVerdict(cut, evidence), 'fault truncated line 0 after 100');
  });
}

async function copies(t: Test, raw: RawStore): Promise<void> {
  const folder = checkpointFolder(t.testdir({}));
  const lines: string[] = [];
  const log = createLog('error', { write: (line: string) => void lines.push(line) });
  const job = sealAuditJob({ auditChain: raw.store.auditChain, openFolder: () => folder, log });

  await t.test('every checkpoint is copied into the folder, once', async (t) => {
    await job.run();
    const all = await raw.store.auditChain.checkpoints(0, 100);
    t.same(
      folder.sizes(),
      all.map(({ size }) => size),
    );
    for (const { size, note } of all) t.equal(folder.read(size), note);
    await job.run();
    t.same(lines, []);
  });

  await t.test('a database that contradicts the newest copy raises an alarm', async (t) => {
    await sql`delete from audit_checkpoints where size = ${folder.sizes().at(-1)}`.execute(raw.connection.kysely);
    await job.run();
    t.match(lines.join(''), /contradicts a checkpoint/);
  });
}
