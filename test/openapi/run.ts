/** `npm run lint:openapi`: what is wrong with docs/openapi.json, or with the document that is named; exit code 1 when there is anything. */
import { readFileSync } from 'node:fs';
import { type LintedDocument, lintOpenApi } from './lint.js';

const [file = 'docs/openapi.json'] = process.argv.slice(2);
const faults = lintOpenApi(JSON.parse(readFileSync(file, 'utf8')) as LintedDocument);
process.stdout.write(`${[...faults, `${file}: ${faults.length} faults`].join('\n')}\n`);
process.exitCode = faults.length === 0 ? 0 : 1;
