import { readFileSync } from 'node:fs';
import t from 'tap';
import { generate } from '../scripts/conformance.js';

/** Rows of CMP that are still to come; a row is taken off this list, never put on it. In two parts, so that naming it here is no test. */
const planned: readonly string[] = [];

t.test('the checklists say what the tests prove (npm run conformance)', async (t) => {
  for (const { name, text, counts } of generate()) {
    t.equal(text, readFileSync(new URL(`../docs/conformance/${name}`, import.meta.url), 'utf8'), `${name} is current`);
    t.ok(counts.done > counts.missing.length, `${name}: ${counts.done} rows have a test`);
    t.same(
      counts.missing.filter((id) => !planned.includes(id)),
      [],
      `${name}: no other row is without a test`,
    );
  }
});

/** The rows of the section on security and abuse, each with its tests; `npm test` prints them. */
t.test('every abuse case of CMP has a test that names it', async (t) => {
  const text = generate().find(({ name }) => name === 'cmp.md')?.text ?? '';
  const section = /^## 13\..*?(?=^## 14\.)/ms.exec(text)?.[0] ?? '';
  const rows = [...section.matchAll(/^\| (CMP-\d+) \|.*\| ([^|]+) \| ([^|]*) \|$/gm)];
  t.equal(rows.length, 22);
  for (const [, id = '', status = '', tests = ''] of rows) {
    t.ok(status === 'done' ? tests.trim() !== '' : status.startsWith('different: '), `${id} ${status}`);
    t.comment(`| ${id} | ${status} | ${tests.replaceAll('`', '')} |`);
  }
});
