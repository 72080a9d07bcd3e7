import { readFileSync } from 'node:fs';
import t from 'tap';
import { generate } from '../scripts/conformance.js';

t.test('the checklists say what the tests prove (npm run conformance)', async (t) => {
  for (const { name, text, counts } of generate()) {
    t.equal(text, readFileSync(new URL(`../docs/conformance/${name}`, import.meta.url), 'utf8'), `${name} is current`);
    t.ok(counts.done > counts.missing.length, `${name}: ${counts.done} rows have a test`);
  }
});
