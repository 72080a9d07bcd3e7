import { readFileSync } from 'node:fs';
import t from 'tap';
import { generate } from '../scripts/conformance.js';

/** Rows of CMP that are still to come; a row is taken off this list, never put on it. */
const planned = ['CMP-025', 'CMP-053', 'CMP-095', 'CMP-099', 'CMP-173', 'CMP-215', 'CMP-222'];

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
