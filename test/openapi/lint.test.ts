import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { type LintedDocument, lintOpenApi } from './lint.js';

const text = readFileSync(fileURLToPath(new URL('../../docs/openapi.json', import.meta.url)), 'utf8');

t.test('docs/openapi.json is OpenAPI 3.1 and keeps the conventions of this API', async (t) => {
  t.strictSame(lintOpenApi(JSON.parse(text) as LintedDocument), []);
});

/** A document with one thing wrong. */
function spoilt(change: (document: Record<string, never>) => void): LintedDocument {
  const document = JSON.parse(text);
  change(document);
  return document as LintedDocument;
}

type Loose = { [name: string]: Loose } & { push(value: unknown): void };
const planted: Readonly<Record<string, (document: Loose) => void>> = {
  'openapi is 3.0.0': (document) => Object.assign(document, { openapi: '3.0.0' }),
  'the operationId listOrders stands twice': (document) => Object.assign(operationIn(document, '/api/v1/accounts'), { operationId: 'listOrders' }),
  'the tag orders is not declared': (document) => Object.assign(document, { tags: [] }),
  'no success is declared': (document) => Object.assign(operationIn(document, '/api/v1/orders'), { responses: {} }),
  '{id} is not declared': (document) => Object.assign(operationIn(document, '/api/v1/orders/{id}'), { parameters: [] }),
  'is none of the values': (document) => Object.assign(parameterOf(document, 'sort'), { default: 'nothing' }),
  'the least is more than the most': (document) => Object.assign(parameterOf(document, 'limit'), { minimum: 500 }),
  'nothing refers to the schema Lonely': (document) => Object.assign(document.components?.schemas ?? {}, { Lonely: { type: 'object' } }),
  'leads nowhere': (document) =>
    Object.assign(document.components?.schemas?.Order ?? {}, { properties: { x: { $ref: '#/components/schemas/Gone' } }, required: [] }),
};

const operationIn = (document: Loose, path: string): object => (document.paths as unknown as Record<string, Record<string, object>>)[path]?.get ?? {};

function parameterOf(document: Loose, name: string): object {
  const { parameters } = operationIn(document, '/api/v1/orders') as { readonly parameters: readonly { readonly name: string; readonly schema: object }[] };
  return parameters.find((parameter) => parameter.name === name)?.schema ?? {};
}

t.test('what is wrong is found', async (t) => {
  for (const [fault, change] of Object.entries(planted)) {
    const faults = lintWithout(spoilt(change as never));
    t.ok(faults.includes(fault), `${fault}: ${faults.slice(0, 300)}`);
  }
});

/** A reference that leads nowhere is told by the validator as an exception, when a default is looked at. */
function lintWithout(document: LintedDocument): string {
  try {
    return lintOpenApi(document).join('\n');
  } catch (error) {
    return String(error);
  }
}
