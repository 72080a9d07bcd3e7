import { fail, ok, type Result } from '../../runtime/result.js';
import { newVendorDeviceSchema } from './vendor-device-schema.js';

export interface LineFault {
  /** `csv:3`, the line counted from 1. */
  readonly path: string;
  readonly message: string;
}

const columns = ['issuer', 'serial', 'subject', 'label', 'uses', 'expiresAt'] as const;
const maxLines = 10_000;
const maxFaults = 20;

type Device = ReturnType<typeof newVendorDeviceSchema.parse>;

/** The devices of a CSV text with a heading, each checked as if it came alone; the first faults by line when any is wrong. */
export function readDeviceCsv(text: string): Result<readonly Device[], readonly LineFault[]> {
  const [heading, ...lines] = readCsv(text.replace(/^\ufeff/, ''));
  const names = heading?.cells.map((cell) => cell.trim()) ?? [];
  const unknown = names.filter((name) => !(columns as readonly string[]).includes(name));
  if (heading === undefined || unknown.length > 0 || new Set(names).size !== names.length) {
    return fail([{ path: 'csv:1', message: `The heading must name columns among ${columns.join(', ')}, each once` }]);
  }
  if (lines.length === 0 || lines.length > maxLines) return fail([{ path: 'csv', message: `Must hold 1 to ${maxLines} devices` }]);
  const read = lines.map((line) => readLine(line, names));
  const faults = read.flatMap((item) => (item.ok ? [] : item.error)).slice(0, maxFaults);
  return faults.length > 0 ? fail(faults) : ok(read.flatMap((item) => (item.ok ? [item.value] : [])));
}

function readLine({ at, cells }: Line, names: readonly string[]): Result<Device, readonly LineFault[]> {
  if (cells.length !== names.length) return fail([{ path: `csv:${at}`, message: `Has ${cells.length} values, not ${names.length}` }]);
  const given = names.map((name, index) => [name, (cells[index] as string).trim()] as const).filter(([, value]) => value !== '');
  const fields = Object.fromEntries(given.map(([name, value]) => [name, name === 'uses' ? Number(value) : value]));
  const parsed = newVendorDeviceSchema.safeParse(fields);
  if (parsed.success) return ok(parsed.data);
  return fail(parsed.error.issues.map((issue) => ({ path: `csv:${at}`, message: `${issue.path.join('.')}: ${issue.message}` })));
}

interface Line {
  /** Counted from 1, where it begins. */
  readonly at: number;
  readonly cells: readonly string[];
}

/** RFC 4180: values between quotes may hold commas, quotes (doubled) and line ends. Empty lines are passed over. */
function readCsv(text: string): Line[] {
  const lines: Line[] = [];
  let at = 1;
  for (const record of text.match(/(?:"(?:[^"]|"")*"|[^"\r\n])+|\r\n|\n|\r/g) ?? []) {
    if (/^[\r\n]/.test(record)) {
      at += 1;
      continue;
    }
    if (record.trim() !== '') lines.push({ at, cells: cellsOf(record) });
    at += record.match(/\r\n|\n|\r/g)?.length ?? 0;
  }
  return lines;
}

function cellsOf(record: string): string[] {
  const found = record.matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"\s*(?=,|$)|([^,]*))/g);
  return [...found].map(([, quoted, plain]) => (quoted === undefined ? (plain ?? '') : quoted.replace(/""/g, '"')));
}
