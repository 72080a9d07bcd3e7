import { createHash } from 'node:crypto';

/** The hash of one entry (RFC 9162 section 2.1.1; RFC 6962 has the same): SHA-256(0x00 || entry). */
export function leafHash(entry: string | Buffer): Buffer {
  return createHash('sha256').update(leafMark).update(entry).digest();
}

/** SHA-256(0x01 || left || right). */
export function nodeHash(left: Buffer, right: Buffer): Buffer {
  return createHash('sha256').update(nodeMark).update(left).update(right).digest();
}

const leafMark = Buffer.of(0);
const nodeMark = Buffer.of(1);
const emptyRoot = createHash('sha256').digest();

/** A tree that only grows, of which nothing is kept but the whole subtrees along its right edge (at most 53). */
export class GrowingTree {
  #size = 0;
  readonly #edge: Buffer[] = [];

  get size(): number {
    return this.#size;
  }

  append(leaf: Buffer): void {
    let hash = leaf;
    for (let below = this.#size; below % 2 === 1; below = Math.floor(below / 2)) hash = nodeHash(this.#edge.pop() as Buffer, hash);
    this.#edge.push(hash);
    this.#size += 1;
  }

  root(): Buffer {
    const [last, ...before] = this.#edge.toReversed();
    return last === undefined ? emptyRoot : before.reduce((right, left) => nodeHash(left, right), last);
  }
}

/** Reads the hash of the whole subtree of 2^height entries that is the `index`-th of its height. */
export type SubtreeReader = (height: number, index: number) => Promise<Buffer>;

/** The root over entries `start` to `start + size - 1`, where `start` is a multiple of the power of two below or at `size`. */
export async function rootOf(read: SubtreeReader, size: number, start = 0): Promise<Buffer> {
  if (size === 0) return emptyRoot;
  const half = splitOf(size);
  if (half === size) return read(Math.log2(size), start / size);
  return nodeHash(await rootOf(read, half, start), await rootOf(read, size - half, start + half));
}

/** The audit path of entry `index` (from 0) in the tree of the first `size` entries, from its neighbour up (RFC 9162 section 2.1.3.1). */
export async function inclusionProof(read: SubtreeReader, index: number, size: number): Promise<readonly Buffer[]> {
  const path: Buffer[] = [];
  let [start, width] = [0, size];
  while (width > 1) {
    const half = splitOf(width) === width ? width / 2 : splitOf(width);
    const isLeft = index - start < half;
    path.unshift(isLeft ? await rootOf(read, width - half, start + half) : await rootOf(read, half, start));
    if (isLeft) width = half;
    else [start, width] = [start + half, width - half];
  }
  return path;
}

/** The largest power of two that is not above `size`. */
function splitOf(size: number): number {
  return 2 ** Math.floor(Math.log2(size));
}

/** The root that `leaf` at `index` and its audit path make (RFC 9162 section 2.1.3.2); undefined where the path has the wrong length. */
export function rootOfProof(leaf: Buffer, index: number, size: number, path: readonly Buffer[]): Buffer | undefined {
  if (index >= size) return undefined;
  let [at, last, hash] = [index, size - 1, leaf];
  for (const sibling of path) {
    if (last === 0) return undefined;
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(sibling, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 ? hash : undefined;
}

const chainMark = Buffer.from('audit-v1');

/** The hash of the chain before its first event. */
export const chainStart = Buffer.alloc(32);

/** SHA-256("audit-v1" || previous || leaf hash of the event). */
export function chainHash(previous: Buffer, leaf: Buffer): Buffer {
  return createHash('sha256').update(chainMark).update(previous).update(leaf).digest();
}
