import { oidElement, oids } from '../../src/protocol/der/index.js';
import { allNodes, contentOf, type Edit, headerOf, type Node, parseTree, render } from './der-tree.js';
import type { Random } from './random.js';

/** A message to start from, parsed once. */
export interface Seed {
  readonly name: string;
  readonly bytes: Buffer;
  readonly root: Node | undefined;
  readonly nodes: readonly Node[];
}

export function seedOf(name: string, bytes: Buffer): Seed {
  const root = parseTree(bytes);
  return { name, bytes, root, nodes: root === undefined ? [] : allNodes(root) };
}

type Mutation = (node: Node, random: Random, donors: readonly Seed[]) => Edit;

const replace = (...parts: readonly Buffer[]): Edit => ({ kind: 'replace', bytes: parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts) });
const withContent = (node: Node, content: Buffer): Edit => replace(headerOf(node.tag, content.length), content);
const hex = (text: string): Buffer => Buffer.from(text, 'hex');

const integers: readonly Buffer[] = [
  '',
  '00',
  '01',
  '7f',
  '80',
  'ff',
  '0080',
  '0000',
  'ffff',
  '7fffffff',
  '80000000',
  '00ffffffff',
  '7fffffffffffffff',
  '010000000000000000',
]
  .map(hex)
  .concat(Buffer.alloc(21, 1), Buffer.alloc(300, 0x7f), Buffer.alloc(5_000, 1));
const texts: readonly Buffer[] = [
  '',
  '\0',
  'a\0b',
  '\u202e',
  '\ufeff',
  '/',
  ',',
  '*',
  '..',
  '%00',
  '\ud83d\udd11',
  ' a ',
  'A'.repeat(1_000),
  'A'.repeat(70_000),
]
  .map((text): Buffer => Buffer.from(text, 'utf8'))
  .concat(hex('c080'), hex('ff'), hex('d83d'));
const times: readonly Buffer[] = [
  '',
  '000000000000Z',
  '991231235959Z',
  '500101000000Z',
  '20500101000000Z',
  '99991231235959Z',
  '00000000000000Z',
  '20240230000000Z',
  '20240101000000.5Z',
]
  .map((text): Buffer => Buffer.from(text, 'latin1'))
  .concat(Buffer.alloc(200, 0x30));
const knownOids = Object.values(oids).map((oid) => oidElement(oid));
const strangeOids = ['0600', '060180', '06022a80', '06032a8001', `0640${'81'.repeat(63)}01`, `0681ff${'81'.repeat(254)}01`].map(hex);
const tags = [
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x13, 0x16, 0x17, 0x18, 0x1e, 0x1f, 0x24, 0x30, 0x31, 0x3f, 0x80, 0x81, 0x9f, 0xa0, 0xa1, 0xa2, 0xa3,
  0xbf, 0xff,
];
const elements = [
  '0500',
  '3000',
  '3100',
  '0400',
  '0201',
  '020100',
  '0101ff',
  '030100',
  'a000',
  '8000',
  '0000',
  '30800000',
  '2480040161040162 0000',
  '1800',
  '1700',
  '1e0141',
  '13012a',
]
  .map((text) => text.replace(' ', ''))
  .map(hex);

/** A value at the edge of what its type can say. */
const atTheEdge: Mutation = (node, random) => {
  switch (node.tag) {
    case 0x02:
    case 0x0a:
      return withContent(node, random.pick(integers));
    case 0x06:
      return replace(random.oneIn(3) ? random.pick(strangeOids) : random.pick(knownOids));
    case 0x17:
    case 0x18:
      return withContent(node, random.pick(times));
    case 0x0c:
    case 0x13:
    case 0x14:
    case 0x16:
    case 0x1e:
      return withContent(node, random.pick(texts));
    case 0x01:
      return withContent(node, random.pick([hex(''), hex('00'), hex('01'), hex('ffff')]));
    case 0x03:
      return withContent(node, random.pick([hex(''), hex('00'), hex('07ff'), hex('08'), hex('ff00'), Buffer.alloc(3_000, 0x55)]));
    default:
      return withContent(node, random.pick([hex(''), random.bytes(random.below(40)), Buffer.alloc(random.below(2_000))]));
  }
};

const flipBits: Mutation = (node, random) => {
  const content = Buffer.from(contentOf(node));
  for (let times = 1 + random.below(4); times > 0 && content.length > 0; times -= 1) {
    const at = random.below(content.length);
    content[at] = (content[at] as number) ^ (1 << random.below(8));
  }
  return withContent(node, content);
};

const changeTag: Mutation = (node, random) => {
  const copy = Buffer.from(node.raw);
  copy[0] = random.oneIn(4) ? (node.tag ^ 0x20) & 0xff : random.oneIn(3) ? (node.tag & 0xe0) | ((node.tag + 1) & 0x1f) : random.pick(tags);
  return replace(copy);
};

const remove: Mutation = () => replace(Buffer.alloc(0));

const duplicate: Mutation = (node, random) => {
  const most = Math.max(2, Math.floor(100_000 / node.raw.length));
  const times = random.oneIn(25) ? Math.min(most, 3_000) : 2 + random.below(3);
  return replace(...Array.from({ length: times }, () => node.raw));
};

const swap: Mutation = (node, random) => {
  if (node.children.length < 2) return replace(node.raw, random.pick(elements));
  const order = node.children.map((child) => child.raw);
  const [left, right] = [random.below(order.length), random.below(order.length)];
  [order[left], order[right]] = [order[right] as Buffer, order[left] as Buffer];
  return withContent(node, Buffer.concat([node.prefix, ...order]));
};

const insert: Mutation = (node, random) => {
  const stranger = random.pick(elements);
  return random.oneIn(2) ? replace(node.raw, stranger) : replace(stranger, node.raw);
};

/** Another message's element in this one's place, of the same tag where one can be found quickly. */
const splice: Mutation = (node, random, donors) => {
  const { nodes, bytes } = random.pick(donors);
  if (nodes.length === 0) return replace(bytes.subarray(0, 4_000));
  for (let tries = 0; tries < 8; tries += 1) {
    const donor = random.pick(nodes);
    if (donor.tag === node.tag) return replace(donor.raw);
  }
  return replace(random.pick(nodes).raw);
};

const empty: Mutation = (node) => withContent(node, Buffer.alloc(0));

/** Lengths that lie: not minimal, too short, too long, indefinite without an end, past the end of the world. */
const lieAboutLength: Mutation = (_, random) => ({
  kind: 'header',
  lay: (tag, content) => {
    const length = content.length;
    const header = random.pick([
      Buffer.from([tag, 0x84, (length >>> 24) & 0xff, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff]),
      Buffer.from([tag, 0x84, 0xff, 0xff, 0xff, 0xff]),
      Buffer.from([tag, 0x84, 0x7f, 0xff, 0xff, 0xff]),
      Buffer.from([tag, 0x80]),
      Buffer.from([tag, 0xff]),
      Buffer.from([tag, 0x88, 0, 0, 0, 0, 0, 0, 0, length & 0xff]),
      Buffer.from([tag, 0x81, length & 0x7f]),
      headerOf(tag, length + 1),
      headerOf(tag, Math.max(0, length - 1)),
      headerOf(tag, length + 100_000),
    ]);
    return Buffer.concat([header, content]);
  },
});

/** The same element in another encoding that BER allows. */
const asBer: Mutation = (node, random) => ({
  kind: 'header',
  lay: (tag, content) => {
    if ((tag & 0x20) !== 0) return Buffer.concat([Buffer.from([tag, 0x80]), content, Buffer.alloc(2)]);
    if (tag !== 0x04 || random.oneIn(3)) return Buffer.concat([Buffer.from([tag, 0x83, 0, content.length >> 8, content.length & 0xff]), content]);
    const middle = random.below(content.length + 1);
    const pieces = [content.subarray(0, middle), content.subarray(middle)].map((piece) => Buffer.concat([headerOf(0x04, piece.length), piece]));
    return Buffer.concat([Buffer.from([0x24, 0x80]), ...pieces, Buffer.alloc(node.parent === undefined ? 0 : 2)]);
  },
});

const nest: Mutation = (node, random) => {
  const levels = random.pick([1, 2, 28, 31, 32, 33, 100, 2_000]);
  if (random.oneIn(2)) return replace(hex('3080'.repeat(levels)), node.raw, Buffer.alloc(2 * levels));
  let inner = node.raw;
  for (let level = 0; level < Math.min(levels, 100); level += 1) inner = Buffer.concat([headerOf(0x30, inner.length), inner]);
  return replace(inner);
};

/** Keeps the header as it was while something below changes: parents that no longer fit. */
const stale: Mutation = (node) => ({ kind: 'header', lay: (_, content) => Buffer.concat([node.raw.subarray(0, node.headerLength), content]) });

const mutations: readonly Mutation[] = [
  atTheEdge,
  atTheEdge,
  atTheEdge,
  flipBits,
  flipBits,
  changeTag,
  remove,
  remove,
  duplicate,
  swap,
  insert,
  splice,
  splice,
  empty,
  lieAboutLength,
  asBer,
  nest,
  stale,
];

/** Changes that know nothing of DER. */
function mutateBytes(bytes: Buffer, random: Random): Buffer {
  switch (random.below(4)) {
    case 0:
      return bytes.subarray(0, random.below(bytes.length + 1));
    case 1:
      return Buffer.concat([bytes, random.bytes(1 + random.below(8))]);
    case 2: {
      const copy = Buffer.from(bytes);
      for (let times = 1 + random.below(6); times > 0 && copy.length > 0; times -= 1) copy[random.below(copy.length)] = random.below(256);
      return copy;
    }
    default: {
      const at = random.below(bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(6)), bytes.subarray(Math.min(bytes.length, at + random.below(6)))]);
    }
  }
}

/** One to four changes to a message, most of them to its elements with the lengths above made right; `donors` lend elements. */
export function mutate(seed: Seed, random: Random, donors: readonly Seed[]): Buffer {
  if (seed.root === undefined || random.oneIn(12)) return mutateBytes(seed.bytes, random);
  const edits = new Map<Node, Edit>();
  for (let times = 1 + random.below(random.oneIn(3) ? 4 : 2); times > 0; times -= 1) {
    const node = random.pick(seed.nodes);
    edits.set(node, random.pick(mutations)(node, random, donors));
  }
  const message = render(seed.root, edits);
  return random.oneIn(30) ? mutateBytes(message, random) : message;
}
