import { sql } from 'kysely';
import { nodeHash, type SubtreeReader } from '../audit/merkle.js';
import type { Executor } from './connection/connection.js';

const hashBytes = 32;
/** Hashes of a tile: 2^8. */
const tileHeight = 8;
const tileSize = 2 ** tileHeight;

interface TileRow {
  readonly hashes: Buffer;
}

async function tileAt(executor: Executor, level: number, index: number): Promise<Buffer> {
  const { rows } = await sql<TileRow>`select hashes from audit_tiles where level = ${level} and index = ${index}`.execute(executor);
  return rows[0]?.hashes ?? Buffer.alloc(0);
}

/** Adds leaf hashes behind the first `size` of the tree. Only tiles along its right edge change, each written once. */
export async function appendLeaves(executor: Executor, size: number, leaves: readonly Buffer[]): Promise<void> {
  let [level, from, added] = [0, size, leaves];
  while (added.length > 0) {
    const whole = await appendTo(executor, level, from, added);
    [level, from, added] = [level + 1, Math.floor(from / tileSize), whole];
  }
}

/** Returns the roots of the tiles that became full. */
async function appendTo(executor: Executor, level: number, from: number, added: readonly Buffer[]): Promise<readonly Buffer[]> {
  const roots: Buffer[] = [];
  let [index, taken] = [Math.floor(from / tileSize), 0];
  let standing = from % tileSize === 0 ? Buffer.alloc(0) : (await tileAt(executor, level, index)).subarray(0, (from % tileSize) * hashBytes);
  while (taken < added.length) {
    const room = tileSize - standing.length / hashBytes;
    const more = added.slice(taken, taken + room);
    const hashes = Buffer.concat([standing, ...more]);
    await sql`insert into audit_tiles (level, index, hashes) values (${level}, ${index}, ${hashes})
      on conflict (level, index) do update set hashes = excluded.hashes`.execute(executor);
    if (hashes.length === tileSize * hashBytes) roots.push(folded(hashesOf(hashes)));
    taken += more.length;
    index += 1;
    standing = Buffer.alloc(0);
  }
  return roots;
}

function hashesOf(bytes: Buffer): readonly Buffer[] {
  return Array.from({ length: Math.floor(bytes.length / hashBytes) }, (_, at) => bytes.subarray(at * hashBytes, (at + 1) * hashBytes));
}

/** The root of a power of two of hashes. */
function folded(hashes: readonly Buffer[]): Buffer {
  let row = hashes;
  while (row.length > 1) row = Array.from({ length: row.length / 2 }, (_, at) => nodeHash(row[2 * at] as Buffer, row[2 * at + 1] as Buffer));
  return row[0] as Buffer;
}

/** Reads whole subtrees, each tile once. */
export function subtreeReader(executor: Executor): SubtreeReader {
  const known = new Map<string, Promise<Buffer>>();
  return async (height, index) => {
    const level = Math.floor(height / tileHeight);
    const width = 2 ** (height % tileHeight);
    const first = index * width;
    const name = `${level} ${Math.floor(first / tileSize)}`;
    const tile = known.get(name) ?? tileAt(executor, level, Math.floor(first / tileSize));
    known.set(name, tile);
    const offset = (first % tileSize) * hashBytes;
    const bytes = (await tile).subarray(offset, offset + width * hashBytes);
    if (bytes.length !== width * hashBytes) throw new Error(`The audit tree has no subtree ${index} of height ${height}.`);
    return folded(hashesOf(bytes));
  };
}

/** Leaf hashes of events `first` to `last` (from 1); fewer where the tree ends. */
export async function leavesOf(executor: Executor, first: number, last: number): Promise<readonly Buffer[]> {
  const [from, to] = [Math.floor((first - 1) / tileSize), Math.floor((last - 1) / tileSize)];
  const { rows } = await sql<TileRow>`select hashes from audit_tiles where level = 0 and index between ${from} and ${to} order by index`.execute(executor);
  return rows.flatMap(({ hashes }) => hashesOf(hashes)).slice(first - 1 - from * tileSize, last - from * tileSize);
}
