/**
 * Writes the status and test columns of docs/conformance/*.md from the names of the tests: `npm run conformance`; with `--check`
 * it only says whether they are current. A row is "done" when a test's name carries its id, "different" when differences.json
 * gives the reason, else "not done".
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'docs/conformance');
const rowId = /\b(?:SCEP-\d{3}|CMP-\d{3}|CT-\d{2}|AB-\d{2})\b/g;

export interface Checklist {
  readonly name: string;
  readonly text: string;
  readonly counts: { readonly done: number; readonly different: number; readonly missing: readonly string[] };
}

/** Row id -> test files that name it in a string, in order. */
function testsByRow(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  for (const file of files.sort()) {
    const ids = new Set(readFileSync(join(root, 'test', file), 'utf8').match(rowId) ?? []);
    for (const id of ids) found.set(id, [...(found.get(id) ?? []), file]);
  }
  return found;
}

function reasons(): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync(join(folder, 'differences.json'), 'utf8')) as Record<string, string>;
}

/** Every checklist as it should read now. */
export function generate(): readonly Checklist[] {
  const tests = testsByRow();
  const different = reasons();
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => fill(name, readFileSync(join(folder, name), 'utf8'), tests, different));
}

function fill(name: string, text: string, tests: Map<string, string[]>, different: Readonly<Record<string, string>>): Checklist {
  const missing: string[] = [];
  const counts = { done: 0, different: 0 };
  const lines = text.split('\n').map((line) => {
    const id = /^\| ((?:SCEP|CMP|CT|AB)-\d+) \|/.exec(line)?.[1];
    if (id === undefined) return line;
    const cells = line.split(/(?<!\\)\|/).slice(1, -1);
    const files = (tests.get(id) ?? []).map((file) => `\`${file}\``).join(' ');
    const reason = different[id];
    if (reason !== undefined) counts.different += 1;
    else if (files !== '') counts.done += 1;
    else missing.push(id);
    const status = reason !== undefined ? `different: ${reason}` : files === '' ? 'not done' : 'done';
    return `|${[...cells.slice(0, -2), ` ${status} `, ` ${files} `].join('|')}|`;
  });
  const total = counts.done + counts.different + missing.length;
  const summary = `**${counts.done} of ${total} rows done, ${counts.different} deliberately different, ${missing.length} not done.**`;
  const withSummary = lines.map((line) => (/^\*\*\d+ of \d+ rows/.test(line) ? summary : line));
  return { name, text: withSummary.join('\n'), counts: { ...counts, missing } };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name, text, counts } of generate()) {
    writeFileSync(join(folder, name), text);
    process.stdout.write(`${name}: ${counts.done} done, ${counts.different} different, ${counts.missing.length} not done\n`);
    if (counts.missing.length > 0) process.stdout.write(`  ${counts.missing.join(' ')}\n`);
  }
}
