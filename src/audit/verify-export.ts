import { type CheckpointKey, openCheckpoint } from './checkpoint.js';
import { chainHash, chainStart, GrowingTree, leafHash } from './merkle.js';

export const exportFaultKinds = [
  'malformed',
  'sequence',
  'node-sequence',
  'hash',
  'signature',
  'checkpoint-order',
  'root',
  'unsigned',
  'kept-signature',
  'kept-root',
  'truncated',
] as const;

/** The first thing that is wrong. `line` counts from 1; 0: the export as a whole. `seq`: the last event before it that is sound. */
export interface ExportFault {
  readonly kind: (typeof exportFaultKinds)[number];
  readonly line: number;
  readonly seq: number;
  readonly message: string;
}

export interface ExportReport {
  readonly events: number;
  readonly checkpoints: number;
  readonly fault?: ExportFault;
}

interface Progress {
  readonly tree: GrowingTree;
  readonly boots: Map<string, number>;
  /** Roots of the sizes that kept checkpoints name. */
  readonly roots: Map<number, Buffer>;
  head: Buffer;
  checkpoints: number;
  /** Size of the last checkpoint. */
  signed: number;
}

interface Wrong {
  readonly kind: ExportFault['kind'];
  readonly message: string;
}

/**
 * Verifies an export up to its first fault, in constant memory: numbers without a gap over all and for each boot, the chain of hashes, every
 * checkpoint with its signature, and the checkpoints that were kept elsewhere. Needs no database and no network.
 */
export async function verifyExport(lines: AsyncIterable<string> | Iterable<string>, key: CheckpointKey, kept: readonly string[] = []): Promise<ExportReport> {
  const opened = kept.map((note) => openCheckpoint(note, key));
  const wanted = new Set(opened.flatMap((note) => (note.ok ? [note.value.size] : [])));
  const progress: Progress = { tree: new GrowingTree(), boots: new Map(), roots: new Map(), head: chainStart, checkpoints: 0, signed: 0 };
  const told = () => ({ events: progress.tree.size, checkpoints: progress.checkpoints });
  if (wanted.has(0)) progress.roots.set(0, progress.tree.root());
  let line = 0;
  for await (const text of lines) {
    line += 1;
    const wrong = readLine(text, progress, key);
    if (wrong !== undefined) return { ...told(), fault: { ...wrong, line, seq: progress.tree.size } };
    if (wanted.has(progress.tree.size)) progress.roots.set(progress.tree.size, progress.tree.root());
  }
  const wrong = endOf(progress) ?? againstKept(progress, opened);
  return wrong === undefined ? told() : { ...told(), fault: { ...wrong, line: 0, seq: progress.tree.size } };
}

const eventForm = /^\{"hash":"([0-9a-f]{64})","event":(\{.*\})\}$/s;

function readLine(text: string, progress: Progress, key: CheckpointKey): Wrong | undefined {
  const [, hash, event] = eventForm.exec(text) ?? [];
  if (hash !== undefined && event !== undefined) return readEvent(event, hash, progress);
  const parsed = parse(text);
  return typeof parsed?.checkpoint === 'string' ? readCheckpoint(parsed.checkpoint, progress, key) : malformed;
}

const malformed: Wrong = { kind: 'malformed', message: 'It is neither an event nor a checkpoint.' };

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

function readEvent(text: string, hash: string, progress: Progress): Wrong | undefined {
  const event = parse(text);
  if (event === undefined || typeof event.bootId !== 'string') return malformed;
  const expected = progress.tree.size + 1;
  if (event.seq !== expected) return { kind: 'sequence', message: `Event ${expected} is missing: ${String(event.seq)} stands in its place.` };
  const nodeSeq = (progress.boots.get(event.bootId) ?? 0) + 1;
  if (event.nodeSeq !== nodeSeq) return { kind: 'node-sequence', message: `Row ${nodeSeq} of boot ${event.bootId} is missing.` };
  const leaf = leafHash(text);
  const head = chainHash(progress.head, leaf);
  if (head.toString('hex') !== hash) return { kind: 'hash', message: `Event ${expected} is not what was sealed.` };
  progress.boots.set(event.bootId, nodeSeq);
  progress.head = head;
  progress.tree.append(leaf);
  return undefined;
}

function readCheckpoint(note: string, progress: Progress, key: CheckpointKey): Wrong | undefined {
  const opened = openCheckpoint(note, key);
  if (!opened.ok) return { kind: 'signature', message: `A checkpoint cannot be believed: ${opened.error}.` };
  const { size, root, previous } = opened.value;
  if (size !== progress.tree.size || previous !== progress.signed || size <= progress.signed) {
    return { kind: 'checkpoint-order', message: `A checkpoint of ${size} events after one of ${previous} stands where it cannot.` };
  }
  if (!root.equals(progress.tree.root())) return { kind: 'root', message: `The events up to ${size} are not those that were signed.` };
  progress.signed = size;
  progress.checkpoints += 1;
  return undefined;
}

function endOf({ tree, signed }: Progress): Wrong | undefined {
  if (tree.size === signed) return undefined;
  return { kind: 'unsigned', message: `No checkpoint covers the events after ${signed}.` };
}

function againstKept({ tree, roots }: Progress, kept: readonly ReturnType<typeof openCheckpoint>[]): Wrong | undefined {
  for (const note of kept) {
    if (!note.ok) return { kind: 'kept-signature', message: `A checkpoint that was kept cannot be believed: ${note.error}.` };
    const { size, root } = note.value;
    if (size > tree.size) return { kind: 'truncated', message: `A checkpoint that was kept tells of ${size} events; ${tree.size} are here.` };
    if (roots.get(size)?.equals(root) !== true) return { kind: 'kept-root', message: `The first ${size} events are not those of a checkpoint that was kept.` };
  }
  return undefined;
}
