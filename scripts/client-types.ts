/** Types of the API's client, made from its OpenAPI document: every schema, and what each operation takes and gives. */

// biome-ignore lint/suspicious/noExplicitAny: a JSON document, walked by its own words
type Json = any;

const heading = '// Made by `npm run openapi` from the OpenAPI document; changes here are lost.\n// biome-ignore-all format: one line per type\n';

/** The TypeScript type of a JSON schema, as far as the document uses them. */
function typeOf(schema: Json): string {
  if (schema === undefined || Object.keys(schema).length === 0) return 'unknown';
  if (schema.$ref !== undefined) return `Schemas[${JSON.stringify(schema.$ref.split('/').at(-1))}]`;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value: Json) => JSON.stringify(value)).join(' | ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return choices.map(typeOf).join(' | ');
  if (schema.allOf !== undefined) return schema.allOf.map(typeOf).join(' & ');
  if (Array.isArray(schema.type)) return schema.type.map((type: string) => typeOf({ ...schema, type })).join(' | ');
  if (schema.type === 'array') return `readonly (${typeOf(schema.items)})[]`;
  if (schema.type === 'object') return objectType(schema);
  if (schema.type === 'integer' || schema.type === 'number') return 'number';
  return ['string', 'boolean', 'null'].includes(schema.type) ? schema.type : 'unknown';
}

function objectType({ properties = {}, required = [], additionalProperties }: Json): string {
  const members = Object.entries<Json>(properties).map(
    ([name, schema]) => `readonly ${JSON.stringify(name)}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}`,
  );
  const isOpen = additionalProperties !== undefined && additionalProperties !== false;
  if (members.length === 0) return isOpen ? `{ readonly [name: string]: ${typeOf(additionalProperties)} }` : 'Record<string, never>';
  return `{ ${members.join('; ')}${isOpen ? '; readonly [name: string]: unknown' : ''} }`;
}

interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly op: Json;
}

function operationsOf(document: Json): readonly Operation[] {
  return Object.entries<Json>(document.paths)
    .flatMap(([path, methods]) =>
      Object.entries<Json>(methods).map(([method, op]) => ({ id: op.operationId as string, method: method.toUpperCase(), path, op })),
    )
    .sort((left, right) => (left.id < right.id ? -1 : 1));
}

function parametersOf(op: Json, place: 'path' | 'query'): string {
  const found = (op.parameters ?? []).filter((parameter: Json) => parameter.in === place);
  if (found.length === 0) return 'undefined';
  return `{ ${found.map(({ name, required, schema }: Json) => `readonly ${JSON.stringify(name)}${required ? '' : '?'}: ${typeOf(schema)}`).join('; ')} }`;
}

function answerOf(op: Json): string {
  const success = Object.entries<Json>(op.responses).find(([status]) => status.startsWith('2'))?.[1];
  const schema = success?.content?.['application/json']?.schema;
  return schema === undefined ? 'undefined' : typeOf(schema);
}

/** Whether something has to be said in the body at all. */
function bodyOf({ requestBody }: Json): string {
  const schema = requestBody?.content?.['application/json']?.schema;
  if (schema === undefined) return 'undefined';
  return requestBody.required === true ? typeOf(schema) : `${typeOf(schema)} | undefined`;
}

/** By file name under src/client. `text`: the OpenAPI document. */
export function clientTypes(text: string): Readonly<Record<string, string>> {
  const document = JSON.parse(text);
  const schemas = Object.entries<Json>(document.components.schemas).map(([name, schema]) => `  readonly ${name}: ${typeOf(schema)};`);
  const operations = operationsOf(document);
  const types = operations.map(({ id, op }) => {
    const parts = [`path: ${parametersOf(op, 'path')}`, `query: ${parametersOf(op, 'query')}`, `body: ${bodyOf(op)}`, `answer: ${answerOf(op)}`];
    return `  readonly ${id}: { ${parts.map((part) => `readonly ${part}`).join('; ')} };`;
  });
  const places = operations.map(({ id, method, path }) => `  ${id}: ['${method}', '${path}'],`);
  return {
    'schemas.ts': `${heading}\n/** What the API takes and gives, by name. */\nexport interface Schemas {\n${schemas.join('\n')}\n}\n`,
    'operations.ts': `${heading}import type { Schemas } from './schemas.js';\n\n/** What each operation takes and gives. */\nexport interface Operations {\n${types.join('\n')}\n}\n`,
    'places.ts': `${heading}\n/** Method and path of each operation. */\nexport const places = {\n${places.join('\n')}\n} as const;\n`,
  };
}
