import type { AuditCheckpoints, AuditEvent, AuditEventDetail } from '../../api/types.js';

/** What this browser found out by itself. `pending`: no checkpoint covers the event yet. */
export type Verdict = 'ok' | 'failed' | 'pending';

type Proof = NonNullable<AuditEventDetail['proof']>;

interface Note {
  /** What is signed. */
  readonly text: string;
  readonly size: number;
  readonly root: string;
  readonly time: string;
  readonly signature: Uint8Array<ArrayBuffer>;
}

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
const textBytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** A checkpoint as docs/audit.md has it (C2SP tlog-checkpoint); undefined where it is none. */
export function readNote(note: string): Note | undefined {
  const found = /^(\S+\n(\d+)\n([A-Za-z0-9+/]{43}=)\ntime (\S+)\nprevious \d+\n)\n\u2014 \S+ ([A-Za-z0-9+/]{91}=)\n$/.exec(note);
  if (found === null) return undefined;
  const [, text = '', size, root = '', time = '', signature = ''] = found;
  return { text, size: Number(size), root, time, signature: bytesOf(signature).slice(4) };
}

/** Whether the key signed the checkpoint (Ed25519). */
export async function isSigned(note: string, key: AuditCheckpoints['key']): Promise<boolean> {
  const read = readNote(note);
  const data = /\+([A-Za-z0-9+/]{44})$/.exec(key)?.[1];
  if (read === undefined || data === undefined) return false;
  const publicKey = await crypto.subtle.importKey('raw', bytesOf(data).slice(1), 'Ed25519', false, ['verify']);
  return crypto.subtle.verify('Ed25519', publicKey, read.signature, textBytes(read.text));
}

async function sha256(...parts: readonly Uint8Array<ArrayBuffer>[]): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', await new Blob([...parts]).arrayBuffer()));
}

/** The root that an audit path leads to (RFC 9162 section 2.1.3.2); undefined where path and place do not fit each other. */
async function rootOf({ event, path, seq, size }: Proof): Promise<string | undefined> {
  const [leaf, node] = [Uint8Array.of(0), Uint8Array.of(1)];
  let hash = await sha256(leaf, textBytes(event));
  let [at, last] = [seq - 1, size - 1];
  for (const sibling of path.map(bytesOf)) {
    if (last === 0) return undefined;
    if (at % 2 === 1 || at === last) {
      hash = await sha256(node, sibling, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
    } else hash = await sha256(node, hash, sibling);
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 ? btoa(String.fromCharCode(...hash)) : undefined;
}

/** Members in any sequence, everything else as it is. */
function isSame(left: unknown, right: unknown): boolean {
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return left === right;
  const [mine, theirs] = [Object.entries(left), new Map(Object.entries(right))];
  return mine.length === theirs.size && mine.every(([name, value]) => theirs.has(name) && isSame(value, theirs.get(name)));
}

/** What is shown must stand in the very bytes that were hashed. */
function saysTheSame(shown: AuditEvent, event: string): boolean {
  const said = JSON.parse(event) as Readonly<Record<string, unknown>>;
  const members = ['action', 'actor', 'object', 'outcome', 'nodeId', 'tenantId', 'details'] as const;
  const isOfThatTime = Math.abs(Date.parse(shown.at) - Date.parse(String(said.at))) <= 1;
  return shown.id === `${said.bootId}:${said.nodeSeq}` && isOfThatTime && members.every((name) => isSame(shown[name], said[name]));
}

/**
 * Whether an event is as it was written: among those of a checkpoint that the key signed, and saying what is shown.
 *
 * @param shown - As it stands in the list; what comes with the proof is what was written, and would only agree with itself.
 */
export async function verifyEvent(shown: AuditEvent, proof: AuditEventDetail['proof'], key: string): Promise<Verdict> {
  if (proof === null) return 'pending';
  const note = readNote(proof.checkpoint);
  const isFine = note !== undefined && note.size === proof.size && note.root === (await rootOf(proof)) && (await isSigned(proof.checkpoint, key));
  return isFine && saysTheSame(shown, proof.event) ? 'ok' : 'failed';
}
