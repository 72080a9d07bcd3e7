import { type ApiDocument, resolved, type Schema } from './document.js';

/**
 * Holds a value against a schema of the document; what is wrong, with its place, or undefined. Knows the keywords of `Schema`, and throws on any
 * other, so that a schema that says more than is looked at cannot pass.
 */
export function violation(value: unknown, schema: Schema, document: ApiDocument, place = ''): string | undefined {
  const unknown = Object.keys(schema).find((keyword) => !known.has(keyword));
  if (unknown !== undefined) throw new Error(`${place}: the keyword ${unknown} is not looked at`);
  if (schema.$ref !== undefined) return violation(value, resolved(schema, document), document, place);
  return checks.map((check) => check(value, schema, document, place)).find((fault) => fault !== undefined);
}

const annotations = ['description', 'title', 'default', 'examples', 'example', 'deprecated', 'readOnly', 'writeOnly', 'contentEncoding', '$schema', 'id'];
const known = new Set([
  ...annotations,
  ...['$ref', 'type', 'const', 'enum', 'anyOf', 'oneOf', 'allOf', 'not', 'properties', 'required', 'additionalProperties', 'propertyNames', 'items'],
  ...['prefixItems', 'minItems', 'maxItems', 'minLength', 'maxLength', 'pattern', 'format', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
]);

type Check = (value: unknown, schema: Schema, document: ApiDocument, place: string) => string | undefined;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

export function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

const isOfType = (value: unknown, type: string): boolean => typeOf(value) === type || (type === 'number' && typeof value === 'number');
const same = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right);
const fits = (value: unknown, schema: Schema, document: ApiDocument): boolean => violation(value, schema, document) === undefined;

const checkType: Check = (value, { type }, _, place) => {
  if (type === undefined) return undefined;
  const types = [type].flat();
  return types.some((one) => isOfType(value, one)) ? undefined : `${place}: is ${typeOf(value)}, not ${types.join(' or ')}`;
};

const checkChoice: Check = (value, schema, document, place) => {
  if ('const' in schema && !same(value, schema.const)) return `${place}: is not ${JSON.stringify(schema.const)}`;
  if (schema.enum !== undefined && !schema.enum.some((one) => same(one, value))) return `${place}: ${JSON.stringify(value)} is none of the values`;
  if (schema.anyOf !== undefined && !schema.anyOf.some((one) => fits(value, one, document))) return `${place}: fits no branch`;
  if (schema.oneOf !== undefined && schema.oneOf.filter((one) => fits(value, one, document)).length !== 1) return `${place}: does not fit one branch`;
  if (schema.not !== undefined && fits(value, schema.not, document)) return `${place}: is what it must not be`;
  return (schema.allOf ?? []).map((one) => violation(value, one, document, place)).find((fault) => fault !== undefined);
};

const checkObject: Check = (value, schema, document, place) => {
  if (!isObject(value)) return undefined;
  const { properties = {}, required = [], additionalProperties = true, propertyNames } = schema;
  const missing = required.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) return `${place}.${missing}: is missing`;
  for (const [name, member] of Object.entries(value)) {
    const fault = memberFault(member, Object.hasOwn(properties, name) ? (properties[name] as Schema) : additionalProperties, document, `${place}.${name}`);
    if (fault !== undefined) return fault;
    if (propertyNames !== undefined && !fits(name, propertyNames, document)) return `${place}: the name ${name} is not allowed`;
  }
  return undefined;
};

function memberFault(member: unknown, schema: boolean | Schema, document: ApiDocument, place: string): string | undefined {
  if (typeof schema === 'boolean') return schema ? undefined : `${place}: is not declared`;
  return violation(member, schema, document, place);
}

const checkArray: Check = (value, { items, prefixItems = [], minItems = 0, maxItems = Number.POSITIVE_INFINITY }, document, place) => {
  if (!Array.isArray(value)) return undefined;
  if (value.length < minItems || value.length > maxItems) return `${place}: has ${value.length} items`;
  for (const [index, item] of value.entries()) {
    const schema = prefixItems[index] ?? items;
    const fault = schema === undefined ? undefined : violation(item, schema, document, `${place}.${index}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
};

const formats: Readonly<Record<string, RegExp>> = {
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
};

const checkString: Check = (value, { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format }, _, place) => {
  if (typeof value !== 'string') return undefined;
  const length = [...value].length;
  if (length < minLength || length > maxLength) return `${place}: has ${length} characters`;
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) return `${place}: ${JSON.stringify(value)} does not match ${pattern}`;
  const shape = format === undefined ? undefined : formats[format];
  return shape === undefined || shape.test(value) ? undefined : `${place}: ${JSON.stringify(value)} is no ${format}`;
};

const checkNumber: Check = (value, schema, _, place) => {
  if (typeof value !== 'number') return undefined;
  const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = schema;
  const isWithin = value >= minimum && value <= maximum && (exclusiveMinimum === -Infinity || value > exclusiveMinimum) && value <= exclusiveMaximum;
  return isWithin ? undefined : `${place}: ${value} is out of range`;
};

const checks: readonly Check[] = [checkType, checkChoice, checkObject, checkArray, checkString, checkNumber];
