import { createHash } from 'node:crypto';
import t from 'tap';
import { cmpLimits, decode } from '../../src/protocol/der/index.js';
import { contentOf, headerOf, render } from '../support/der-tree.js';
import { mutate } from '../support/mutate.js';
import { seededRandom } from '../support/random.js';
import { loadCorpus } from './corpus.js';
import { type Finding, fuzz } from './loop.js';
import { plantedTargets } from './planted.js';
import type { Target } from './target.js';
import { chooseTargets } from './targets.js';

const corpus = loadCorpus();

async function findings(targets: readonly Target[], messages: number): Promise<Finding[]> {
  const found: Finding[] = [];
  await fuzz(targets, { seed: 4711, first: 0, step: 1, end: messages }, { found: (finding) => found.push(finding), progress: () => undefined });
  return found;
}

t.test('AB-17 no mutated message makes a reader or handler break its promises', async (t) => {
  const targets = await chooseTargets({ planted: false });
  t.ok(targets.length >= 18);
  const found = await findings(targets, 4_000);
  t.same(
    found.filter(({ kind }) => kind !== 'slow').map(({ target, index, reason }) => `${target} ${index} ${reason}`),
    [],
  );
});

t.test('a reader that throws, and one that takes too long, are found', async (t) => {
  const [crash, slow] = plantedTargets(corpus) as [Target, Target];
  const crashes = await findings([crash], 3_000);
  t.same([...new Set(crashes.map(({ kind }) => kind))], ['crash']);
  t.match(crashes[0]?.reason, /TypeError/);
  const slowed = await findings([slow], 1_500);
  t.same([...new Set(slowed.map(({ kind }) => kind))], ['slow']);
});

t.test('every seed is a message of its kind, and a seed repeats its messages', async (t) => {
  for (const [kind, seeds] of Object.entries(corpus)) {
    t.ok(seeds.length > 0, kind);
    for (const { name, bytes, root } of seeds) t.equal(root?.raw.length, bytes.length, name);
  }
  const donors = corpus.cmp;
  const digest = (seed: number) => {
    const hash = createHash('sha256');
    for (let index = 0; index < 300; index += 1) hash.update(mutate(corpus.scep[0] as (typeof donors)[number], seededRandom(seed, index), donors));
    return hash.digest('hex');
  };
  t.equal(digest(1), digest(1));
  t.not(digest(1), digest(2));
});

t.test('an edit keeps the lengths above it right', async (t) => {
  for (const { root, nodes, bytes } of [...corpus.cmp, ...corpus.scep, ...corpus.certificate]) {
    if (root === undefined) throw new Error('no tree');
    t.same(render(root, new Map()), bytes);
    const last = nodes.filter((node) => node.children.length === 0).at(-1) ?? root;
    const longer = Buffer.concat([contentOf(last), Buffer.alloc(200)]);
    const edited = render(root, new Map([[last, { kind: 'replace' as const, bytes: Buffer.concat([headerOf(last.tag, longer.length), longer]) }]]));
    t.equal(decode(edited, cmpLimits, (cursor) => cursor.element().length).ok, true);
  }
});
