import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** RFC 4180. A cell that a spreadsheet would take for a formula gets an apostrophe before it: what stands there may come from a device. */
export function csvLine(cells: readonly (string | number | null)[]): string {
  return `${cells.map(cellOf).join(',')}\r\n`;
}

function cellOf(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Whether the Accept header asks for CSV before JSON. */
export function wantsCsv(accept: string | undefined): boolean {
  const types = (accept ?? '').split(',').map((range) => range.split(';')[0]?.trim().toLowerCase());
  const [csv, json] = [types.indexOf('text/csv'), types.indexOf('application/json')];
  return csv !== -1 && (json === -1 || csv < json);
}

/** By heading, in this order: what a line says of an object. */
export type CsvColumns<T> = Readonly<Record<string, (item: T) => string | number | null>>;

/** A page of what is exported; `nextCursor` absent on the last. */
interface ExportedPage<T> {
  readonly items: readonly T[];
  readonly nextCursor?: string;
}

/**
 * Answers with every page as one CSV file, written as it is read: an export of any length needs the memory of one page. What is wrong with
 * the first page is still told as a problem; later the connection breaks off, so that nobody takes half a file for a whole one.
 */
export async function sendCsv<T>(
  reply: FastifyReply,
  name: string,
  columns: CsvColumns<T>,
  pageAt: (cursor: string | undefined) => Promise<ExportedPage<T>>,
): Promise<FastifyReply> {
  const first = await pageAt(undefined);
  async function* lines(): AsyncGenerator<string> {
    yield csvLine(Object.keys(columns));
    for (let page = first; ; page = await pageAt(page.nextCursor)) {
      yield page.items.map((item) => csvLine(Object.values(columns).map((read) => read(item)))).join('');
      if (page.nextCursor === undefined) return;
    }
  }
  reply.type('text/csv; charset=utf-8').header('content-disposition', `attachment; filename="${name}.csv"`);
  return reply.serializer((body: unknown) => body as string).send(Readable.from(lines()));
}
