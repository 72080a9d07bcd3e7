import { Cursor, contextConstructed, oidElement, oids, tag } from '../protocol/der/index.js';
import { type Field, field } from './field.js';
import { byteCount } from './words.js';

/** A header as it stands, however wrong the rest is. */
export interface Opening {
  readonly offset: number;
  readonly depth: number;
  readonly tagByte: number;
  readonly contentStart: number;
  /** As the header says; undefined for the indefinite form. */
  readonly length: number | undefined;
  /** Where the element ends, or the bytes do. */
  readonly end: number;
  readonly isCut: boolean;
}

/** The header at `offset`; undefined where there is none that can be read. Lengths beyond the end are cut. */
export function openingAt(bytes: Buffer, offset: number, end = bytes.length, depth = 0): Opening | undefined {
  const tagByte = bytes[offset];
  const first = bytes[offset + 1];
  if (tagByte === undefined || first === undefined || offset + 2 > end || (tagByte & 0x1f) === 0x1f) return undefined;
  const count = first < 0x80 ? 0 : first & 0x7f;
  if (count > 6 || offset + 2 + count > end) return undefined;
  const contentStart = offset + 2 + count;
  if (first === 0x80) return { offset, depth, tagByte, contentStart, length: undefined, end, isCut: false };
  const length = count === 0 ? first : bytes.readUIntBE(offset + 2, count);
  return { offset, depth, tagByte, contentStart, length, end: Math.min(end, contentStart + length), isCut: contentStart + length > end };
}

/** The elements directly inside `parent`, at most `max`; an indefinite one is the last, as its end is not looked for. */
export function openingsIn(bytes: Buffer, parent: Opening, max = 32): Opening[] {
  const found: Opening[] = [];
  let at = parent.contentStart;
  while (at < parent.end && found.length < max) {
    const opening = openingAt(bytes, at, parent.end, parent.depth + 1);
    if (opening === undefined || opening.tagByte === 0) break;
    found.push(opening);
    if (opening.length === undefined) break;
    at = opening.end;
  }
  return found;
}

const maxDepth = 32;
const maxOpenings = 20_000;

/** Every element from the start to where reading stops making sense, in order; never throws. */
function openingsOf(bytes: Buffer): Opening[] {
  const found: Opening[] = [];
  const ends: number[] = [bytes.length];
  let at = 0;
  while (ends.length > 0 && found.length < maxOpenings) {
    const end = ends[ends.length - 1] as number;
    if (at >= end || (bytes[at] === 0 && bytes[at + 1] === 0)) {
      ends.pop();
      if (at < end) at += 2;
      continue;
    }
    const opening = openingAt(bytes, at, end, ends.length - 1);
    if (opening === undefined) break;
    found.push(opening);
    const isEntered = (opening.tagByte & 0x20) !== 0 && ends.length <= maxDepth;
    if (isEntered) ends.push(opening.end);
    at = isEntered ? opening.contentStart : opening.end;
  }
  return found;
}

const typeNames: ReadonlyMap<number, string> = new Map(Object.entries(tag).map(([name, number]) => [number, name]));

function typeName(tagByte: number): string {
  const name = typeNames.get(tagByte) ?? typeNames.get(tagByte ^ 0x20);
  if (name !== undefined) return name;
  if (tagByte >= contextConstructed(0) || (tagByte & 0xc0) === 0x80) return `[${tagByte & 0x1f}]`;
  return `tag 0x${tagByte.toString(16).padStart(2, '0')}`;
}

const shownFirst = 40;
const shownLast = 12;

/** The structure as far as it goes: types, places and lengths, no values, which might be secrets. */
export function outlineFields(bytes: Buffer): Field[] {
  const openings = openingsOf(bytes);
  const left = openings.length - shownFirst - shownLast;
  if (left <= 0) return openings.map((opening) => openingField(bytes, opening));
  return [
    ...openings.slice(0, shownFirst).map((opening) => openingField(bytes, opening)),
    field('...', `${left} more elements`),
    ...openings.slice(-shownLast).map((opening) => openingField(bytes, opening)),
  ];
}

function openingField(bytes: Buffer, { offset, depth, tagByte, contentStart, length, end, isCut }: Opening): Field {
  const size = length === undefined ? 'indefinite length' : byteCount(length);
  const cut = isCut ? { verdict: 'failed' as const, note: `only ${byteCount(end - contentStart)} of its container are left` } : {};
  const name = tagByte === tag.oid ? knownOids.get(bytes.toString('latin1', contentStart, end)) : undefined;
  return field(`byte ${offset}`, `${'. '.repeat(depth)}${typeName(tagByte)}, ${size}${name === undefined ? '' : `: ${name}`}`, cut);
}

/** Only those we know: anything may stand in a broken message, a secret where an identifier belongs among it. */
const knownOids: ReadonlyMap<string, string> = new Map(
  Object.entries(oids).map(([name, oid]) => [new Cursor(oidElement(oid)).content(tag.oid).toString('latin1'), name]),
);
