import { generateKeyPairSync } from 'node:crypto';
import { type CheckpointKey, signCheckpoint } from '../../src/audit/checkpoint.js';
import { checkpointLine, eventLine } from '../../src/audit/line.js';
import { chainHash, chainStart, GrowingTree, leafHash } from '../../src/audit/merkle.js';
import type { Random } from '../support/random.js';

type Tamper = (lines: string[], random: Random, key: CheckpointKey) => void;

const eventForm = /^\{"hash":"([0-9a-f]{64})","event":(.*)\}$/s;
const isEvent = (line: string): boolean => eventForm.test(line);
const positions = (lines: readonly string[], wanted: (line: string) => boolean): number[] => lines.flatMap((line, at) => (wanted(line) ? [at] : []));
const anEvent = (lines: readonly string[], random: Random): number => random.pick(positions(lines, isEvent));
const aCheckpoint = (lines: readonly string[], random: Random): number => random.pick(positions(lines, (line) => !isEvent(line)));

/** Someone who knows the format: numbers and hashes are made to fit again, so that only checkpoints can tell. */
function mendEvents(lines: string[]): void {
  const boots = new Map<string, number>();
  let [head, seq]: [Buffer, number] = [chainStart, 0];
  for (const [at, line] of lines.entries()) {
    const text = eventForm.exec(line)?.[2];
    if (text === undefined) continue;
    const boot = /"bootId":"([^"]+)"/.exec(text)?.[1] ?? '';
    boots.set(boot, (boots.get(boot) ?? 0) + 1);
    seq += 1;
    const mended = text.replace(/"nodeSeq":\d+/, `"nodeSeq":${boots.get(boot)}`).replace(/"seq":\d+/, `"seq":${seq}`);
    head = chainHash(head, leafHash(mended));
    lines[at] = eventLine(mended, head);
  }
}

/** And with a key of his own: every checkpoint is made anew, under the same name. */
function signAnew(lines: string[], { origin }: CheckpointKey): void {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const own = { origin, publicKey: Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url') };
  const tree = new GrowingTree();
  let previous = 0;
  for (const [at, line] of lines.entries()) {
    const text = eventForm.exec(line)?.[2];
    if (text !== undefined) tree.append(leafHash(text));
    else
      lines[at] = checkpointLine(signCheckpoint({ origin, size: tree.size, root: tree.root(), time: '2026-01-01T00:00:00.000Z', previous }, own, privateKey));
    if (text === undefined) previous = tree.size;
  }
}

const changes: readonly ((text: string) => string)[] = [
  (text) => text.replace('"outcome":"success"', '"outcome":"failure"'),
  (text) => text.replace(/"actor":"[^"]*"/, '"actor":"someone else"'),
  (text) => text.replace(/("at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{5})(\d)/, (_all, before: string, digit: string) => `${before}${(Number(digit) + 1) % 10}`),
  (text) => text.replace('"details":{', '"details":{"added":1,').replace(',}', '}'),
  (text) => text.replace(/"object":"/, '"object":"not:'),
  (text) => text.replace('{"action"', '{ "action"'),
];

function changeEvent(lines: string[], random: Random): void {
  const at = anEvent(lines, random);
  lines[at] = random.pick(changes.map((change) => change(lines[at] ?? '')).filter((changed) => changed !== lines[at]));
}

function deleteEvents(lines: string[], random: Random): void {
  const at = anEvent(lines, random);
  const count = 1 + random.below(3);
  for (let left = count; left > 0 && isEvent(lines[at] ?? ''); left -= 1) lines.splice(at, 1);
}

function insertEvent(lines: string[], random: Random): void {
  const copied = lines[anEvent(lines, random)] ?? '';
  lines.splice(anEvent(lines, random), 0, copied.replace(/"actor":"[^"]*"/, '"actor":"nobody"'));
}

function reorderEvents(lines: string[], random: Random): void {
  const [one, other] = [anEvent(lines, random), anEvent(lines, random)];
  const [left, right] = [lines[one] ?? '', lines[other === one ? one - 1 : other] ?? ''];
  lines[one] = right;
  lines[other === one ? one - 1 : other] = left;
}

function flipBit(lines: string[], random: Random): void {
  const at = random.below(lines.length);
  const bytes = Buffer.from(lines[at] ?? '');
  const where = random.below(bytes.length);
  bytes[where] = (bytes[where] as number) ^ (1 << random.below(7));
  lines[at] = bytes.toString('utf8');
}

function forgeCheckpoint(lines: string[], random: Random): void {
  const at = aCheckpoint(lines, random);
  const note = (JSON.parse(lines[at] ?? '') as { checkpoint: string }).checkpoint.split('\n');
  const line = random.pick([1, 2, 3, 4, 6]);
  const text = note[line] ?? '';
  const where = random.below(Math.min(text.length, 40));
  note[line] = `${text.slice(0, where)}${text[where] === '1' ? '2' : '1'}${text.slice(where + 1)}`;
  lines[at] = checkpointLine(note.join('\n'));
}

/** What can be done to an export. Each leaves something that is not what the nodes wrote. */
export const tamperings: Readonly<Record<string, Tamper>> = {
  change: changeEvent,
  'change, chain mended': (lines, random) => {
    changeEvent(lines, random);
    mendEvents(lines);
  },
  delete: deleteEvents,
  'delete, chain mended': (lines, random) => {
    deleteEvents(lines, random);
    mendEvents(lines);
  },
  insert: insertEvent,
  'insert, chain mended': (lines, random) => {
    insertEvent(lines, random);
    mendEvents(lines);
  },
  reorder: reorderEvents,
  'reorder, chain mended': (lines, random) => {
    reorderEvents(lines, random);
    mendEvents(lines);
  },
  'truncate anywhere': (lines, random) => void lines.splice(1 + random.below(lines.length - 1)),
  'truncate behind a checkpoint': (lines, random) => {
    const notes = positions(lines, (line) => !isEvent(line));
    lines.splice((notes[random.below(notes.length - 1)] ?? 0) + 1);
  },
  'take away a checkpoint': (lines, random) => void lines.splice(aCheckpoint(lines, random), 1),
  'move a checkpoint': (lines, random) => {
    const [note = ''] = lines.splice(aCheckpoint(lines, random), 1);
    lines.splice(Math.max(0, anEvent(lines, random) - 1), 0, note);
  },
  'forge a checkpoint': forgeCheckpoint,
  'change, all signed anew': (lines, random, key) => {
    changeEvent(lines, random);
    mendEvents(lines);
    signAnew(lines, key);
  },
  'truncate, all signed anew': (lines, random, key) => {
    lines.splice(1 + random.below(lines.length - 1));
    signAnew(lines, key);
  },
  'flip a bit': flipBit,
};
