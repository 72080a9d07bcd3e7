/** One element of a message, with what is encoded inside its strings as well. */
export interface Node {
  readonly tag: number;
  /** The element as it stands in the message, header included. */
  readonly raw: Buffer;
  readonly headerLength: number;
  /** Empty for primitives that hold no encoding. */
  readonly children: readonly Node[];
  /** Octets before the children: the unused-bits octet of a BIT STRING that holds an encoding. */
  readonly prefix: Buffer;
  readonly parent: Node | undefined;
}

interface Header {
  readonly headerLength: number;
  readonly end: number;
}

function readHeader(bytes: Buffer, at: number, end: number): Header | undefined {
  if (at + 2 > end) return undefined;
  const first = bytes[at + 1] as number;
  const count = first < 0x80 ? 0 : first & 0x7f;
  if (count > 4 || first === 0x80 || at + 2 + count > end) return undefined;
  const length = count === 0 ? first : bytes.readUIntBE(at + 2, count);
  const stop = at + 2 + count + length;
  return stop > end ? undefined : { headerLength: 2 + count, end: stop };
}

const maxDepth = 60;
const noBytes: Buffer = Buffer.alloc(0);

function readNodes(bytes: Buffer, start: number, end: number, parent: Node | undefined, depth: number): Node[] | undefined {
  const nodes: Node[] = [];
  for (let at = start; at < end; ) {
    const header = readHeader(bytes, at, end);
    if (header === undefined || depth > maxDepth) return undefined;
    const raw = bytes.subarray(at, header.end);
    const node = { tag: bytes[at] as number, raw, headerLength: header.headerLength, children: [] as Node[], prefix: noBytes, parent };
    const inside = readInside(node, depth);
    node.children = inside.children;
    node.prefix = inside.prefix;
    nodes.push(node);
    at = header.end;
  }
  return nodes;
}

/** Children of constructed elements, and of OCTET STRINGs and BIT STRINGs that look like they hold an encoding. */
function readInside(node: Node, depth: number): { children: Node[]; prefix: Buffer } {
  const { tag, raw, headerLength } = node;
  const none = { children: [], prefix: noBytes };
  if ((tag & 0x20) !== 0) return { ...none, children: readNodes(raw, headerLength, raw.length, node, depth + 1) ?? [] };
  const skipped = tag === 0x03 ? 1 : 0;
  const isString = tag === 0x04 || tag === 0x03;
  const first = raw[headerLength + skipped];
  if (!isString || (first !== 0x30 && first !== 0x31 && first !== 0x03 && first !== 0x04)) return none;
  const children = readNodes(raw, headerLength + skipped, raw.length, node, depth + 1);
  if (children === undefined || children.length !== 1) return none;
  return { children, prefix: raw.subarray(headerLength, headerLength + skipped) };
}

/** The tree of a DER message; undefined when it is none. */
export function parseTree(message: Buffer): Node | undefined {
  const nodes = readNodes(message, 0, message.length, undefined, 0);
  return nodes?.length === 1 ? nodes[0] : undefined;
}

/** The node and everything under it. */
export function allNodes(node: Node): Node[] {
  return [node, ...node.children.flatMap(allNodes)];
}

/** A header with the shortest definite length. */
export function headerOf(tag: number, length: number): Buffer {
  if (length < 0x80) return Buffer.from([tag, length]);
  if (length < 0x100) return Buffer.from([tag, 0x81, length]);
  if (length < 0x10000) return Buffer.from([tag, 0x82, length >> 8, length & 0xff]);
  return Buffer.from([tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff]);
}

export function contentOf(node: Node): Buffer {
  return node.raw.subarray(node.headerLength);
}

/** What stands in a node's place: bytes instead of it, or another way of putting its content under a header. */
export type Edit = { readonly kind: 'replace'; readonly bytes: Buffer } | { readonly kind: 'header'; readonly lay: (tag: number, content: Buffer) => Buffer };

/** The message with some nodes edited; the lengths above them are made right again. */
export function render(root: Node, edits: ReadonlyMap<Node, Edit>): Buffer {
  const touched = new Set<Node>();
  for (const node of edits.keys()) for (let above: Node | undefined = node; above !== undefined; above = above.parent) touched.add(above);
  return renderNode(root, edits, touched);
}

function renderNode(node: Node, edits: ReadonlyMap<Node, Edit>, touched: ReadonlySet<Node>): Buffer {
  if (!touched.has(node)) return node.raw;
  const edit = edits.get(node);
  if (edit?.kind === 'replace') return edit.bytes;
  const content =
    node.children.length === 0 ? contentOf(node) : Buffer.concat([node.prefix, ...node.children.map((child) => renderNode(child, edits, touched))]);
  return edit === undefined ? Buffer.concat([headerOf(node.tag, content.length), content]) : edit.lay(node.tag, content);
}
