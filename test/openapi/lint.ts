import { type ApiDocument, type ApiOperation, operationsOf, type Schema } from '../fuzz/api/document.js';
import { violation } from '../fuzz/api/validate.js';

/** The parts of the document that the rules read beyond its operations. */
export interface LintedDocument extends ApiDocument {
  readonly openapi: string;
  readonly info: { readonly title?: string; readonly version?: string; readonly description?: string };
  readonly servers?: readonly { readonly url: string }[];
  readonly tags?: readonly { readonly name: string; readonly description?: string }[];
  readonly components: ApiDocument['components'] & { readonly securitySchemes: Readonly<Record<string, unknown>> };
}

/**
 * Holds the document to OpenAPI 3.1 and to the conventions of this API, and says what is wrong, one line each: names, tags, parameters,
 * answers, references, schemas whose own defaults and examples do not fit them.
 */
export function lintOpenApi(document: LintedDocument): readonly string[] {
  const operations = operationsOf(document);
  return [
    ...documentFaults(document),
    ...duplicates(operations.map(({ operationId }) => operationId)).map((id) => `the operationId ${id} stands twice`),
    ...operations.flatMap((operation) => operationFaults(operation, document).map((fault) => `${operation.method} ${operation.path}: ${fault}`)),
    ...Object.entries(document.components.schemas).flatMap(([name, schema]) => schemaFaults(schema, document, name)),
    ...referenceFaults(document),
  ];
}

function documentFaults({ openapi, info, servers = [], tags = [], paths }: LintedDocument): string[] {
  const used = new Set(Object.values(paths).flatMap((methods) => Object.values(methods).flatMap((operation) => tagsOf(operation))));
  const declared = tags.map(({ name }) => name);
  return [
    ...(/^3\.1\.\d+$/.test(openapi) ? [] : [`openapi is ${openapi}`]),
    ...(['title', 'version', 'description'] as const).filter((field) => !info[field]).map((field) => `info.${field} is missing`),
    ...(servers.length > 0 ? [] : ['there are no servers']),
    ...duplicates(declared).map((name) => `the tag ${name} is declared twice`),
    ...tags.filter(({ description }) => !description).map(({ name }) => `the tag ${name} has no description`),
    ...[...used].filter((name) => !declared.includes(name)).map((name) => `the tag ${name} is not declared`),
    ...declared.filter((name) => !used.has(name)).map((name) => `nothing has the tag ${name}`),
  ];
}

const tagsOf = (operation: unknown): readonly string[] => (operation as { readonly tags?: readonly string[] }).tags ?? [];

function operationFaults(operation: ApiOperation, document: LintedDocument): string[] {
  const { path, method, operationId, parameters, responses } = operation;
  const raw = document.paths[path]?.[method.toLowerCase()] as {
    readonly summary?: string;
    readonly requestBody?: unknown;
    readonly security?: readonly object[];
  };
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const declared = parameters.filter((parameter) => parameter.in === 'path');
  const schemes = (raw.security ?? []).flatMap((scheme) => Object.keys(scheme));
  return [
    ...(/^\/api\/v1(\/([a-z]+[a-z-]*|openapi\.json|\{[a-z]\w*\}))+$/.test(path) ? [] : ['the path is not as the others']),
    ...(/^[a-z]+([A-Z][a-z]+)*$/.test(operationId) ? [] : [`the operationId ${operationId} is not camelCase`]),
    ...(raw.summary && !raw.summary.endsWith('.') ? [] : ['there is no summary, or it ends like a sentence']),
    ...(tagsOf(raw).length === 1 ? [] : ['there must be one tag']),
    ...inPath.filter((name) => !declared.some((parameter) => parameter.name === name)).map((name) => `{${name}} is not declared`),
    ...declared.filter(({ name }) => !inPath.includes(name)).map(({ name }) => `${name} is not in the path`),
    ...declared.filter(({ required }) => required !== true).map(({ name }) => `${name} must be required`),
    ...duplicates(parameters.map((parameter) => `${parameter.in} ${parameter.name}`)).map((name) => `the parameter ${name} stands twice`),
    ...parameters.flatMap(({ name, schema }) => schemaFaults(schema, document, name)),
    ...schemes.filter((name) => document.components.securitySchemes[name] === undefined).map((name) => `the security scheme ${name} is not declared`),
    ...(raw.requestBody !== undefined && (method === 'GET' || method === 'DELETE') ? ['it must have no body'] : []),
    ...answerFaults(responses, document),
  ];
}

function answerFaults(responses: ApiOperation['responses'], document: LintedDocument): string[] {
  const statuses = Object.keys(responses);
  const successes = statuses.filter((status) => /^[23]\d\d$/.test(status));
  const problems = ['4XX', '5XX'].filter((status) => responses[status]?.content?.['application/problem+json'] === undefined);
  return [
    ...(successes.length > 0 ? [] : ['no success is declared']),
    ...problems.map((status) => `${status} must be application/problem+json`),
    ...statuses.filter((status) => !(responses[status] as { readonly description?: string }).description).map((status) => `${status} has no description`),
    ...(responses['204']?.content === undefined ? [] : ['204 has no content']),
    ...statuses.flatMap((status) =>
      Object.entries(responses[status]?.content ?? {}).flatMap(([type, { schema }]) =>
        schema === undefined ? [`${status} ${type} has no schema`] : schemaFaults(schema, document, `${status} ${type}`),
      ),
    ),
  ];
}

const types = new Set(['object', 'array', 'string', 'integer', 'number', 'boolean', 'null']);

/** What is wrong in a schema and in what stands in it; `violation` throws on keywords that nobody looks at. */
function schemaFaults(schema: Schema, document: LintedDocument, place: string): string[] {
  const { properties = {}, required = [], type, items } = schema;
  const names = [type ?? []].flat();
  return [
    ...names.filter((name) => !types.has(name)).map((name) => `${place}: there is no type ${name}`),
    ...required.filter((name) => !Object.hasOwn(properties, name) && names.includes('object')).map((name) => `${place}: ${name} is required and not declared`),
    ...(schema.enum !== undefined && (schema.enum.length === 0 || duplicates(schema.enum.map(String)).length > 0)
      ? [`${place}: the enum is empty or repeats itself`]
      : []),
    ...rangeFaults(schema, place),
    ...(names.includes('array') && items === undefined && schema.prefixItems === undefined ? [`${place}: an array without items`] : []),
    ...(schema.pattern === undefined || isPattern(schema.pattern) ? [] : [`${place}: the pattern is no regular expression`]),
    ...valueFaults(schema, document, place),
    ...childrenOf(schema).flatMap(([name, child]) => schemaFaults(child, document, `${place}.${name}`)),
  ];
}

function rangeFaults(schema: Schema, place: string): string[] {
  const pairs = [
    [schema.minimum, schema.maximum],
    [schema.minLength, schema.maxLength],
    [schema.minItems, schema.maxItems],
  ] as const;
  return pairs.some(([least, most]) => least !== undefined && most !== undefined && least > most) ? [`${place}: the least is more than the most`] : [];
}

/** Its default and its examples must be what it allows. */
function valueFaults(schema: Schema, document: LintedDocument, place: string): string[] {
  const { default: byDefault, examples = [], ...rest } = schema as Schema & { readonly default?: unknown; readonly examples?: readonly unknown[] };
  const values = byDefault === undefined ? examples : [byDefault, ...examples];
  return values.flatMap((value) => violation(value, rest, document, `${place}: ${JSON.stringify(value)}`) ?? []);
}

function childrenOf({
  properties = {},
  items,
  prefixItems = [],
  anyOf = [],
  oneOf = [],
  allOf = [],
  additionalProperties,
  propertyNames,
  not,
}: Schema): readonly (readonly [string, Schema])[] {
  const single = { items, not, propertyNames, additionalProperties: typeof additionalProperties === 'object' ? additionalProperties : undefined };
  return [
    ...Object.entries(properties),
    ...Object.entries(single).flatMap(([name, schema]) => (schema === undefined ? [] : [[name, schema] as const])),
    ...[...prefixItems, ...anyOf, ...oneOf, ...allOf].map((schema, index) => [String(index), schema] as const),
  ];
}

function isPattern(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u') !== undefined;
  } catch {
    return false;
  }
}

/** Every reference leads to a schema, and every schema is referred to. */
function referenceFaults(document: LintedDocument): string[] {
  const root = '#/components/schemas/';
  const used = new Set([...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target = '']) => target));
  const schemas = Object.keys(document.components.schemas);
  return [
    ...[...used].filter((target) => !schemas.includes(target.replace(root, ''))).map((target) => `${target} leads nowhere`),
    ...schemas.filter((name) => !used.has(`${root}${name}`)).map((name) => `nothing refers to the schema ${name}`),
  ];
}

function duplicates(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
